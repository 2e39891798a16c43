"""The only place that looks up what a newer run knows of findings that it no longer has."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scanner.findings.difference import Difference, MatchKey, NewRun, compare
from scanner.findings.manifest import read_findings, read_manifest
from scanner.findings.parts import read_parts
from scanner.hashlist.entries import matched_entries
from scanner.hashlist.snapshot import Snapshot, open_snapshot
from scanner.records import Finding, Fingerprint, ObjectRef
from scanner.runs import RunFolder
from scanner.slices import read_fingerprints
from scanner.workspace import Workspace


def compare_runs(workspace: Workspace, old: RunFolder, new: RunFolder) -> Iterator[Difference]:
    """Yield what became of every finding between two finished runs; memory holds the absent ones."""
    kept = {finding.finding_id for finding in read_findings(new.path)}
    absent = [finding for finding in read_findings(old.path) if finding.finding_id not in kept]
    provenance = read_manifest(new.path)["provenance"]
    rows = _rows(new, {finding.finding_id for finding in absent})
    entries = _entries(workspace, provenance, absent)
    known = NewRun(
        fingerprint_of=rows.get,
        listed_whole=lambda ref: _listed_whole(provenance["inventory"]["targets"], ref),
        has_entry=entries.__contains__,
    )
    return compare(read_findings(old.path), read_findings(new.path), known)


def _rows(run: RunFolder, wanted: set[str]) -> dict[str, Fingerprint]:
    """Return the newer run's rows of absent findings."""
    rows: dict[str, Fingerprint] = {}
    if not wanted:
        return rows
    for part in read_parts(run.path):
        if part["path"].startswith(f"{run.parts.name}/"):
            for row in read_fingerprints(run.path / part["path"]):
                if row.object.finding_id in wanted:
                    rows[row.object.finding_id] = row
    return rows


def _entries(workspace: Workspace, provenance: Mapping[str, Any], absent: list[Finding]) -> set[MatchKey]:
    """Return which of the entries that absent findings matched the newer run's lists still hold."""
    wanted = {match.match_key for finding in absent for match in finding.matches}
    held: set[MatchKey] = set()
    for named in provenance["lists"]:
        ids = sorted({entry_id for name, _, entry_id, _ in wanted if name == named["list"]})
        if not ids:
            continue
        matched = matched_entries(open_snapshot(_snapshot(workspace, named)))
        for row in matched.filter(pc.is_in(matched["entry_id"], value_set=pa.array(ids))).to_pylist():
            held.add((named["list"], row["member"], row["entry_id"], row["algorithm"]))
    return held & wanted


def _snapshot(workspace: Workspace, named: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot that a run's provenance names."""
    folder = workspace.lists / named["list"] / named["digest"]
    imported_at = datetime.fromisoformat(named["imported_at"])
    return Snapshot(named["list"], named["digest"], folder, imported_at, named["counts"])


def _listed_whole(targets: list[dict[str, Any]], ref: ObjectRef) -> bool:
    """Say whether the place of an object was listed to its end, versions included where it has one."""
    for target in targets:
        here = (target["store"], target["bucket"]) == (ref.store, ref.bucket)
        if here and ref.key.startswith(target["prefix"]):
            whole = target["failure"] is None and target.get("finished") and not target.get("sampled")
            return bool(whole) and (ref.version_id is None or target.get("listing") == "versions")
    return False
