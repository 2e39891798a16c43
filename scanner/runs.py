"""The only place that knows a run's folder: what pins it, whether it is finished, which one comes before."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from scanner.errors import ManifestError, WorkspaceError
from scanner.findings.manifest import read_manifest
from scanner.records import SCHEMA_VERSION
from scanner.workspace import Workspace, json_bytes, make_folder, put_once, read_json

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFolder:
    """One run at rest: `run.json` is put first and pins everything that the result depends on."""

    path: Path
    header: Mapping[str, Any]

    @property
    def run_id(self) -> str:
        """The run's name; it sorts by the time of its start."""
        return self.path.name

    @property
    def inventory(self) -> Path:
        """Where the frozen listing lies."""
        return self.path / "inventory"

    @property
    def parts(self) -> Path:
        """Where fingerprints lie, one file per inventory part."""
        return self.path / "parts"

    @property
    def matches(self) -> Path:
        """Where matches lie, one file per inventory part."""
        return self.path / "matches"

    @property
    def joins(self) -> Path:
        """Where queries and what they were answered lie until the matches are there."""
        return self.path / "joins"

    @property
    def finished(self) -> bool:
        """Whether the manifest was written, which is the last thing a run does."""
        return (self.path / "manifest.json").exists()

    @property
    def started_at(self) -> datetime:
        """When the run began to list, which is the age of its inventory."""
        return datetime.fromisoformat(self.header["started_at"])

    @property
    def finished_at(self) -> datetime:
        """When the run ended, as its manifest says; where that cannot be read, when it began."""
        try:
            at = datetime.fromisoformat(read_manifest(self.path)["provenance"]["finished_at"])
        except (ManifestError, KeyError, TypeError, ValueError):
            return self.started_at
        return at if at.tzinfo else self.started_at

    @property
    def complete(self) -> bool:
        """Whether the run says that it saw all it was meant to see; one that cannot be read does not."""
        try:
            return bool(read_manifest(self.path)["provenance"].get("complete"))
        except ManifestError:
            return False


def begin(workspace: Workspace, header: Mapping[str, Any], now: datetime, token: str) -> RunFolder:
    """Start a run: put its `run.json` under a new name made of the time and a token."""
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{token}"
    pinned = {"schema_version": SCHEMA_VERSION, "run_id": run_id, "started_at": now.isoformat(), **header}
    if not put_once(workspace.runs / run_id / "run.json", json_bytes(pinned)):
        raise WorkspaceError(f"{workspace.runs / run_id}: a run of this name exists; try again")
    run = RunFolder(workspace.runs / run_id, pinned)
    for folder in (run.inventory, run.parts, run.matches):
        make_folder(folder)
    return run


def take_up(workspace: Workspace, key: str, now: datetime, within: timedelta) -> RunFolder | None:
    """Return the newest unfinished run of the same command whose inventory is young enough, if any."""
    for run in all_runs(workspace):
        same = run.header.get("key") == key and not run.finished
        if same and now - run.started_at <= within:
            return run
    return None


def finished_before(workspace: Workspace, target_key: str) -> list[RunFolder]:
    """Return the finished runs of the same targets, the one that ended last first."""
    return [run for run in _finished(workspace) if run.header.get("target_key") == target_key]


def complete_before(workspace: Workspace, run: RunFolder) -> RunFolder:
    """Return the last complete run of the same targets that ended before this one.

    Raises ManifestError where there is none.
    """
    for earlier in finished_before(workspace, run.header["target_key"]):
        if earlier.finished_at < run.finished_at and earlier.complete:
            return earlier
    raise ManifestError(f"{run.run_id}: no complete run of the same targets before it; name a run to compare")


def _finished(workspace: Workspace) -> list[RunFolder]:
    """Return the finished runs by their ends: one that was taken up again ends after later ones began."""
    finished = [run for run in all_runs(workspace) if run.finished]
    return sorted(finished, key=lambda run: (run.finished_at, run.run_id), reverse=True)


def all_runs(workspace: Workspace) -> Iterator[RunFolder]:
    """Yield the runs of a workspace, the one that began last first; what is no run is left aside."""
    for path in sorted(workspace.runs.iterdir(), reverse=True):
        if not path.is_dir():
            continue
        try:
            header = read_json(path / "run.json")
        except WorkspaceError as error:
            logger.warning("left aside: %s", error)
            continue
        if header is not None and {"run_id", "started_at"} <= header.keys():
            yield RunFolder(path, header)


def finished_run(workspace: Workspace, run_id: str | None) -> RunFolder:
    """Return a finished run by its id, or the last to end; raise ManifestError that lists what there is."""
    finished = _finished(workspace)
    if not finished:
        raise ManifestError(f"{workspace.root}: no finished run yet; `hashsweep scan TARGET` makes one")
    if run_id is None:
        return finished[0]
    for run in finished:
        if run.run_id == run_id:
            return run
    known = ", ".join(run.run_id for run in finished[:5])
    raise ManifestError(f"{run_id}: no finished run of that id; the newest are {known}")
