"""The only place that says what reading one object version is: a source, a stream, and how reading fails."""

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, Self

from scanner.records import ObjectRef, Outcome

CHUNK = 1 << 20
"""Bytes that are asked for at a time."""


class Unreadable(Exception):
    """An object version cannot be read, and asking again would not help."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(outcome, reason)
        self.outcome = outcome
        self.reason = reason


class Interrupted(ConnectionError):
    """A read failed or broke off, and may go on after a pause of at least `after` seconds."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class Stream(Iterator[bytes]):
    """The bytes that were asked for, in chunks; Interrupted when they end too early.

    `received` counts every byte that arrived, those beside the asked window too: a store that ignores
    ranges sends the whole object, of which `skip` bytes are dropped and the rest after `take` bytes is
    left unread (`beyond` says that there is such a rest; any other rest means that the object grew).
    """

    def __init__(self, chunks: Iterator[bytes], take: int, skip: int = 0, beyond: bool = False) -> None:
        self.received = 0
        self._window = self._cut(chunks, take, skip, beyond)

    def __next__(self) -> bytes:
        return next(self._window)

    def __iter__(self) -> Self:
        return self

    def _cut(self, chunks: Iterator[bytes], take: int, skip: int, beyond: bool) -> Generator[bytes]:
        if not take and beyond:
            return
        for chunk in chunks:
            self.received += len(chunk)
            dropped = min(skip, len(chunk))
            skip -= dropped
            wanted = chunk[dropped : dropped + take] if dropped or len(chunk) > take else chunk
            take -= len(wanted)
            if len(chunk) > dropped + len(wanted) and not beyond:
                raise Unreadable(Outcome.CHANGED, "size differs from the listing")
            if wanted:
                yield wanted
            if not take and beyond:
                return
        if take:
            raise Interrupted("short read")


class Source(Protocol):
    """A place that object versions are read from; safe to use from several threads."""

    def open(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> AbstractContextManager[Stream]:
        """Open bytes [start, stop) of exactly the listed version; None means its end.

        Raises Unreadable when another attempt would not help, and Interrupted when it may, both here and
        while the stream is read.
        """
        ...
