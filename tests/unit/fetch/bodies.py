"""Bodies that are something by their first bytes, references to them, and a source that breaks off."""

import contextlib
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from scanner.fetch.source import Interrupted, Stream
from scanner.records import ObjectRef
from scanner.retry import Retry

HEADS = {
    "picture": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "video": b"\0\0\0\x18ftypisom",
    "audio": b"fLaC\0\0\0\x22",
    "container": b"PK\3\4\x14\0\0\0",
    "other": b"no magic of any kind ",
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def body_of(kind: str, size: int, seed: int = 0) -> bytes:
    """Return `size` bytes that begin like a file of this kind, with seeded noise behind."""
    return (HEADS[kind] + random.Random(seed).randbytes(size))[:size]


def ref_of(size: int) -> ObjectRef:
    """Return a reference to an object of this size."""
    return ObjectRef("aws", "bucket", "key", None, '"etag"', size, EPOCH)


def file_ref(root: Path, key: bytes) -> ObjectRef:
    """Return the reference that a listing of the root gives for a file."""
    status = (root / os.fsdecode(key)).stat()
    text = key.decode("utf-8", "replace")
    return ObjectRef(
        store="file",
        bucket=str(root),
        key=text,
        version_id=None,
        etag=f"{status.st_size}-{status.st_mtime_ns}",
        size=status.st_size,
        last_modified=datetime.fromtimestamp(status.st_mtime, UTC),
        key_bytes=None if text.encode() == key else key,
    )


def patient(attempts: int = 3) -> tuple[Retry, list[float]]:
    """Return a Retry that waits for nobody, and the pauses that it would have made."""
    pauses: list[float] = []
    return Retry(attempts, 1.0, 20.0, pauses.append, lambda: 1.0), pauses


class BrittleSource:
    """A body in memory whose n-th read breaks off after `breaks[n]` bytes; later reads come through."""

    def __init__(self, body: bytes, breaks: tuple[int, ...] = (), chunk: int = 1 << 20) -> None:
        self.body = body
        self.asked: list[tuple[int, int | None]] = []
        self._breaks = list(breaks)
        self._chunk = chunk

    @contextlib.contextmanager
    def open(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> Iterator[Stream]:
        self.asked.append((start, stop))
        stop = len(self.body) if stop is None else stop
        yield Stream(self._chunks(start, stop), stop - start)

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        limit = self._breaks.pop(0) if self._breaks else None
        end = stop if limit is None else min(stop, start + limit)
        for at in range(start, end, self._chunk):
            yield self.body[at : min(at + self._chunk, end)]
        if limit is not None:
            raise Interrupted("ConnectionReset", after=0.0)
