"""The only place that lists a directory: below its root, depth first, never through a symbolic link."""

import contextlib
import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scanner.errors import StoreError
from scanner.inventory.item import Item, Resume
from scanner.records import Listed, ObjectRef, Outcome
from scanner.target import Place

DIRECTORY = "directory"
OPEN_FOLDERS = 64
"""Folders that are held open at a time; those above them are opened again when the walk comes back."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_KINDS = {
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}
_OUTCOMES = {
    errno.EACCES: Outcome.DENIED,
    errno.EPERM: Outcome.DENIED,
    errno.ENOENT: Outcome.GONE,
    errno.ELOOP: Outcome.CHANGED,  # a link where a folder was
    errno.ENOTDIR: Outcome.CHANGED,
}

Components = tuple[bytes, ...]
"""A path below the root."""


def list_directory(place: Place, resume: Resume | None = None) -> Iterator[Item]:
    """Yield every name below a root that is no folder, names sorted by their bytes, behind `resume`.

    What is no regular file, and every folder that cannot be listed (its key ends in `/`), is a row with an
    outcome. Memory holds the names of one folder a level. Raises StoreError when the root cannot be read.
    """
    behind = () if resume is None else _raw(resume[1])
    with _root(place) as root:
        for path, listed in _Walk(place, root, behind).rows():
            yield Item(listed, (DIRECTORY, b"/".join(path).decode("utf-8", "surrogateescape")))


def _raw(text: str) -> Components:
    return tuple(text.encode("utf-8", "surrogateescape").split(b"/"))


@contextlib.contextmanager
def _root(place: Place) -> Iterator[int]:
    try:
        root = os.open(place.bucket, _FOLDER)
    except OSError as error:
        raise _unreadable(place, error) from None
    try:
        yield root
    finally:
        os.close(root)


def _unreadable(place: Place, error: OSError) -> StoreError:
    return StoreError(f"{place}: cannot be read: {error.strerror}; mount it, or grant read access")


@dataclass
class _Folder:
    """A folder on the way down: the names in it that are still to be seen, and its open handle."""

    path: Components
    names: deque[bytes]
    handle: int | None

    def close(self) -> None:
        if self.handle is not None:
            os.close(self.handle)
        self.handle = None


class _Walk:
    """A walk through the folders below a root that holds the deepest `OPEN_FOLDERS` open at a time.

    Folders are opened component by component below the root, so that a folder that is swapped for a link
    leads nowhere, and paths may be longer than the system takes at once.
    """

    def __init__(self, place: Place, root: int, behind: Components) -> None:
        self.place = place
        self.root = root
        self.behind = behind
        self.folders: list[_Folder] = []

    def rows(self) -> Iterator[tuple[Components, Listed]]:
        """Yield a path and its row for everything that is no readable folder."""
        try:
            self._enter((), os.dup(self.root))
            while self.folders:
                yield from self._continue(self.folders[-1])
        except OSError as error:
            raise _unreadable(self.place, error) from None
        finally:
            for folder in self.folders:
                folder.close()

    def _continue(self, folder: _Folder) -> Iterator[tuple[Components, Listed]]:
        """Go through a folder until a folder in it has been entered, or to its end."""
        try:
            handle = self._reopened(folder) if folder.names else self.root
        except OSError as error:
            folder.names.clear()
            yield folder.path, self._failed(folder.path, error, is_folder=True)
            return
        while folder.names:
            yield from self._visit((*folder.path, folder.names.popleft()), handle)
            if self.folders[-1] is not folder:
                return
        self.folders.pop().close()

    def _visit(self, path: Components, parent: int) -> Iterator[tuple[Components, Listed]]:
        onward = self.behind[: len(path)] == path != self.behind  # only folders lead behind the mark
        if path <= self.behind and not onward:
            return
        try:
            status = os.stat(path[-1], dir_fd=parent, follow_symlinks=False)
        except OSError as error:
            yield path, self._failed(path, error, is_folder=False)
            return
        if stat.S_ISDIR(status.st_mode):
            try:
                self._enter(path, os.open(path[-1], _FOLDER, dir_fd=parent))
            except OSError as error:
                yield path, self._failed(path, error, is_folder=True)
        else:  # also where a folder was that led behind the mark: the file that took its place is new
            yield path, self._found(path, status)

    def _enter(self, path: Components, handle: int) -> None:
        try:
            names = deque(sorted(map(os.fsencode, os.listdir(handle))))
        except OSError:
            os.close(handle)
            raise
        self.folders.append(_Folder(path, names, handle))
        for folder in self.folders[-OPEN_FOLDERS - 1 : -OPEN_FOLDERS]:
            folder.close()

    def _reopened(self, folder: _Folder) -> int:
        if folder.handle is None:
            handle = os.dup(self.root)
            for component in folder.path:
                outer = handle
                try:
                    handle = os.open(component, _FOLDER, dir_fd=outer)
                finally:
                    os.close(outer)
            folder.handle = handle
        return folder.handle

    def _found(self, path: Components, status: os.stat_result) -> Listed:
        regular = stat.S_ISREG(status.st_mode)
        ref = self._ref(
            b"/".join(path),
            etag=f"{status.st_size}-{status.st_mtime_ns}",
            size=status.st_size if regular else 0,
            last_modified=_time(status.st_mtime_ns),
        )
        if regular:
            return Listed(ref)
        return Listed(ref, Outcome.NOT_REGULAR, _KINDS.get(stat.S_IFMT(status.st_mode), "unknown kind"))

    def _failed(self, path: Components, error: OSError, is_folder: bool) -> Listed:
        key = b"/".join(path) + (b"/" if is_folder else b"")
        outcome = _OUTCOMES.get(error.errno or 0, Outcome.FAILED)
        return Listed(self._ref(key, etag="", size=0, last_modified=_EPOCH), outcome, error.strerror)

    def _ref(self, raw: bytes, etag: str, size: int, last_modified: datetime) -> ObjectRef:
        try:
            key, key_bytes = raw.decode(), None
        except UnicodeDecodeError:
            key, key_bytes = raw.decode("utf-8", "backslashreplace"), raw
        place = self.place
        return ObjectRef(place.store, place.bucket, key, None, etag, size, last_modified, key_bytes=key_bytes)


def _time(nanoseconds: int) -> datetime:
    """Return a file's time in UTC, the nearest one there is for times out of a calendar's reach."""
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return (datetime.max if nanoseconds > 0 else datetime.min).replace(tzinfo=UTC)
