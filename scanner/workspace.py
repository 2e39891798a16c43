"""The only place that writes workspace files: private, put once, named by what they depend on."""

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scanner import leftovers
from scanner.errors import WorkspaceError
from scanner.records import SCHEMA_VERSION

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_NOBODYS = re.compile(r"lost\+found|\.snapshot|\.workspace\.json\.[0-9a-f]{16}\.tmp")
"""What an empty folder may hold: what file systems put there, and the first file of a killed `create`."""


class Unwritable(WorkspaceError, OSError):
    """A file cannot be written; the OSError that it is serves callers who say it in words of their own."""

    def __str__(self) -> str:
        return f"{self.filename}: cannot be written: {self.strerror}; make room, or grant write access there"


class NoHardLinks(WorkspaceError):
    """A file cannot be put once: that takes a hard link, which some file systems do not have."""


NO_HARD_LINKS = (
    "cannot be put there: the file system has no hard links, by which files come to be whole or not at all; "
    "name a place on one that has them, such as a local disk or NFS"
)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Workspace:
    """A directory that holds lists, tables, deltas of lists, and runs; files are 0600, folders 0700.

    What `put_once` wrote is never rewritten; `replace` is for the few pointers that move.
    """

    def __init__(self, root: Path) -> None:
        if "://" in str(root) or str(root).startswith(("s3:/", "gs:/", "az:/")):
            raise WorkspaceError(
                f"{root}: the workspace must be a directory on a local or shared file system"
            )
        self.root = root.absolute()
        try:
            os.fsencode(self.root).decode()
        except UnicodeDecodeError:  # manifests name it, and they are text
            raise WorkspaceError(
                f"{self.root}: the name is not UTF-8; put the workspace under one that is"
            ) from None
        self.lists = self.root / "lists"
        self.tables = self.root / "table"
        self.deltas = self.root / "deltas"
        self.runs = self.root / "runs"

    def create(self) -> "Workspace":
        """Make the folders where they are missing; refuse a workspace written by a newer version.

        A folder that holds something else is refused and left as it is. Folders of a workspace are made
        private, and what a kill left behind under temporary names is removed.
        """
        try:
            make_folder(self.root)
            self._refuse_foreign()
            put_once(self.root / "workspace.json", json_bytes({"schema_version": SCHEMA_VERSION}))
            for folder in (self.root, self.lists, self.tables, self.deltas, self.runs):
                _narrow(make_folder(folder))
            old = time.time() - leftovers.OLD_SECONDS
            leftovers.remove_files(self.root, (self.lists, self.tables, self.deltas, self.runs), old)
            for folder in (self.tables, *filter(Path.is_dir, self.deltas.iterdir())):
                leftovers.remove_tables(folder, old)
        except OSError as error:
            raise WorkspaceError(f"{self.root}: cannot be used as a workspace: {error.strerror}") from None
        return self.open()

    def _refuse_foreign(self) -> None:
        foreign = [path for path in self.root.iterdir() if not _NOBODYS.fullmatch(path.name)]
        if foreign and not (self.root / "workspace.json").exists():
            raise WorkspaceError(f"{self.root}: holds other files; name a new or empty folder as workspace")

    def remove_probes(self) -> None:
        """Remove what killed scans left for workers to see; only for who holds the lock of scans."""
        leftovers.remove_probes(self.root, time.time() - leftovers.OLD_SECONDS)

    def open(self) -> "Workspace":
        """Check that this is a workspace that this version understands."""
        header = read_json(self.root / "workspace.json")
        if header is None:
            raise WorkspaceError(
                f"{self.root}: not a hashsweep workspace; `hashsweep lists import NAME FILE` makes one"
            )
        version = header.get("schema_version")
        if not isinstance(version, int):
            raise WorkspaceError(f"{self.root}: workspace.json was not written by hashsweep")
        if version > SCHEMA_VERSION:
            raise WorkspaceError(f"{self.root}: written by a newer hashsweep; update this installation")
        return self

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock that dies with this process; raise WorkspaceError when another process holds it."""
        handle = _locked(self.root, name)
        try:
            yield
        finally:
            os.close(handle)


def _locked(root: Path, name: str) -> int:
    path = root / f"{name}.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise
    except BlockingIOError:
        raise WorkspaceError(
            f"{root}: another hashsweep is at work here ({name}); wait for it, or stop it first"
        ) from None
    except OSError as error:
        raise WorkspaceError(
            f"{path}: cannot be locked: {error.strerror}; grant write access there"
        ) from None
    return handle


def make_folder(path: Path) -> Path:
    """Make a folder and its missing parents, readable by their owner alone."""
    for folder in (*reversed(path.parents), path):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(FOLDER_MODE)
    return path


def _narrow(folder: Path) -> None:
    """Take a folder from everybody but its owner; one that is shared on purpose, as /tmp is, stays so."""
    mode = folder.stat().st_mode
    if mode & ~FOLDER_MODE & 0o777 and not mode & stat.S_ISVTX:
        with contextlib.suppress(PermissionError):  # a mounted folder may belong to somebody else
            folder.chmod(FOLDER_MODE)


def put_once(path: Path, data: bytes | Iterable[memoryview], make_parents: bool = True) -> bool:
    """Put a file under its final name, whole or not at all; return False if the name was taken.

    Safe to call from many processes and again after a crash: temporary name, fsync, link, fsync folder.
    What need not be in memory at once may come piece by piece. Missing folders are made, unless only what is
    still wanted belongs there. Raises Unwritable, a WorkspaceError, when the
    file system refuses, and NoHardLinks where it cannot: a file that is written under its final name would be
    taken for whole after a crash.
    """
    with _writing(path):
        if path.exists():
            return False
        if make_parents:
            make_folder(path.parent)
        with _temporary(path, data) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno in _NO_LINKS:
                    raise NoHardLinks(f"{path}: {NO_HARD_LINKS}") from None
                raise
        _sync_folder(path.parent)
        return True


def open_private(path: Path) -> io.BufferedWriter:
    """Open a new file that its owner alone may read; raise OSError where the name is taken."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb")


