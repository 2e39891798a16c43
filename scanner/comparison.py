"""The only place that looks up what a newer run knows of findings that it no longer has as before."""

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scanner.findings.difference import Difference, MatchKey, NewRun, compare, lessened
from scanner.findings.manifest import read_findings, read_manifest
from scanner.findings.parts import read_parts
from scanner.hashlist.entries import matched_entries
from scanner.hashlist.snapshot import Snapshot, open_snapshot
from scanner.records import Finding, Fingerprint, ObjectRef, Outcome
from scanner.runs import RunFolder
from scanner.slices import read_fingerprints
from scanner.workspace import Workspace

Step = tuple[str, str, bytes]
"""Store, bucket, and the bytes of a key or of a folder's path."""


def compare_runs(workspace: Workspace, old: RunFolder, new: RunFolder) -> Iterator[Difference]:
    """Yield what became of every finding between two finished runs; memory holds the lessened ones."""
    lost = list(lessened(read_findings(old.path), read_findings(new.path)))
    earlier, provenance = (read_manifest(run.path)["provenance"] for run in (old, new))
    targets = provenance["inventory"]["targets"]
    rows, blocked = _rows(new, lost)
    entries = _entries([_snapshot(workspace, named) for named in provenance["lists"]], lost)
    then = [_snapshot(workspace, named) for named in earlier["lists"]]
    entries_then = _entries(
        [snapshot for snapshot in then if (snapshot.path / "entries.parquet").exists()], lost
    )
    known = NewRun(
        fingerprint_of=rows.get,
        listed_whole=lambda ref: _listed_whole(targets, ref, blocked),
        has_entry=lambda key: key in entries and entries[key] == entries_then.get(key, entries[key]),
        most=provenance["config"]["match"]["max_entries_per_list"],
    )
    return compare(read_findings(old.path), read_findings(new.path), known)


def _rows(run: RunFolder, lost: list[Finding]) -> tuple[dict[str, Fingerprint], set[Step]]:
    """Return the newer run's rows of lessened findings, and where its listing could not get to others.

    A name that could not be looked at has no etag. Below it, and below a link, nothing was listed, although
    the listing came to its end.
    """
    rows: dict[str, Fingerprint] = {}
    blocked: set[Step] = set()
    wanted = {finding.finding_id for finding in lost}
    ways = {step for finding in lost for step in _way_to(finding.object)}
    for row in _fingerprints(run) if lost else ():
        if row.object.finding_id in wanted:
            rows[row.object.finding_id] = row
        elif not row.object.etag or row.outcome is Outcome.NOT_REGULAR:
            store, bucket, key, *_ = row.object.identity
            blocked |= {(store, bucket, key.removesuffix(b"/"))} & ways
    return rows, blocked


def _fingerprints(run: RunFolder) -> Iterator[Fingerprint]:
    for part in read_parts(run.path):
        if part["path"].startswith(f"{run.parts.name}/"):
            yield from read_fingerprints(run.path / part["path"])


def _way_to(ref: ObjectRef) -> Iterator[Step]:
    """Yield the place of an object, and those of the folders above it, up to the root."""
    store, bucket, key, *_ = ref.identity
    components = key.split(b"/")
    for count in range(len(components) + 1):
        yield store, bucket, b"/".join(components[:count])


def _entries(snapshots: Sequence[Snapshot], lost: list[Finding]) -> dict[MatchKey, bytes]:
    """Return the values of those entries that lessened findings matched, as far as snapshots have them.

    Another value under the id of an entry makes it another entry.
    """
    wanted = {match.match_key for finding in lost for match in finding.matches}
    held: dict[MatchKey, bytes] = {}
    for snapshot in snapshots:
        ids = sorted({entry_id for name, _, entry_id, _ in wanted if name == snapshot.list})
        if not ids:
            continue
        matched = matched_entries(open_snapshot(snapshot))
        for row in matched.filter(pc.is_in(matched["entry_id"], value_set=pa.array(ids))).to_pylist():
            held[(snapshot.list, row["member"], row["entry_id"], row["algorithm"])] = row["value"]
    return {key: value for key, value in held.items() if key in wanted}


def _snapshot(workspace: Workspace, named: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot that a run's provenance names."""
    folder = workspace.lists / named["list"] / named["digest"]
    imported_at = datetime.fromisoformat(named["imported_at"])
    return Snapshot(named["list"], named["digest"], folder, imported_at, named["counts"])


def _listings_that_name(ref: ObjectRef) -> tuple[str, ...]:
    """Return the kinds of listing that would name an object version; `current` leaves out hidden ones."""
    return ("versions",) if ref.version_id is not None else ("versions", "unversioned", "directory")


def _listed_whole(targets: list[dict[str, Any]], ref: ObjectRef, blocked: Set[Step] = frozenset()) -> bool:
    """Say whether the place of an object was listed to its end, versions included where it has one.

    In a directory, nothing may have stood in the way to it; the keys of a bucket lie in no folders.
    """
    for target in targets:
        here = (target["store"], target["bucket"]) == (ref.store, ref.bucket)
        if here and ref.key.startswith(target["prefix"]):
            whole = target["failure"] is None and target.get("finished") and not target.get("sampled")
            reached = target.get("listing") != "directory" or blocked.isdisjoint(_way_to(ref))
            return bool(whole) and reached and target.get("listing") in _listings_that_name(ref)
    return False
