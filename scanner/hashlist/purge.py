"""The only place that removes what a list held before: the values of snapshots, and what was made of them.

A purged snapshot keeps its digest, its counts and the reason, so that what names it can still be read.
"""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from scanner.errors import HashListError, WorkspaceError
from scanner.hashlist.header import header_of
from scanner.hashlist.kept import lists_of, snapshots_of
from scanner.hashlist.snapshot import PURGED, Snapshot, active_snapshot, purged_reason
from scanner.list_policy import ListPolicy
from scanner.workspace import Workspace, json_bytes, read_json, replace

WITHDRAWN = "persons concerned withdrew entries of the list"
OLD = "older than its retention"


@dataclass(frozen=True)
class Purge:
    """A snapshot whose values go, and why."""

    snapshot: Snapshot
    reason: str


def planned(
    workspace: Workspace, name: str, policy: ListPolicy, exchange: str | None, now: datetime
) -> list[Purge]:
    """Return which snapshots of a list are to lose their values.

    The active one keeps them, and so does the one before, so that a rematch can tell what changed; but of a
    list to which people submit their own pictures, nothing that was withdrawn may stay anywhere.
    """
    active = active_snapshot(workspace, name)
    earlier = [
        one
        for one in snapshots_of(workspace, name)
        if (active is None or one.digest != active.digest) and purged_reason(one.path) is None
    ]
    if policy.user_submitted or exchange == "stopncii":
        return [Purge(one, WITHDRAWN) for one in earlier]
    old = now - timedelta(days=policy.retention_days)
    return [Purge(one, OLD) for one in earlier[:-1] if one.imported_at < old]


def purge(workspace: Workspace, plan: list[Purge], now: datetime) -> None:
    """Remove the values of snapshots, and the deltas and tables that hold them; nobody may be matching."""
    gone = {(one.snapshot.list, one.snapshot.digest) for one in plan}
    for one in plan:
        facts = {"reason": one.reason, "purged_at": now.isoformat()}
        replace(one.snapshot.path / PURGED, json_bytes(header_of("purged", facts)))
        _remove(one.snapshot.path / "entries.parquet")
    for name in {name for name, _ in gone}:
        _remove(workspace.deltas / name)
    for table in _tables(workspace):
        header = _header(table)
        if header is not None and any(tuple(pair) in gone for pair in header.get("snapshots", [])):
            _remove(table)


def _tables(workspace: Workspace) -> Iterator[Path]:
    return (path for path in workspace.tables.glob("*") if path.is_dir())


def _header(table: Path) -> dict[str, list[list[str]]] | None:
    try:
        return read_json(table / "table.json")
    except WorkspaceError:
        return None


def _remove(path: Path) -> None:
    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        raise WorkspaceError(
            f"{path}: cannot be removed: {error.strerror}; prune again once it can"
        ) from None


def forget_withdrawn(
    workspace: Workspace, name: str, policy: ListPolicy, format_: str, now: datetime
) -> list[str]:
    """Purge what earlier snapshots of a list hold of withdrawn entries; return what is to be said of it."""
    plan = planned(workspace, name, policy, format_, now)
    if not plan:
        return []
    try:
        with workspace.lock("scan"):
            purge(workspace, plan, now)
    except WorkspaceError:
        return [
            "earlier snapshots hold withdrawn entries and could not be purged, for a scan is at work: "
            f"hashsweep lists prune {name} --yes"
        ]
    return [f"{len(plan)} earlier snapshots were purged: {WITHDRAWN}"]


def exchange_of(workspace: Workspace, name: str) -> str | None:
    """Return the exchange or format that a list's active snapshot came from."""
    with contextlib.suppress(HashListError):
        active = active_snapshot(workspace, name)
        if active is not None:
            return str(active.checkpoint.get("exchange") or active.source.get("format"))
    return None


def every_plan(
    workspace: Workspace, policies: dict[str, ListPolicy], names: list[str], now: datetime
) -> list[Purge]:
    """Return the purges of some lists, or of all."""
    return [
        one
        for name in names or lists_of(workspace)
        for one in planned(
            workspace, name, policies.get(name, ListPolicy()), exchange_of(workspace, name), now
        )
    ]
