import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.config import Fetch
from scanner.fetch.pace import Pace
from scanner.fetch.source import Interrupted, Unreadable
from scanner.records import Outcome

SETTINGS = Fetch(timeout_seconds=60, least_bytes_per_second=1000)


class Time:
    """A clock that stands still unless it is moved."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def arriving(time, waits, ending=None):
    """Yield a byte after each of these waits."""
    for wait in waits:
        time.now += wait
        yield b"x"
    if ending is not None:
        time.now += 1e9
        raise ending


def kept(waits, size=0):
    time = Time()
    return list(Pace(size, SETTINGS, time).keep(arriving(time, waits)))


def test_a_byte_now_and_then_does_not_keep_a_read_alive():
    time = Time()
    dripping = Pace(2000, SETTINGS, time).keep(arriving(time, [30.0] * 999))

    assert [next(dripping), next(dripping)] == [b"x", b"x"]
    with pytest.raises(Unreadable) as caught:
        next(dripping)

    assert (caught.value.outcome, caught.value.reason) == (Outcome.TIMED_OUT, "reading took more than 62 s")


@pytest.mark.parametrize(("size", "seconds"), [(0, 60.0), (1000, 61.0), (1_000_000, 1060.0)])
def test_the_time_is_the_timeout_and_the_size_at_the_least_rate_inclusive(size, seconds):
    assert kept([seconds], size) == [b"x"]
    with pytest.raises(Unreadable):
        kept([seconds + 0.01], size)


def test_what_is_done_with_a_chunk_is_not_the_time_of_the_store():
    time = Time()
    for _ in Pace(0, SETTINGS, time).keep(arriving(time, [10.0] * 6)):
        time.now += 1e9


def test_silence_that_ended_a_request_is_not_counted_again():
    time = Time()
    pace = Pace(0, SETTINGS, time)
    with pytest.raises(Interrupted):
        list(pace.keep(arriving(time, [50.0], Interrupted("ReadTimeoutError"))))
    time.now += 1e9  # the pause before another attempt

    assert list(pace.keep(arriving(time, [10.0]))) == [b"x"]
    with pytest.raises(Unreadable):
        list(pace.keep(arriving(time, [0.01])))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 40), max_size=20), st.integers(0, 5))
def test_a_read_ends_in_time_however_its_bytes_are_spread(waits, kilobytes):
    if sum(waits) <= 60 + kilobytes:
        assert kept(waits, 1000 * kilobytes) == [b"x"] * len(waits)
    else:
        with pytest.raises(Unreadable):
            kept(waits, 1000 * kilobytes)
