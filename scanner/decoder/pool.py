"""The only place that shares several decoder children among the threads of one process."""

import queue
from collections.abc import Sequence
from typing import Protocol

from scanner.fingerprint import Perceived


class Perceiver(Protocol):
    """What looks at pictures, one at a time."""

    def perceive(self, data: bytes) -> Perceived:
        """Return what is seen in the bytes of an object."""

    def close(self) -> None:
        """End at once."""


class Pool:
    """Decoders that are lent to whoever asks, the one that was used last first; the others sleep."""

    def __init__(self, decoders: Sequence[Perceiver]) -> None:
        self._decoders = decoders
        self._free: queue.LifoQueue[Perceiver] = queue.LifoQueue()
        for decoder in reversed(decoders):
            self._free.put(decoder)

    def perceive(self, data: bytes) -> Perceived:
        """Return what a decoder sees in an object; wait until one is free. Raises as `Decoder` does."""
        decoder = self._free.get()
        try:
            return decoder.perceive(data)
        finally:
            self._free.put(decoder)

    def close(self) -> None:
        """End all decoders at once; whoever waits for an answer gets IncompleteRun."""
        for decoder in self._decoders:
            decoder.close()
