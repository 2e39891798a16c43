"""The only place that bounds how many bytes of objects one process holds in memory at once."""

import collections
import contextlib
import threading
from collections.abc import Iterator

from scanner.config import Fetch
from scanner.fetch.source import CHUNK
from scanner.records import ObjectRef


class ByteBudget:
    """A counting semaphore in bytes that serves its callers in the order in which they came.

    Whoever needs more than there is gets all of it, alone. A thread that already holds a share must not
    ask for another one.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._waiting: collections.deque[object] = collections.deque()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def of(self, count: int) -> Iterator[None]:
        """Hold `count` bytes of the budget; wait until they are free and all earlier callers are served."""
        count = min(max(count, 0), self._total)
        self._take(count)
        try:
            yield
        finally:
            with self._changed:
                self._free += count
                self._changed.notify_all()

    def _take(self, count: int) -> None:
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is ticket and self._free >= count)
                self._free -= count
            finally:  # also when the wait is broken off: the next one must not wait for this ticket
                self._waiting.remove(ticket)
                self._changed.notify_all()


def memory_need(ref: ObjectRef, settings: Fetch) -> int:
    """Return how many bytes fetching an object may hold at once, whatever it turns out to be."""
    if ref.size > settings.max_object_bytes:
        return 0
    whole = max(settings.single_get_bytes, settings.max_picture_bytes)
    kept = ref.size if ref.size <= whole else min(settings.sniff_bytes, ref.size)
    return kept + min(CHUNK, ref.size)
