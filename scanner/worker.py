"""The only place where one slice of an inventory goes down the line: fetch, decode, fingerprint, join."""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pyarrow.compute

from scanner import canary
from scanner.answers import Joined
from scanner.config import Config
from scanner.decoder import Decoder, Perceiver, Pool
from scanner.fetch import Content, Source, fetch, source_of
from scanner.fetch.budget import ByteBudget, memory_need
from scanner.findings.coverage import Coverage, coverage_of
from scanner.fingerprint import Perceived, recorded
from scanner.hashlist.table import HashTable, open_table
from scanner.inventory import read_part
from scanner.join_work import JoinWork, MatchWork, join_block, match_parts
from scanner.queries import AskWork, Counts, ask
from scanner.records import Fingerprint, Listed, Outcome
from scanner.retry import Retry
from scanner.slices import Slice, objects_matched, put_fingerprints, read_fingerprints
from scanner.target import place_of

pc: Any = pyarrow.compute  # its type stubs do not know chunked arrays

READERS = "hashsweep-reader"
"""What the threads are called that read objects."""


@dataclass(frozen=True)
class Spec:
    """All that a worker needs to know; it travels to workers as it is."""

    config: Config
    table: Path


@dataclass(frozen=True)
class Summary:
    """What a slice came to, small enough to travel back."""

    coverage: Coverage


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
            self._tables = {spec.table: open_table(spec.table)}
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

    def ask(self, work: AskWork) -> Counts:
        """Put the queries of some parts, unless that was done before."""
        return ask(work, [*self._table(work.table).algorithms], self._config.match.min_pdq_quality)

    def join(self, work: JoinWork) -> Joined:
        """Join a block of queries with a shard, unless that was done before."""
        return join_block(work, self._table(work.table), self._config.match)

    def match(self, work: MatchWork) -> int:
        """Put the matches of some parts, unless that was done before; return how many objects have any."""
        match_parts(work, self._table, self._config.match)
        return sum(objects_matched(part.output) for part in work.parts)

    def _table(self, path: Path) -> HashTable:
        if path not in self._tables:
            self._tables[path] = open_table(path)
        return self._tables[path]

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


def abandon(work: Slice, reason: str) -> None:
    """Write the outcome of a slice whose workers keep dying: `crashed`, for each of its objects."""
    rows = [
        Fingerprint(listed.object, listed.outcome or Outcome.CRASHED, listed.reason or reason)
        for listed in read_part(work.inventory)[work.start : work.stop]
    ]
    put_fingerprints(work.output, rows)
