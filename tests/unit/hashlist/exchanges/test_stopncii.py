"""All of what changed at StopNCII, whatever happens meanwhile."""

import json
import random
from dataclasses import replace

import pytest

from scanner.errors import ExchangeError
from scanner.hashlist.exchanges import journal as journals
from scanner.hashlist.exchanges import stopncii
from scanner.hashlist.exchanges.stopncii import START, StopNcii
from scanner.hashlist.exchanges.wire import utc_text
from tests.exchanges.serving import FAULTS
from tests.exchanges.stopncii import KEYS, Record, StopNciiExchange, records
from tests.exchanges.stopncii import START as FIRST
from tests.unit.hashlist.exchanges.conftest import NOW


@pytest.fixture
def pull(tmp_path, wired, clock):
    """Return a function that reads an exchange, and gives the values that are held and the next beginning."""

    def pull(exchange, since=START, tries=1):
        folder = tmp_path / "sync"
        with exchange.serving() as base:
            for attempt in range(tries):
                journal = journals.begun(folder) or journals.begin(folder, base, str(since), utc_text(NOW))
                try:
                    following = stopncii.pull(StopNcii(wired(base, "stopncii")), journal, clock.around())
                    break
                except ExchangeError:
                    if attempt == tries - 1:
                        raise
        latest = {}
        for file in journal.files():
            for record in json.loads(file.read_bytes())["hashRecords"]:
                key, at = record["hashValue"], record["lastModtimestamp"]
                if at >= latest.get(key, (0, ""))[0]:
                    latest[key] = (at, record["hashStatus"])
        ended = ("Withdrawn", "Deleted")
        return {value for value, (_, status) in latest.items() if status not in ended}, following

    return pull


@pytest.mark.parametrize("count", [0, 1, 3, 4, 10])
def test_all_records_are_read_although_the_last_page_names_a_next_one_too(pull, count):
    exchange = StopNciiExchange(records(count), most=3)
    read, following = pull(exchange)
    assert read == exchange.truth()
    assert following == (FIRST + 60 * (count - 1) if count else START + 1)


def test_the_next_beginning_never_goes_back(pull):
    assert pull(StopNciiExchange(), since=FIRST)[1] == FIRST + 1
    exchange = StopNciiExchange(records(2))
    exchange.answer = lambda *_: (200, b'{"hashRecords": [], "nextSetTimestamp": 5, "hasMoreRecords": false}')
    assert pull(exchange, since=FIRST)[1] == FIRST + 1


def test_a_page_that_never_arrives_whole_is_asked_for_in_smaller_ones(pull):
    exchange = StopNciiExchange(records(30), too_large=10)
    assert pull(exchange)[0] == exchange.truth()


def test_a_record_that_never_arrives_whole_is_said_and_does_not_stall_in_silence(pull):
    with pytest.raises(ExchangeError, match="cut off, or is no answer, 8 times"):
        pull(StopNciiExchange(records(3), too_large=0))


def test_a_page_of_fewer_records_than_it_says_is_no_answer(pull):
    exchange = StopNciiExchange()
    exchange.answer = lambda *_: (200, b'{"count": 2, "hashRecords": [{}], "hasMoreRecords": false}')
    with pytest.raises(ExchangeError, match="cut off, or is no answer"):
        pull(exchange)


def test_a_page_that_names_itself_as_the_next_one_is_said(pull):
    exchange = StopNciiExchange()
    body = b'{"hashRecords": [], "nextPageToken": "t", "nextSetTimestamp": 5, "hasMoreRecords": true}'
    exchange.answer = lambda *_: (200, body)
    with pytest.raises(ExchangeError, match="the same page again and again"):
        pull(exchange)


def test_a_token_that_is_known_no_longer_begins_the_reading_again(pull):
    exchange = StopNciiExchange(records(10), most=3)
    exchange.moves = lambda number, it: it.tokens.clear() if number == 3 else None
    assert pull(exchange)[0] == exchange.truth()


@pytest.mark.parametrize("when", [2, 3, 4])
def test_a_record_that_moved_to_a_page_that_was_read_is_not_lost(pull, when):
    def moves(number, exchange):
        if number == when:
            first = min(exchange.records, key=lambda value: exchange.records[value].at)
            exchange.records[first] = Record(int(NOW.timestamp()) + 60)

    exchange = StopNciiExchange(records(10), most=3, moves=moves)
    assert pull(exchange)[0] >= exchange.truth()


def test_hashes_that_change_without_end_are_said(pull):
    def moves(number, exchange):
        first = min(exchange.records, key=lambda value: exchange.records[value].at)
        exchange.records[first] = Record(FIRST + 60 * (100 + number))

    with pytest.raises(ExchangeError, match="changed each time that they were read"):
        pull(StopNciiExchange(records(10), most=3, moves=moves))


def test_both_keys_are_sent_and_neither_is_shown(pull, wired):
    exchange = StopNciiExchange(fault=lambda number, path: "500")
    with pytest.raises(ExchangeError) as error:
        pull(exchange)
    assert not any(key in str(error.value) for key in KEYS)


@pytest.mark.parametrize("seed", range(40))
def test_any_schedule_of_faults_and_changes_ends_with_the_truth(pull, seed):
    chance = random.Random(seed)
    density, changing = chance.choice([0.0, 0.1, 0.3]), chance.choice([0.0, 0.05, 0.2])

    def moves(number, exchange):
        if exchange.records and chance.random() < changing and number < 40:
            value = chance.choice(sorted(exchange.records))
            status = chance.choice(["Active", "Withdrawn", "Deleted"])
            exchange.records[value] = replace(
                exchange.records[value], at=int(NOW.timestamp()) + number, status=status
            )

    exchange = StopNciiExchange(
        records(chance.randrange(20)),
        most=chance.choice([3, 5]),
        lasts=chance.choice([3, 10**9]),
        moves=moves,
        fault=lambda number, path: chance.choice(FAULTS) if chance.random() < density else None,
    )
    read = pull(exchange, tries=50)[0]
    changed = {value for value, one in exchange.records.items() if one.at >= NOW.timestamp()}
    assert exchange.truth() - changed <= read
    assert read - exchange.truth() <= changed
