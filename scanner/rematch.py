"""The only place where the stored fingerprints of an earlier run are matched with the lists of today.

No object is listed or read. Matches are carried over, those of withdrawn entries retire, and the fingerprints
are joined with the entries that were added; where that is not less work, with all of them.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from scanner import join_work
from scanner.carried import Carried
from scanner.config import Config, digest_of
from scanner.errors import ManifestError
from scanner.findings.coverage import Coverage, coverage_from
from scanner.findings.manifest import read_manifest
from scanner.findings.parts import read_parts
from scanner.hashlist.building import telling
from scanner.hashlist.delta import Delta, delta_of
from scanner.hashlist.snapshot import Snapshot
from scanner.hashlist.table import HashTable, build_table
from scanner.inventory import Part, frozen_parts
from scanner.joining import Join
from scanner.listing import Frozen
from scanner.match.distances import max_distances
from scanner.runs import RunFolder, finished_before
from scanner.scan import Executor, Known, Surroundings, Sweep, begun, known_of, target_key
from scanner.slices import Slice
from scanner.target import places_of
from scanner.workspace import Workspace, link

WORTH = 0.5
"""Share of all entries up to which joining with the added ones alone is less work."""


@dataclass(frozen=True)
class Stored:
    """The files of an inventory part in an earlier run."""

    inventory: Path
    fingerprints: Path
    matches: Path


@dataclass(frozen=True)
class Rematch(Sweep):
    """A run over what an earlier one fingerprinted: its parts by their inventory's name.

    `added` is the table of the entries that were added since, if any, where `carried` says that matches are
    carried over; where it says nothing, all is joined anew.
    """

    stored: Mapping[str, Stored]
    coverage: Coverage
    added: HashTable | None
    carried: Carried | None

    def slice_of(self, part: Part) -> Slice:
        """Return the fingerprinting of an inventory part, as it was done then."""
        name = self.stored[part.path.name].fingerprints.name
        return replace(super().slice_of(part), output=self.run.parts / name)

    def fingerprint(self, executor: Executor) -> Coverage:
        """Return what was read then; nothing is read now."""
        del executor
        for _ in self.listing:
            pass
        self.reporter.scanned(self.coverage)
        return self.coverage

    def match(self, executor: Executor) -> None:
        """Put the matches of every part with the lists of today."""
        parts = [
            join_work.Part(
                part.rows,
                self.slice_of(part).output,
                self.matches_of(part),
                None if self.carried is None else self.stored[part.path.name].matches,
            )
            for part in self.listing.parts
        ]
        table = self.table if self.carried is None else self.added
        join = Join(table, self.config.match, self.run.joins, self.reporter, self.carried)
        join.run(executor, parts)
        shutil.rmtree(self.run.joins, ignore_errors=True)


def start_rematch(config: Config, workspace: Workspace, around: Surroundings) -> Rematch:
    """Take up the unfinished rematch of the same run and lists, or begin one.

    It is that of the last finished run of the same targets. Raises ConfigError, HashListError or
    WorkspaceError as a scan does, and ManifestError where there is no such run.
    """
    earlier = _last(workspace, target_key(config))
    provenance = read_manifest(earlier.path)["provenance"]
    known = known_of(config, workspace, around)
    added, carried = _carried(config, workspace, known, earlier, around)
    run = begun(workspace, _key(config, known, earlier), known, config, around, rematch_of=earlier.run_id)
    stored = {one.inventory.name: one for one in _stored(earlier)}
    _link(stored.values(), run)
    places = places_of(config.targets)
    failures = {
        number: target["failure"]
        for number, target in enumerate(provenance["inventory"]["targets"])
        if target["failure"] is not None
    }
    parts = [part for number in range(len(places)) for part in frozen_parts(run.inventory, number)]
    listing = Frozen(parts, failures, around.reporter)
    coverage = coverage_from(provenance["coverage"])
    own = (config, places, workspace, known.snapshots, known.table, run, listing, around.reporter)
    return Rematch(*own, stored, coverage, added, carried)


def _last(workspace: Workspace, key: str) -> RunFolder:
    for run in finished_before(workspace, key):
        return run
    raise ManifestError(
        f"{workspace.root}: no finished run of these targets, with this selection of objects, whose "
        "fingerprints could be matched again; `hashsweep scan` makes one"
    )


def _key(config: Config, known: Known, earlier: RunFolder) -> str:
    """Return a digest over all that makes two rematches the same."""
    policies = {name: policy.model_dump(mode="json") for name, policy in config.lists.items()}
    matching = config.match.model_dump(mode="json")
    return digest_of(
        {"rematch_of": earlier.run_id, "table": known.table.digest, "match": matching, "lists": policies}
    )


def _stored(run: RunFolder) -> Iterator[Stored]:
    """Yield the files of each inventory part of a run, as its manifest names them."""
    names = [part["path"] for part in read_parts(run.path)][1:]  # the first is run.json
    for first in range(0, len(names), 3):
        yield Stored(*(run.path / name for name in names[first : first + 3]))


def _link(stored: Iterable[Stored], run: RunFolder) -> None:
    """Let the new run have the files of the earlier one as its own."""
    for one in stored:
        link(one.inventory, run.inventory / one.inventory.name)
        link(one.fingerprints, run.parts / one.fingerprints.name)


def _carried(
    config: Config, workspace: Workspace, known: Known, earlier: RunFolder, around: Surroundings
) -> tuple[HashTable | None, Carried | None]:
    """Return the table of the entries added since an earlier run, and what of its matches is carried over."""
    before = _snapshots_of(workspace, earlier)
    if before is None or earlier.header["config"].get("match") != config.shown()["match"]:
        around.reporter.event("all is joined anew", rematch_of=earlier.run_id)
        return None, None
    deltas = tuple(_deltas(workspace, before, known.snapshots))
    every = sum(algorithm.entries for algorithm in known.table.algorithms.values())
    added = sum(delta.added_entries for delta in deltas)
    facts = {"added": added, "withdrawn": sum(delta.withdrawn_entries for delta in deltas)}
    around.reporter.event("lists compared", rematch_of=earlier.run_id, **facts)
    if added > WORTH * every:
        return None, None
    snapshots = [delta.added for delta in deltas if delta.added is not None]
    table = None
    if snapshots:
        builder = telling(around.builder, around.reporter.event)
        table = build_table(workspace, snapshots, max_distances(config.match), builder=builder)
        table.verify()
    now = tuple((snapshot.list, snapshot.digest) for snapshot in known.snapshots)
    return table, Carried(known.table.path, now, deltas, config.match)


def _snapshots_of(workspace: Workspace, run: RunFolder) -> list[Snapshot] | None:
    """Return the snapshots that a run matched with, or None where one is no longer there."""
    snapshots = []
    for facts in run.header["lists"]:
        path = workspace.lists / facts["list"] / facts["digest"]
        if not (path / "entries.parquet").exists():
            return None
        at = datetime.fromisoformat(facts["imported_at"])
        snapshots.append(Snapshot(facts["list"], facts["digest"], path, at, facts["counts"]))
    return snapshots


def _deltas(workspace: Workspace, before: Sequence[Snapshot], now: Sequence[Snapshot]) -> Iterator[Delta]:
    """Yield what changed in each list that did."""
    was: dict[str, Any] = {snapshot.list: snapshot for snapshot in before}
    is_: dict[str, Any] = {snapshot.list: snapshot for snapshot in now}
    for name in sorted(was.keys() | is_.keys()):
        earlier, later = was.get(name), is_.get(name)
        if earlier is None or later is None or earlier.digest != later.digest:
            yield delta_of(workspace, earlier, later)
