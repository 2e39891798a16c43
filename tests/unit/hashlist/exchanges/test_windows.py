"""All of a range of NCMEC's entries, whatever the platform does meanwhile; each hazard has its test."""

import io
import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scanner.errors import ExchangeError, HashListError
from scanner.hashlist.exchanges import journal as journals
from scanner.hashlist.exchanges import windows
from scanner.hashlist.exchanges.ncmec import Ncmec
from scanner.hashlist.exchanges.wire import utc_text
from scanner.hashlist.formats.ncmec import Page, rows_of
from tests.exchanges.ncmec import DAY, PASSWORD, Platform, State, entries, place
from tests.exchanges.serving import FAULTS

UNTIL = DAY + timedelta(days=30)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(windows, "LIMIT", 20)


@pytest.fixture
def pull(tmp_path, wired, clock):
    """Return a function that reads a platform whole, and gives the rows that its pages hold."""

    def pull(platform, since=DAY - timedelta(days=1), until=UNTIL, tries=1, name="sync"):
        folder = tmp_path / name
        with platform.serving() as base:
            for attempt in range(tries):
                journal = journals.begun(folder) or journals.begin(
                    folder, base, utc_text(since), utc_text(until)
                )
                try:
                    windows.pull(Ncmec(wired(base)), journal, clock.around())
                    break
                except ExchangeError:
                    if attempt == tries - 1:
                        raise
        return held(journal)

    return pull


def held(journal):
    """Return what the pages of a reading come to: the latest states, in the words of the truth."""
    latest = {}
    for file in journal.files():
        for _, row in rows_of(io.BytesIO(file.read_bytes()), "page", Page()):
            key, at = (row["member"], row["entry_id"]), datetime.fromisoformat(row["modified_at"])
            if key not in latest or at >= latest[key][0]:
                rows = latest[key][1] if key in latest and latest[key][0] == at else []
                latest[key] = (at, [*rows, row])
    return {
        (row["media_type"], *key, row["algorithm"], row["value"], row["classification"])
        for key, (_, rows) in latest.items()
        for row in rows
        if row["status"] != "deleted"
    }


def asked(platform):
    return [path for _, path, _, _ in platform.requests if path == "/v2/entries"]


@pytest.mark.parametrize("count", [0, 1, 5, 19, 20, 21, 200])
@pytest.mark.parametrize("total", [True, False])
def test_all_entries_of_a_range_are_read(pull, count, total):
    platform = Platform(entries(count), page_size=7, total=total)
    assert pull(platform) == platform.truth()


def test_a_range_begins_behind_its_first_second_and_ends_with_its_last(pull):
    platform = Platform(entries(10), page_size=4)
    assert len(pull(platform, DAY, DAY + timedelta(minutes=5))) == 5


def test_a_long_range_is_cut_into_windows_that_bound_chains_of_pages(pull):
    platform = Platform(entries(300), page_size=5)
    pull(platform)
    chains, chain = [], 0
    for _, _, target, _ in platform.requests:
        chain = chain + 1 if "start=" in target else 1
        chains.append(chain)
    assert max(chains) <= 20 / 5


def test_many_entries_of_one_second_are_read_although_no_window_can_part_them(pull):
    platform = Platform(entries(90, step=timedelta(0)), page_size=7)
    assert pull(platform) == platform.truth()


def test_windows_grow_where_there_is_little_to_read(pull):
    far = {("45", "late"): State(DAY + timedelta(days=29), {"md5": "ab" * 16})}
    platform = Platform(entries(60, step=timedelta(seconds=1)) | far, page_size=7)
    assert pull(platform) == platform.truth()
    assert len(asked(platform)) < 120


