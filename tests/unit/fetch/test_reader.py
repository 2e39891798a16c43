import contextlib
import itertools

import pytest

from scanner.config import Fetch
from scanner.fetch.pace import Pace
from scanner.fetch.reader import Reader
from scanner.fetch.source import Interrupted, Unreadable
from scanner.records import Outcome
from tests.unit.fetch.bodies import BrittleSource, body_of, patient, ref_of

MIB = 1 << 20


def reader_of(size, source, retry, clock=lambda: 0.0, **settings):
    return Reader(ref_of(size), source, retry, Pace(size, Fetch(**settings), clock))


class RefusingSource:
    """A source whose every read fails with the same error."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    @contextlib.contextmanager
    def open(self, ref, start=0, stop=None):
        self.asked += 1
        raise self.error
        yield


def test_a_broken_read_goes_on_where_it_stopped():
    body = body_of("other", 5000)
    source = BrittleSource(body, breaks=(1200, 800), chunk=500)
    retry, pauses = patient()
    reader = reader_of(5000, source, retry)

    assert b"".join(reader.until(5000)) == body
    assert source.asked == [(0, 5000), (1200, 5000), (2000, 5000)]
    assert reader.received == 5000
    assert pauses == [1.0, 2.0]


def test_reading_in_two_steps_asks_for_no_byte_twice():
    body = body_of("other", 5000)
    source = BrittleSource(body)
    reader = reader_of(5000, source, patient()[0])

    assert b"".join([*reader.until(1000), *reader.until(5000)]) == body
    assert source.asked == [(0, 1000), (1000, 5000)]


def test_reads_without_progress_use_up_the_attempts():
    source = BrittleSource(body_of("other", 100), breaks=(0,) * 99)
    retry, pauses = patient(attempts=4)

    with pytest.raises(Unreadable) as caught:
        list(reader_of(100, source, retry).until(100))

    assert caught.value.outcome is Outcome.FAILED
    assert caught.value.reason == "ConnectionReset after 4 attempts"
    assert len(source.asked) == 4
    assert pauses == [1.0, 2.0, 4.0]


def test_a_chunk_of_progress_starts_the_count_of_attempts_afresh():
    body = body_of("other", 6 * MIB)
    source = BrittleSource(body, breaks=(MIB,) * 5)
    retry, pauses = patient(attempts=2)

    assert b"".join(reader_of(len(body), source, retry).until(len(body))) == body
    assert pauses == [1.0] * 5


def test_a_trickle_does_not_start_the_count_of_attempts_afresh():
    source = BrittleSource(body_of("other", 1000), breaks=(1,) * 999)

    with pytest.raises(Unreadable):
        list(reader_of(1000, source, patient(attempts=5)[0]).until(1000))

    assert len(source.asked) == 5


def test_a_break_behind_the_last_byte_is_no_reason_to_ask_again():
    source = BrittleSource(body_of("other", 100), breaks=(100,))

    assert len(b"".join(reader_of(100, source, patient()[0]).until(100))) == 100
    assert source.asked == [(0, 100)]


def test_an_empty_object_is_asked_for_all_the_same():
    source = BrittleSource(b"")

    assert list(reader_of(0, source, patient()[0]).until(0)) == []
    assert source.asked == [(0, 0)]


def test_a_refusal_is_not_asked_for_again():
    source = RefusingSource(Unreadable(Outcome.GONE, "NoSuchKey"))

    with pytest.raises(Unreadable) as caught:
        list(reader_of(9, source, patient()[0]).until(9))

    assert (caught.value.outcome, source.asked) == (Outcome.GONE, 1)


@pytest.mark.parametrize(
    ("error", "reason", "asked"),
    [
        (ConnectionResetError("secret"), "ConnectionResetError after 3 attempts", 3),
        (TimeoutError("secret"), "TimeoutError after 3 attempts", 3),
        (PermissionError("secret"), "PermissionError", 1),
    ],
)
def test_plain_errors_of_the_system_are_judged_like_those_of_a_store(error, reason, asked):
    source = RefusingSource(error)

    with pytest.raises(Unreadable) as caught:
        list(reader_of(9, source, patient()[0]).until(9))

    assert (caught.value.outcome, caught.value.reason, source.asked) == (Outcome.FAILED, reason, asked)


@pytest.mark.parametrize(("after", "pause"), [(0.0, 1.0), (7.0, 7.0), (900.0, 20.0)])
def test_a_store_that_asks_for_patience_gets_it_within_the_configured_bound(after, pause):
    source = RefusingSource(Interrupted("SlowDown", after))
    retry, pauses = patient(attempts=2)

    with pytest.raises(Unreadable):
        list(reader_of(9, source, retry).until(9))

    assert pauses == [pause]


def test_an_object_has_its_time_for_all_of_its_requests_together():
    source = BrittleSource(body_of("other", 100), breaks=(10,) * 9, chunk=10)
    clock = itertools.count(0.0, 5.0).__next__
    reader = reader_of(
        100, source, patient(attempts=9)[0], clock, timeout_seconds=12, least_bytes_per_second=50
    )

    with pytest.raises(Unreadable) as caught:
        list(reader.until(100))

    assert (caught.value.outcome, caught.value.reason) == (Outcome.TIMED_OUT, "reading took more than 14 s")
    assert source.asked == [(0, 100), (10, 100), (20, 100)]
    assert (reader.position, reader.received) == (20, 30)
