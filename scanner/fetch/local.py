"""The only place that reads files of a scanned directory: below its root, never through a symbolic link.

What was listed as a regular file and is anything else now (a link, a pipe, a folder) is `changed`: the
listing no longer says what is there, so the run is incomplete rather than quietly shorter.
"""

import contextlib
import errno
import os
import stat
import weakref
from collections.abc import Iterator

from scanner.errors import StoreError
from scanner.fetch.source import CHUNK, Stream, Unreadable
from scanner.records import ObjectRef, Outcome

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # a pipe must not block

_OUTCOMES = {
    errno.ENOENT: Outcome.GONE,
    errno.EACCES: Outcome.DENIED,
    errno.EPERM: Outcome.DENIED,
    errno.ELOOP: Outcome.CHANGED,  # a symbolic link where a file was
    errno.ENOTDIR: Outcome.CHANGED,  # a link or a file where a folder was
    errno.ENXIO: Outcome.CHANGED,  # a socket where a file was
}


class Directory:
    """The files of one root, which stays open: what is mounted over it later is never read."""

    def __init__(self, root: str) -> None:
        try:
            self._root = os.open(root, _FOLDER)
        except OSError as error:
            raise StoreError(f"{root}: cannot be opened: {error.strerror}; mount it or fix access") from None
        weakref.finalize(self, os.close, self._root)

    @contextlib.contextmanager
    def open(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> Iterator[Stream]:
        """Open bytes [start, stop) of a file whose size and time of change are those that were listed."""
        stop = ref.size if stop is None else min(stop, ref.size)
        try:
            file = self._file(_path(ref))
        except OSError as error:
            raise _unreadable(error) from None
        try:
            _check(file, ref)
            yield Stream(_chunks(file, ref, start, stop), stop - start)
        finally:
            os.close(file)

    def _file(self, path: list[bytes]) -> int:
        """Open a file component by component, so that no link on the way is ever followed."""
        *folders, name = path
        folder = os.dup(self._root)
        try:
            for component in folders:
                outer, folder = folder, os.open(component, _FOLDER, dir_fd=folder)
                os.close(outer)
            return os.open(name, _FILE, dir_fd=folder)
        finally:
            os.close(folder)


def _path(ref: ObjectRef) -> list[bytes]:
    key = ref.key.encode("utf-8", "surrogateescape") if ref.key_bytes is None else ref.key_bytes
    path = key.split(b"/")
    if b"\0" in key or any(component in (b"", b".", b"..") for component in path):
        raise Unreadable(Outcome.FAILED, "not a path below the root")
    return path


def _check(file: int, ref: ObjectRef) -> None:
    """Compare the open file with the listing; its ETag is its size and its time of change."""
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(Outcome.CHANGED, "no longer a regular file")
    if ref.etag != f"{status.st_size}-{status.st_mtime_ns}":
        raise Unreadable(Outcome.CHANGED, "size or time of change differs from the listing")


def _chunks(file: int, ref: ObjectRef, start: int, stop: int) -> Iterator[bytes]:
    while start < stop:
        try:
            chunk = os.pread(file, min(CHUNK, stop - start), start)
        except OSError as error:
            raise _unreadable(error) from None
        if not chunk:
            break
        start += len(chunk)
        yield chunk
    _check(file, ref)


def _unreadable(error: OSError) -> Unreadable:
    number = error.errno or 0
    return Unreadable(_OUTCOMES.get(number, Outcome.FAILED), errno.errorcode.get(number, "OSError"))
