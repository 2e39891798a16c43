"""The only place where one slice of an inventory goes down the line: fetch, decode, fingerprint, join."""

import json
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from scanner import canary
from scanner.config import Config
from scanner.decoder import Decoder, Perceiver, Pool
from scanner.fetch import Content, Source, fetch, source_of
from scanner.fetch.budget import ByteBudget, memory_need
from scanner.findings.coverage import Coverage, coverage_of
from scanner.fingerprint import Perceived, recorded
from scanner.hashlist.table import HashTable, open_table
from scanner.inventory import read_part
from scanner.match.join import join
from scanner.records import Fingerprint, Listed, Match, Outcome, records_of, table_of
from scanner.retry import Retry
from scanner.slices import Slice, put_fingerprints, read_fingerprints
from scanner.target import place_of
from scanner.workspace import parquet_bytes, put_once, read_parquet

READERS = "hashsweep-reader"
"""What the threads are called that read objects."""

OMITTED = b"hashsweep.matches_omitted"


@dataclass(frozen=True)
class Spec:
    """All that a worker needs to know; it travels to workers as it is."""

    config: Config
    table: Path


@dataclass(frozen=True)
class Summary:
    """What a slice came to, small enough to travel back."""

    coverage: Coverage
    findings: int = 0


@dataclass(frozen=True)
class Matched:
    """The matches of one slice, and how many entries were left out per finding."""

    matches: tuple[Match, ...]
    omitted: dict[str, int] = field(default_factory=dict)


class Worker:
    """One process's share of the line: its clients, its decoder children, the mapped table.

    It keeps as many cores busy as it has decoders. Every method may run twice, and again after a crash:
    results are put once, under names that say what they are made of.
    """

    def __init__(self, spec: Spec, decoders: int | Sequence[Perceiver] = 1) -> None:
        settings = spec.config.fetch
        self._config = spec.config
        self._retry = Retry(
            settings.attempts,
            settings.backoff_seconds,
            settings.max_backoff_seconds,
            time.sleep,
            random.random,
        )
        self._sources: dict[int, Source] = {}
        self._budget = ByteBudget(settings.in_flight_bytes)
        # One pool for good: a decoder child ends with the thread that started it.
        if isinstance(decoders, int):
            decoders = [Decoder(spec.config.media) for _ in range(decoders)]
        self._pool = ThreadPoolExecutor(max(settings.in_flight, len(decoders)), READERS)
        self._decoder = Pool(decoders)
        try:
            self._table: HashTable = open_table(spec.table)
            caps = spec.config.media
            list(self._pool.map(lambda decoder: canary.check(decoder, caps), decoders))  # all start at once
        except BaseException:
            self.close()
            raise

    def fingerprint(self, work: Slice) -> Summary:
        """Fingerprint the objects of a slice, unless that was done before."""
        if not work.output.exists():
            listed = read_part(work.inventory)[work.start : work.stop]
            source = self._source(work.target)
            rows = list(self._pool.map(lambda row: self._row(row, source), listed))
            put_fingerprints(work.output, rows)
        return Summary(coverage_of(read_fingerprints(work.output)))

    def match(self, work: "MatchWork") -> Summary:
        """Join the fingerprints of some slices with the hash table, at once, unless that was done before."""
        missing = [one for one in work.slices if not one.output.exists()]
        fingerprints = [read_fingerprints(one.fingerprints) for one in missing]
        for one, (matches, omitted) in zip(missing, self._joined(fingerprints), strict=True):
            put_matches(one.output, matches, omitted)
        matched = [read_matches(one.output) for one in work.slices]
        findings = sum(len({match.finding_id for match in one.matches}) for one in matched)
        return Summary(Coverage(), findings)

    def _joined(
        self, slices: Sequence[Sequence[Fingerprint]]
    ) -> Iterator[tuple[list[Match], dict[str, int]]]:
        """Yield what the join of each slice gives; it depends on nothing in the others."""
        ids = [{row.object.finding_id for row in rows} for rows in slices]
        if sum(map(len, ids)) > len(set().union(*ids)):  # one object twice would have all its matches twice
            yield from (join(rows, self._table, self._config.match) for rows in slices)
            return
        matches, omitted = join([row for rows in slices for row in rows], self._table, self._config.match)
        for own in ids:
            left_out = {finding_id: count for finding_id, count in omitted.items() if finding_id in own}
            yield [match for match in matches if match.finding_id in own], left_out

    def _source(self, target: int) -> Source:
        if target not in self._sources:
            place = place_of(self._config.targets[target])
            self._sources[target] = source_of(place, self._config.fetch)
        return self._sources[target]

    def _row(self, listed: Listed, source: Source) -> Fingerprint:
        if listed.outcome is not None:
            return Fingerprint(listed.object, listed.outcome, listed.reason)
        with self._budget.of(memory_need(listed.object, self._config.fetch)):
            content = fetch(listed.object, source, self._config.fetch, self._retry)
            seen = self._seen(content)
        return recorded(listed.object, content.digests, seen, content.bytes_read)

    def _seen(self, content: Content) -> Perceived:
        media_type = content.media.name if content.media is not None else None
        if content.data is None or content.outcome is not None:
            return Perceived(content.outcome or Outcome.HASHED, content.reason, media_type=media_type)
        seen = self._decoder.perceive(content.data)
        return replace(seen, media_type=seen.media_type or media_type)

    def close(self) -> None:
        """Stop the decoder child, and begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._decoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class SliceMatches:
    """A slice's fingerprints, and where their matches belong."""

    fingerprints: Path
    output: Path


@dataclass(frozen=True)
class MatchWork:
    """One join: of some slices at once, since a table is gone through once for each join."""

    name: str
    rows: int
    slices: tuple[SliceMatches, ...]


def put_matches(output: Path, matches: Sequence[Match], omitted: dict[str, int]) -> None:
    """Put the matches of a slice, once."""
    table = table_of(Match, matches)
    metadata = {**(table.schema.metadata or {}), OMITTED: json.dumps(omitted, sort_keys=True).encode()}
    put_once(output, parquet_bytes(table.replace_schema_metadata(metadata)))


def read_matches(output: Path) -> Matched:
    """Return the matches of a slice."""
    table = read_parquet(output)
    omitted = json.loads((table.schema.metadata or {}).get(OMITTED, b"{}"))
    return Matched(tuple(records_of(Match, table)), omitted)


def abandon(work: Slice, reason: str) -> None:
    """Write the outcome of a slice whose workers keep dying: `crashed`, for each of its objects."""
    rows = [
        Fingerprint(listed.object, listed.outcome or Outcome.CRASHED, listed.reason or reason)
        for listed in read_part(work.inventory)[work.start : work.stop]
    ]
    put_fingerprints(work.output, rows)
