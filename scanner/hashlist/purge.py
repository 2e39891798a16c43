"""The only place that removes what a list held before: the values of snapshots, and what was made of them.

A purged snapshot keeps its digest, its counts and the reason, so that what names it can still be read.
"""

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from scanner.errors import WorkspaceError
from scanner.hashlist.header import header_of
from scanner.hashlist.kept import snapshots_of
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


def planned(workspace: Workspace, name: str, policy: ListPolicy, now: datetime) -> list[Purge]:
    """Return which snapshots of a list are to lose their values.

    The active one keeps them, and so does the one before, so that a rematch can tell what changed; but of a
    list to which people submit their own pictures, nothing that was withdrawn may stay anywhere.
    """
    active = active_snapshot(workspace, name)
    if active is None:
        return []
    whole = [one for one in snapshots_of(workspace, name) if purged_reason(one.path) is None]
    earlier = [one for one in whole if one.digest != active.digest]
    if policy.user_submitted or "stopncii" in (
        active.checkpoint.get("exchange"),
        active.source.get("format"),
    ):
        return [Purge(one, WITHDRAWN) for one in earlier]
    old = now - timedelta(days=policy.retention_days)
    return [Purge(one, OLD) for one in earlier[:-1] if one.imported_at < old]


def every_plan(
    workspace: Workspace, policies: Mapping[str, ListPolicy], names: list[str], now: datetime
) -> list[Purge]:
    """Return the purges of some lists, or of all."""
    unconfigured = ListPolicy()
    plans = [planned(workspace, one, policies.get(one, unconfigured), now) for one in names]
    return [one for plan in plans for one in plan]


def purge(workspace: Workspace, plan: list[Purge], now: datetime) -> None:
    """Remove the values of snapshots, and the deltas and tables that hold them; nobody may be matching.

    What was made of a snapshot goes first: a purge that was stopped is still planned.
    """
    names = {one.snapshot.list for one in plan}
    active = {name: found.digest for name in names if (found := active_snapshot(workspace, name))}
    for table in (path for path in workspace.tables.glob("*") if path.is_dir()):
        if any(name in names and digest != active.get(name) for name, digest in _snapshots(table)):
            _remove(table)  # of an earlier snapshot, or of what was added since
    for name in names:
        _remove(workspace.deltas / name)
    for one in plan:
        facts = {"reason": one.reason, "purged_at": now.isoformat()}
        replace(one.snapshot.path / PURGED, json_bytes(header_of("purged", facts)))
        _remove(one.snapshot.path / "entries.parquet")


def _snapshots(table: Path) -> list[tuple[str, str]]:
    """Return the lists and digests that a table is of; none where it cannot say it, and no run can use it."""
    try:
        header = read_json(table / "table.json") or {}
        return [(name, digest) for name, digest in header["snapshots"]]
    except (WorkspaceError, KeyError, TypeError, ValueError):
        return []


def _remove(path: Path) -> None:
    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"{path}: cannot be removed: {error.strerror}; see to that, then: hashsweep lists prune --yes"
        ) from None


def forget_withdrawn(workspace: Workspace, name: str, policy: ListPolicy, now: datetime) -> list[str]:
    """Purge what earlier snapshots of a list hold of withdrawn entries; return what is to be said of it."""
    plan = [one for one in planned(workspace, name, policy, now) if one.reason == WITHDRAWN]
    if not plan:
        return []
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(workspace.lock("scan"))
        except WorkspaceError as error:
            return [
                f"earlier snapshots hold withdrawn entries and could not be purged ({error}); afterwards: "
                f"hashsweep lists prune {name} --yes"
            ]
        purge(workspace, plan, now)
    return [f"{len(plan)} earlier snapshots were purged: {WITHDRAWN}"]
