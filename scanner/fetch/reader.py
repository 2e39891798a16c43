"""The only place that goes on reading where a stream broke off."""

from collections.abc import Iterator

from scanner.fetch.pace import Pace
from scanner.fetch.refusal import understood
from scanner.fetch.source import CHUNK, Source, Unreadable
from scanner.records import ObjectRef, Outcome
from scanner.retry import Retry


class Reader:
    """Reads one object version front to back, in as many requests as it takes.

    `position` is the offset of the next byte, `received` counts all bytes that arrived.
    """

    def __init__(self, ref: ObjectRef, source: Source, retry: Retry, pace: Pace) -> None:
        self.position = 0
        self.received = 0
        self._ref = ref
        self._source = source
        self._retry = retry
        self._pace = pace

    def until(self, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `position` to `stop`; raise Unreadable when attempts or time are used up.

        An attempt that brought a chunk's length starts the count afresh; so there are never more than
        `attempts` for each 1 MiB of the object.
        """
        delays, mark = self._retry.delays(), self.position
        while True:
            try:
                yield from self._once(stop)
                return
            except OSError as error:
                trouble = understood(error)
            if self.position >= stop > 0:
                return  # it broke behind the last byte: there is no range left to ask for
            if isinstance(trouble, Unreadable):
                raise trouble
            if self.position - mark >= CHUNK:
                delays, mark = self._retry.delays(), self.position
            delay = next(delays, None)
            if delay is None:
                raise Unreadable(Outcome.FAILED, f"{trouble.reason} after {self._retry.attempts} attempts")
            self._retry.sleep(max(delay, min(trouble.after, self._retry.max_backoff_seconds)))

    def _once(self, stop: int) -> Iterator[bytes]:
        with self._source.open(self._ref, self.position, stop) as stream:
            try:
                for chunk in self._pace.keep(stream):
                    self.position += len(chunk)
                    yield chunk
            finally:
                self.received += stream.received