def link(earlier: Path, path: Path) -> None:
    """Put a file that is there already under a further name, once.

    Raises Unwritable as `put_once` does, and WorkspaceError where the file cannot be read.
    """
    try:
        path.hardlink_to(earlier)
    except FileExistsError:
        return
    except OSError:  # another file system, or as many links as this one bears
        try:
            data = earlier.read_bytes()
        except OSError as error:
            raise WorkspaceError(f"{earlier}: cannot be read: {error.strerror}") from None
        put_once(path, data)


def replace(path: Path, data: bytes) -> None:
    """Point a name at new content, atomically; raises Unwritable as `put_once` does."""
    with _writing(path):
        make_folder(path.parent)
        with _temporary(path, data) as temporary:
            temporary.rename(path)
        _sync_folder(path.parent)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unwritable(error.errno, error.strerror, str(path)) from None


@contextlib.contextmanager
def _temporary(path: Path, data: bytes | Iterable[memoryview]) -> Iterator[Path]:
    """Write a file beside its final name, and let nothing stay under that other name, whatever goes wrong."""
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}.tmp"
    opened = open_private(temporary)
    try:
        with opened as file:
            for piece in (data,) if isinstance(data, bytes) else data:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def json_bytes(value: Any) -> bytes:
    """Return JSON as this program writes it: sorted, indented, UTF-8, newline at the end."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object that a JSON file of ours holds, or None where there is no such file."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{path}: cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise WorkspaceError(f"{path}: not written by hashsweep")
    return value


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as the Parquet bytes of a part, its pages with checksums; equal tables, equal bytes."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()


def read_parquet(path: Path) -> pa.Table:
    """Return the table of a Parquet file of ours; raise WorkspaceError when it is none, or has decayed."""
    try:
        return pq.read_table(pa.BufferReader(path.read_bytes()), page_checksum_verification=True)
    except FileNotFoundError:
        raise WorkspaceError(f"{path}: missing") from None
    except (OSError, pa.ArrowException) as error:
        raise WorkspaceError(f"{path}: not a readable Parquet file ({type(error).__name__})") from None


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
