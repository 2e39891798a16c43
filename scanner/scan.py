"""The only place where the whole line is drawn: list, fingerprint, join, conclude."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from scanner import join_work, joining
from scanner.config import Config, digest_of
from scanner.errors import ConfigError, HashListError, WorkspaceError
from scanner.findings.coverage import Coverage
from scanner.fingerprint import DECODERS, methods_of
from scanner.hashlist.building import Builder, plainly, telling
from scanner.hashlist.meanings import MOST_MEMBERS, untold_members
from scanner.hashlist.snapshot import Snapshot, active_snapshots
from scanner.hashlist.table import HashTable, build_table
from scanner.inventory import Part
from scanner.listing import Listing
from scanner.match.distances import max_distances
from scanner.match.expected import ExpectedMatches, expected_matches
from scanner.progress import Reporter
from scanner.records import INCOMPLETE, OPTIONAL, PERCEPTUAL, Outcome
from scanner.retry import Retry
from scanner.runs import RunFolder, all_runs, begin, take_up
from scanner.slices import Slice, read_fingerprints, slice_of
from scanner.target import Place, places_of
from scanner.version import VERSION
from scanner.worker import Spec, Summary
from scanner.workspace import Workspace, link

UNSETTLED = INCOMPLETE | {Outcome.TIMED_OUT, Outcome.CRASHED, Outcome.GONE, Outcome.ARCHIVED}
"""Outcomes that another run may see otherwise: parts that hold one are not reused.