def test_times_are_sent_in_utc_although_the_peer_writes_local_time(pull, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        platform = Platform(entries(1))
        pull(platform)
        assert "from=2026-01-04T00%3A00%3A00Z" in platform.requests[0][2]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert utc_text(datetime(2026, 1, 1, tzinfo=UTC).astimezone()) == "2026-01-01T00:00:00Z"


def moving(*numbers):
    """Return what updates the first entry of a range as some requests come, so that the others move up."""

    def moves(number, platform):
        if number in numbers:
            key = min((key for key, state in platform.entries.items() if state.at < UNTIL), key=place)
            platform.entries[key] = replace(platform.entries[key], at=UNTIL + timedelta(seconds=number))

    return moves


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("when", [2, 3, 4, 5])
def test_a_range_that_changes_while_being_read_loses_no_entry_that_moved_up(pull, when, total):
    platform = Platform(entries(18), page_size=4, total=total, moves=moving(when))
    read = pull(platform)
    assert read >= platform.truth(UNTIL)


def test_a_second_that_never_holds_still_is_said(pull):
    platform = Platform(entries(90, step=timedelta(0)), page_size=7, moves=moving(*range(0, 10_000, 9)))
    with pytest.raises(ExchangeError, match="changed each time that they were read"):
        pull(platform, DAY - timedelta(seconds=1), DAY)


def test_pages_are_in_no_order_of_time_and_no_time_of_theirs_is_taken_for_progress(pull):
    platform = Platform(entries(100), page_size=3)
    assert pull(platform) == platform.truth()


def test_an_address_that_is_known_no_longer_costs_its_window_only(pull):
    platform = Platform(entries(18), page_size=4)
    platform.moves = lambda number, it: it.links.clear() if number == 3 else None
    assert pull(platform) == platform.truth()
    assert len(asked(platform)) < 20


def test_an_address_is_not_followed_once_it_is_hours_old(pull, clock):
    platform = Platform(entries(18), page_size=4, fault=stopping([2]))
    with pytest.raises(ExchangeError):
        pull(platform)
    clock.now += timedelta(hours=11)
    before = len(platform.requests)
    assert pull(platform) == platform.truth()
    assert "start=" not in platform.requests[before][2]


def stopping(numbers):
    """Return a fault that lasts for some requests in a row, longer than the wire's patience."""
    return lambda number, path: "503" if any(start <= number < start + 8 for start in numbers) else None


@pytest.mark.parametrize("start", range(1, 12))
def test_a_reading_that_was_stopped_goes_on_where_it_was(pull, start):
    platform = Platform(entries(45), page_size=4, fault=stopping([start]))
    undisturbed = Platform(entries(45), page_size=4)
    assert pull(platform, tries=2) == platform.truth()
    pull(undisturbed, name="other")
    assert len(asked(platform)) - 8 <= len(asked(undisturbed)) + 2


def test_a_page_that_is_missing_from_a_stopped_reading_is_said(pull, tmp_path):
    pull(Platform(entries(3)))
    (tmp_path / "sync" / "000000.page").unlink()
    with pytest.raises(HashListError, match="a page is missing; remove the folder"):
        journals.begun(tmp_path / "sync")


def test_pages_and_journal_are_private(pull, tmp_path):
    pull(Platform(entries(30), page_size=4))
    assert (tmp_path / "sync").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "sync").iterdir()} == {0o600}
    for path in (tmp_path / "sync").iterdir():
        assert PASSWORD.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "following",
    [
        "https://elsewhere.example/v2/entries?start=5",
        "/v2/other?start=5",
        "//elsewhere/v2/entries",
        "/v2/entries?from=2020-01-01T00:00:00Z&to=2020-01-01T00:00:00Z&start=5",
    ],
)
def test_a_next_page_elsewhere_or_of_another_range_is_never_followed(pull, following):
    platform = Platform(entries(18), page_size=4)
    answer = platform.answer

    def misled(method, path, query, headers, sent):
        status, body = answer(method, path, query, headers, sent)
        start, _, rest = body.partition(b"<next>")
        named = b"<next>" + following.replace("&", "&amp;").encode() + b"</next>"
        return status, start + named + rest.partition(b"</next>")[2] if rest else body

    platform.answer = misled
    assert pull(platform) == platform.truth()  # in windows of one page each
    assert all("elsewhere" not in target and "other" not in target for _, _, target, _ in platform.requests)


@pytest.mark.parametrize("seed", range(40))
def test_any_schedule_of_faults_and_changes_ends_with_the_truth(pull, seed):
    chance = random.Random(seed)
    density, changing = chance.choice([0.0, 0.1, 0.4]), chance.choice([0.0, 0.05, 0.3])

    def fault(number, path):
        return chance.choice(FAULTS) if chance.random() < density else None

    def moves(number, platform):
        if chance.random() < changing and number < 60:
            key = chance.choice(sorted(platform.entries))
            at = UNTIL + timedelta(seconds=number)
            platform.entries[key] = replace(platform.entries[key], at=at, gone=chance.random() < 0.3)

    step = chance.choice([timedelta(0), timedelta(seconds=1), timedelta(hours=1)])
    platform = Platform(
        entries(chance.randrange(60), step=step),
        page_size=chance.choice([3, 5]),
        total=chance.random() < 0.7,
        lasts=chance.choice([3, 10**9]),
        moves=moves,
        fault=fault,
    )
    read = pull(platform, tries=50)
    assert platform.truth(UNTIL) <= read
    later = {(member, name) for (member, name), state in platform.entries.items() if state.at > UNTIL}
    assert {(member, name) for _, member, name, *_ in read - platform.truth(UNTIL)} <= later
