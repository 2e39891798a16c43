"""The only place where snapshots are kept: the immutable, digested content of a list as it was imported."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from scanner.errors import HashListError, WorkspaceError
from scanner.hashlist.entries import entries_digest
from scanner.hashlist.header import header_of, read_header
from scanner.records import HashEntry, schema_of
from scanner.workspace import Workspace, json_bytes, read_parquet, replace

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

GROUP_ROWS = 1 << 17
"""Entries that are read at a time where not all of a list are."""

PURGED = "purged.json"
"""Stands in place of the entries of a snapshot that were removed on purpose."""

REMEDY = "import the list again: hashsweep lists import NAME FILE"


@dataclass(frozen=True)
class Snapshot:
    """One list as of one import.

    `counts` holds `entries`, `matched` (active and disputed ones), and numbers by `algorithm`,
    `classification` ("" where there is none) and `status`. `imported_at` is when the list was last imported
    with this content. `source` says where it first came from, `checkpoint` how far an exchange was read.
    """

    list: str
    digest: str
    path: Path
    imported_at: datetime
    counts: dict[str, Any]
    source: dict[str, Any] = field(default_factory=dict, compare=False)
    checkpoint: dict[str, Any] = field(default_factory=dict, compare=False)

    def provenance(self) -> dict[str, Any]:
        """Return what a run or a report says of the snapshot: plain values, none of them of an entry."""
        return {
            "list": self.list,
            "digest": self.digest,
            "imported_at": self.imported_at.isoformat(),
            "counts": self.counts,
        }


def check_name(name: str) -> None:
    """Raise HashListError for what cannot be the name of a list: it becomes the name of a folder."""
    if NAME.fullmatch(name) is None:
        raise HashListError(
            f"{name!r}: no name for a list; use up to 64 of a-z, 0-9, '.', '_', '-', a letter or digit first"
        )


@contextlib.contextmanager
def being_written(path: Path) -> Iterator[None]:
    """Say in words of ours what keeps a file of a snapshot from being written."""
    try:
        yield
    except OSError as error:
        raise WorkspaceError(f"{path}: the snapshot cannot be written: {error.strerror}") from None


def make_active(
    workspace: Workspace,
    name: str,
    digest: str,
    imported_at: datetime,
    checkpoint: dict[str, Any] | None = None,
) -> Snapshot:
    """Point a list at a snapshot that was put; how far its exchange was read is kept in the same moment."""
    current = {"list": name, "digest": digest, "imported_at": imported_at.isoformat()}
    folder = workspace.lists / name
    with being_written(folder):
        facts = {**current, "checkpoint": checkpoint or {}}
        replace(folder / "current.json", json_bytes(header_of("current", facts)))
    return _active(folder)


def active_snapshot(workspace: Workspace, name: str) -> Snapshot | None:
    """Return the active snapshot of a list, or None where it was never imported."""
    folder = workspace.lists / name
    return _active(folder) if (folder / "current.json").exists() else None


def active_snapshots(workspace: Workspace) -> list[Snapshot]:
    """Return the active snapshot of every list, by name; their headers are checked, not their entries."""
    folders = sorted(path.parent for path in workspace.lists.glob("*/current.json"))
    return [_active(folder) for folder in folders]


def _active(folder: Path) -> Snapshot:
    path = folder / "current.json"
    current = read_header(path, "current", {"list": str, "digest": str, "imported_at": str}, REMEDY)
    digest = current["digest"]
    try:
        imported_at = datetime.fromisoformat(current["imported_at"])
    except ValueError:
        raise HashListError(f"{path}: damaged; {REMEDY}") from None
    if current["list"] != folder.name or re.fullmatch("[0-9a-f]{64}", digest) is None:
        raise HashListError(f"{path}: damaged; {REMEDY}")
    snapshot = read_snapshot(folder / digest)
    return dataclasses.replace(snapshot, imported_at=imported_at, checkpoint=current.get("checkpoint") or {})


def read_snapshot(folder: Path) -> Snapshot:
    """Return a snapshot as its header tells it; raise HashListError where that is another's, or damaged."""
    path = folder / "snapshot.json"
    fields: dict[str, type] = {"list": str, "digest": str, "counts": dict, "source": dict}
    header = read_header(path, "snapshot", fields, REMEDY)
    if (header["list"], header["digest"]) != (folder.parent.name, folder.name):
        raise HashListError(f"{path}: belongs to another snapshot; {REMEDY}")
    source = header["source"]
    try:
        at = datetime.fromisoformat(source.get("imported_at", ""))
    except (TypeError, ValueError):
        at = datetime.min.replace(tzinfo=UTC)
    return Snapshot(header["list"], header["digest"], folder, at, header["counts"], source)


def purged_reason(folder: Path) -> str | None:
    """Return why and when the entries of a snapshot were removed; None where they were not."""
    if (folder / "entries.parquet").exists() or not (folder / PURGED).exists():
        return None
    header = read_header(folder / PURGED, "purged", {"reason": str, "purged_at": str}, REMEDY)
    return f"{header['reason']} ({header['purged_at'][:10]})"


def open_snapshot(snapshot: Snapshot) -> pa.Table:
    """Return the entries of a snapshot, sorted by key; raise HashListError unless they are those imported."""
    return _entries(snapshot.path, snapshot.digest)


def _entries(folder: Path, digest: str) -> pa.Table:
    path = folder / "entries.parquet"
    try:
        table = read_parquet(path)
    except WorkspaceError as error:
        raise HashListError(f"{error}; {REMEDY}") from None
    if not table.schema.equals(schema_of(HashEntry), check_metadata=True):
        raise HashListError(f"{path}: not the entries of a list of this version; {REMEDY}")
    if entries_digest(table) != digest:
        raise HashListError(f"{path}: not what was imported (its digest differs); {REMEDY}")
    return table


def stale(snapshot: Snapshot, max_age_hours: float | None, now: datetime) -> bool:
    """Tell whether a list was last imported longer ago than its configured age."""
    return max_age_hours is not None and now - snapshot.imported_at > timedelta(hours=max_age_hours)