`archived` is one of them: a GET says it, never the listing, and an object that is restored keeps the storage
class and the ETag that it was listed with, so nothing but another GET can tell.
"""


class Executor(joining.Executor, Protocol):
    """Who does the work of the phases; results come in any order, and are at rest once they come."""

    def fingerprint(self, work: Iterable[Slice]) -> Iterator[tuple[Slice, Summary]]:
        """Fingerprint slices; each is pulled only when there is room for it."""


Engine = Callable[[Spec], AbstractContextManager[Executor]]


MANY = 1 << 17
"""Values of a table from which on people are told that each query is compared with all of them."""


@dataclass(frozen=True)
class Surroundings:
    """What the line takes from outside, so that it can be run again exactly."""

    now: Callable[[], datetime]
    token: Callable[[], str]
    retry: Retry
    reporter: Reporter
    builder: Builder = plainly


@dataclass(frozen=True)
class Sweep:
    """One run being done: what it scans, against which table, and where its files lie."""

    config: Config
    places: Sequence[Place]
    workspace: Workspace
    snapshots: Sequence[Snapshot]
    table: HashTable
    run: RunFolder
    listing: Listing
    reporter: Reporter

    def slice_of(self, part: Part) -> Slice:
        """Return the fingerprinting of an inventory part."""
        return slice_of(part, self.run.parts, self.config)

    def matches_of(self, part: Part) -> Path:
        """Return where the matches of an inventory part belong, named by what they depend on."""
        matching = self.config.match.model_dump(mode="json")
        fingerprints = self.slice_of(part).output.name
        settings = {"fingerprints": fingerprints, "table": self.table.digest, **matching}
        return self.run.matches / f"{digest_of(settings)[:32]}.parquet"

    def fingerprint(self, executor: Executor) -> Coverage:
        """Fingerprint every part while the listing runs ahead; finished parts of earlier runs serve again."""
        coverage = Coverage()
        for _, summary in executor.fingerprint(self._reusing(part) for part in self.listing):
            coverage += summary.coverage
            self.reporter.scanned(summary.coverage)
        return coverage

    def _reusing(self, part: Part) -> Slice:
        work = self.slice_of(part)
        earlier = self._earlier_parts.get(work.output.name)
        if earlier is not None and not work.output.exists() and _settled(earlier):
            link(earlier, work.output)
        return work

    @cached_property
    def _earlier_parts(self) -> dict[str, Path]:
        """Whole parts of other runs by name; equal names hold equal work."""
        others = [other for other in all_runs(self.workspace) if other.run_id != self.run.run_id]
        return {path.name: path for other in others for path in other.parts.glob("*.parquet")}

    def match(self, executor: Executor) -> None:
        """Join every fingerprinted part with the table; what only the join needed is removed then."""
        parts = [
            join_work.Part(part.rows, self.slice_of(part).output, self.matches_of(part))
            for part in self.listing.parts
        ]
        join = joining.Join(self.table, self.config.match, self.run.joins, self.reporter)
        join.run(executor, parts)
        shutil.rmtree(self.run.joins, ignore_errors=True)

    def stopped(self) -> str:
        """End the listing; say what is at rest and what is missing of a run that is stopped now."""
        self.listing.stop()
        parts = self.listing.parts
        scanned = sum(self.slice_of(part).output.exists() for part in parts)
        joined = sum(self.matches_of(part).exists() for part in parts)
        listing = "the listing is finished" if self.listing.finished else "the listing is not finished"
        return (
            f"stopped: of {len(parts)} listed parts, {scanned} are fingerprinted and {joined} joined; "
            f"{listing}; there is no manifest yet; "
            f"the same command continues run {self.run.run_id}"
        )


def _settled(part: Path) -> bool:
    """Say whether a finished part may serve again: it can be read, and no object deserves another try."""
    try:
        return not any(row.outcome in UNSETTLED for row in read_fingerprints(part))
    except WorkspaceError:
        return False


def start(config: Config, workspace: Workspace, around: Surroundings) -> Sweep:
    """Take up the unfinished run of the same command, or begin one; no object is read yet.

    Raises ConfigError, HashListError or WorkspaceError.
    """
    places = places_of(config.targets)
    known = known_of(config, workspace, around)
    run = begun(workspace, _command_key(config, places, known.table), known, config, around)
    listing = Listing(places, config, run.inventory, around.retry, around.reporter)
    return Sweep(config, places, workspace, known.snapshots, known.table, run, listing, around.reporter)


@dataclass(frozen=True)
class Known:
    """What a run matches with: the lists, their table, and what chance alone would give."""

    snapshots: Sequence[Snapshot]
    table: HashTable
    expected: ExpectedMatches


def known_of(config: Config, workspace: Workspace, around: Surroundings) -> Known:
    """Return what a run of these settings would match with.

    Raises HashListError where there is no list, ConfigError where matches would be missed or left to chance.
    """
    snapshots = active_snapshots(workspace)
    if not snapshots:
        raise HashListError(
            f"{workspace.root}: no hash list; import one first: hashsweep lists import NAME FILE"
        )
    _refuse_untold_members(snapshots, config)
    builder = telling(around.builder, around.reporter.event)
    table = build_table(workspace, snapshots, max_distances(config.match), builder=builder)
    _refuse_what_is_not_computed(table, config)
    table.verify()  # a value that decayed would match nothing, and nobody would ever know
    expected = expected_matches(table, config.match)
    _refuse_random_matches(expected, config)
    _tell_of_scans(table, config, around.reporter)
    return Known(snapshots, table, expected)


def _refuse_untold_members(snapshots: Sequence[Snapshot], config: Config) -> None:
    """Raise ConfigError where entries of one member could crowd out those of another that acts otherwise."""
    for snapshot in snapshots:
        if config.policy(snapshot.list).members and snapshot.source.get("members", 0) > MOST_MEMBERS:
            raise ConfigError(f"list {snapshot.list}: {untold_members(snapshot.list)}")


def _refuse_what_is_not_computed(table: HashTable, config: Config) -> None:
    """Raise ConfigError where entries would silently never match, since no object gets such a hash."""
    missing = {
        name: values.entries
        for name, values in table.algorithms.items()
        if name in OPTIONAL and name not in config.media.also
    }
    if missing:
        entries = " and ".join(f"{count:,} {name}" for name, count in missing.items())
        also = json.dumps(sorted({*config.media.also, *missing}))
        raise ConfigError(
            f"media.also: the lists hold {entries} entries, which could never match, because this scan would "
            f"not compute such hashes; set media.also = {also}"
        )


def _refuse_random_matches(expected: ExpectedMatches, config: Config) -> None:
    if expected.excessive and not config.match.accept_expected_false_matches:
        raise ConfigError(
            f"match: {expected.describe()}; lower match.{expected.most}_max_distance, or set "
            "match.accept_expected_false_matches = true"
        )


def _tell_of_scans(table: HashTable, config: Config, reporter: Reporter) -> None:
    """Say where a join will take long since the distance is beyond what bands serve."""
    limits = max_distances(config.match)
    for name in PERCEPTUAL:
        known = table.algorithms.get(name)
        if known is not None and known.values >= MANY and not any(shard.indices for shard in known.shards):
            facts = {"algorithm": name, "values": known.values, "max_distance": limits[name]}
            reporter.event("all values are compared", **facts)


def begun(
    workspace: Workspace, key: str, known: Known, config: Config, around: Surroundings, **facts: str
) -> RunFolder:
    """Take up the unfinished run of the same key, or begin one whose header holds further facts."""
    now = around.now()
    run = take_up(workspace, key, now, timedelta(hours=config.run.resume_within_hours))
    if run is not None:
        around.reporter.event("run continues", run_id=run.run_id)
        return run
    header: dict[str, Any] = {
        "key": key,
        "target_key": target_key(config),
        "version": VERSION,
        "config": config.shown(),
        "table": known.table.digest,
        "lists": [snapshot.provenance() for snapshot in known.snapshots],
        "expected_false_matches": {**known.expected.to_dict(), "words": known.expected.describe()},
        **facts,
    }
    run = begin(workspace, header, now, around.token())
    around.reporter.event("run begins", run_id=run.run_id)
    return run


def target_key(config: Config) -> str:
    """Return a digest over what a run speaks of: its places, and which of their objects."""
    addresses = sorted(
        [place.store, place.scheme, place.bucket, place.prefix, str(place.target.versions)]
        for place in places_of(config.targets)
    )
    return digest_of({"places": addresses, "select": config.select.model_dump(mode="json")})


def _command_key(config: Config, places: Sequence[Place], table: HashTable) -> str:
    """Return a digest over all that makes two commands the same: never tuning, never credentials."""
    return digest_of(
        {
            "version": VERSION,
            "targets": [
                [str(place), place.store, place.target.endpoint_url, place.target.versions]
                for place in places
            ],
            "select": config.select.model_dump(mode="json"),
            "fingerprint": config.fingerprint_settings(),
            "methods": [*methods_of(config.media), DECODERS],
            "match": config.match.model_dump(mode="json"),
            "lists": {name: policy.model_dump(mode="json") for name, policy in config.lists.items()},
            "part_objects": config.run.part_objects,
            "table": table.digest,
        }
    )
