"""The only place that looks at all snapshots of a list: the active one, and those that were before."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from scanner.errors import HashListError
from scanner.hashlist.delta import Delta, delta_of
from scanner.hashlist.entries import KEY, matched_entries
from scanner.hashlist.sides import side_by_side
from scanner.hashlist.snapshot import (
    REMEDY,
    Snapshot,
    active_snapshot,
    check_name,
    purged_reason,
    read_snapshot,
)
from scanner.hashlist.stream import checked_entries, chosen_entries
from scanner.records import HashEntry, schema_of
from scanner.workspace import Workspace

pc: Any = pyarrow.compute  # its type stubs do not know chunked arrays

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Verified:
    """A snapshot that was read whole, and what is wrong with it, if anything."""

    list: str
    digest: str
    active: bool
    problem: str | None
    purged: str | None = None


def lists_of(workspace: Workspace) -> list[str]:
    """Return the names of all lists that a workspace holds anything of."""
    return sorted(path.name for path in workspace.lists.glob("*") if path.is_dir())


def snapshots_of(workspace: Workspace, name: str) -> list[Snapshot]:
    """Return all snapshots of a list, the oldest import first; their entries are not looked at."""
    check_name(name)
    return sorted(
        map(read_snapshot, _folders(workspace, name)), key=lambda one: (one.imported_at, one.digest)
    )


def verified(workspace: Workspace, names: list[str]) -> Iterator[Verified]:
    """Read every snapshot of lists whole."""
    for name in names:
        check_name(name)
        try:
            active, fault = active_snapshot(workspace, name), None
        except HashListError as error:
            active, fault = None, str(error)
        if active is None:
            missing = f"list {name}: no snapshot is active; {REMEDY}"
            yield Verified(name, "", False, fault or missing)
        for folder in _folders(workspace, name):
            is_active = active is not None and active.digest == folder.name
            if not is_active and (purged := purged_reason(folder)) is not None:
                yield Verified(name, folder.name, False, None, purged)
                continue
            try:
                for _ in checked_entries(read_snapshot(folder)):
                    pass
                problem = None
            except HashListError as error:
                problem = str(error)
            yield Verified(name, folder.name, is_active, problem)


def _folders(workspace: Workspace, name: str) -> list[Path]:
    return sorted(path for path in (workspace.lists / name).glob("*") if _DIGEST.fullmatch(path.name))


def chosen(workspace: Workspace, name: str, digest: str) -> Snapshot:
    """Return the snapshot of a list whose digest begins so; raise HashListError unless it is one."""
    found = [one for one in snapshots_of(workspace, name) if one.digest.startswith(digest)]
    if len(found) != 1:
        known = ", ".join(one.digest[:12] for one in snapshots_of(workspace, name)) or "none"
        raise HashListError(f"list {name}: {len(found)} snapshots begin with {digest!r}; there are: {known}")
    return found[0]


def before_active(workspace: Workspace, name: str) -> tuple[Snapshot | None, Snapshot]:
    """Return the active snapshot of a list, and the one imported last of the other whole ones, if any."""
    active = active_snapshot(workspace, name)
    if active is None:
        raise HashListError(f"list {name}: no snapshot is active; {REMEDY}")
    others = [
        one
        for one in snapshots_of(workspace, name)
        if one.digest != active.digest and purged_reason(one.path) is None
    ]
    return (others[-1] if others else None), active


@dataclass(frozen=True)
class Shown:
    """All snapshots of a list with why one was purged, if it was, and what the last import changed."""

    active: Snapshot
    snapshots: tuple[tuple[Snapshot, str | None], ...]
    changes: dict[str, Any] | None


def shown(workspace: Workspace, name: str) -> Shown:
    """Return what there is of a list; raise HashListError where it was never imported."""
    before, active = before_active(workspace, name)
    snapshots = tuple((one, purged_reason(one.path)) for one in snapshots_of(workspace, name))
    return Shown(active, snapshots, None if before is None else changes(workspace, before, active))


def entry_times(workspace: Workspace, name: str, member: str, entry_id: str) -> set[datetime]:
    """Return when an entry of the active snapshot was modified, whatever its algorithms; no value is read."""
    active = active_snapshot(workspace, name)
    if active is None:
        raise HashListError(f"list {name}: no snapshot is active; {REMEDY}")

    def is_it(table: pa.Table) -> Any:
        same = pc.and_(pc.equal(table.column("member"), member), pc.equal(table.column("entry_id"), entry_id))
        return same.to_numpy()

    tables = chosen_entries(active, ["member", "entry_id"], is_it, ["modified_at"])
    return {at for table in tables for at in table.column("modified_at").to_pylist() if at is not None}


def changes(workspace: Workspace, earlier: Snapshot | None, later: Snapshot) -> dict[str, Any]:
    """Return what became of the entries that may be matched, in plain values: figures by algorithm, no value.

    `changed` ones say something else under the same key; they are neither added nor withdrawn.
    """
    delta = delta_of(workspace, earlier, later)
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in ("added", "withdrawn", "changed")}
    empty = schema_of(HashEntry).empty_table().select(KEY)
    for tables in side_by_side([_added(delta), _withdrawn(delta)], [empty, empty]):
        new, gone = (
            set(zip(*(table.column(name).to_pylist() for name in KEY), strict=True)) for table in tables
        )
        for kind, some in (("added", new - gone), ("withdrawn", gone - new), ("changed", new & gone)):
            counts[kind].update(key[-1] for key in some)
    return {
        "list": later.list,
        "earlier": None if earlier is None else earlier.digest,
        "later": later.digest,
        **{kind: dict(sorted(some.items())) for kind, some in counts.items()},
    }


def _added(delta: Delta) -> Iterator[pa.Table]:
    for table in () if delta.added is None else checked_entries(delta.added):
        yield matched_entries(table).select(KEY)


def _withdrawn(delta: Delta) -> Iterator[pa.Table]:
    if delta.withdrawn is not None:
        with pq.ParquetFile(delta.withdrawn) as parquet:
            for batch in parquet.iter_batches(columns=[*KEY]):
                yield pa.Table.from_batches([batch])
