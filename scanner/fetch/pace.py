"""The only place that decides how slowly an object may arrive before reading it is given up."""

from collections.abc import Callable, Iterable, Iterator

from scanner.config import Fetch
from scanner.fetch.source import Unreadable
from scanner.records import Outcome

Clock = Callable[[], float]
"""Seconds that never run backwards, from any start."""


class Pace:
    """The seconds that waiting for the bytes of one object may take, over all of its requests.

    They are `timeout_seconds` and its size at `least_bytes_per_second`. A timeout on silence alone would
    wait for ever on a store that sends a byte now and then.
    """

    def __init__(self, size: int, settings: Fetch, clock: Clock) -> None:
        self._left = self._allowed = settings.timeout_seconds + size / settings.least_bytes_per_second
        self._clock = clock

    def keep(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield chunks as they arrive; raise Unreadable (`timed_out`) at the one that comes too late.

        Only waits that brought bytes count: silence has a timeout of its own and costs an attempt, and
        what is done with a chunk takes the time of whoever does it.
        """
        asked = self._clock()
        for chunk in chunks:
            self._left -= self._clock() - asked
            if self._left < 0:
                raise Unreadable(Outcome.TIMED_OUT, f"reading took more than {self._allowed:g} s")
            yield chunk
            asked = self._clock()
