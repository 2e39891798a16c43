"""The only place where a run's join is drawn: queries are asked once, broadcast to shards, answered, matched.

Distinct queries of all parts meet the table by tasks of one shard and one block of queries; both are mapped,
so that what a task needs is moved once to each host. What the queries are answered becomes the matches of
each part. All of it is at rest, put once, and named by what it depends on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from pathlib import Path
from typing import Protocol

from scanner.answers import Joined, gather
from scanner.carried import Carried
from scanner.config import Matching, digest_of
from scanner.hashlist.table import HashTable
from scanner.join_work import JoinWork, MatchWork, Part
from scanner.match.join import near_limit
from scanner.progress import Reporter
from scanner.queries import BLOCK_QUERIES, AskWork, Block, Counts, blocks
from scanner.workspace import json_bytes, put_once

ASKED_PARTS = 64
"""Inventory parts whose fingerprints are held, and matched, at once: some 64,000 objects."""


class Executor(Protocol):
    """Who does the work; results come in any order, and are at rest once they come."""

    def ask(self, work: Iterable[AskWork]) -> Iterator[tuple[AskWork, Counts]]:
        """Put the queries of parts."""

    def join(self, work: Iterable[JoinWork]) -> Iterator[tuple[JoinWork, Joined]]:
        """Join blocks of queries with shards."""

    def match(self, work: Iterable[MatchWork]) -> Iterator[tuple[MatchWork, int]]:
        """Put the matches of parts; return how many objects have any."""


@dataclass(frozen=True)
class Join:
    """One join of fingerprints with a table; `folder` holds what is at rest until the matches are.

    Where matches are carried over from an earlier table, this one is that of the entries added since, if any.

    `asked_parts` are gone through, and `block_queries` joined, at a time; neither changes a match.
    """

    table: HashTable | None
    matching: Matching
    folder: Path
    reporter: Reporter
    carried: Carried | None = None
    asked_parts: int = ASKED_PARTS
    block_queries: int = BLOCK_QUERIES

    def run(self, executor: Executor, parts: Sequence[Part]) -> None:
        """Put the matches of all parts that have none yet."""
        missing = [part for part in parts if not part.output.exists()]
        step = self.asked_parts
        groups = [tuple(missing[start : start + step]) for start in range(0, len(missing), step)]
        table: Path | None = None
        answers: tuple[tuple[str, Path], ...] = ()
        if groups and self.table is not None:
            table, answers = self.table.path, self._answered(executor, self.table, groups)
        self.reporter.matched(sum(part.rows for part in parts) - sum(part.rows for part in missing), 0)
        works = (MatchWork(_name(group), table, group, answers, self.carried) for group in groups)
        for work, findings in executor.match(works):
            self.reporter.matched(work.rows, findings)

    def _answered(
        self, executor: Executor, table: HashTable, groups: Sequence[tuple[Part, ...]]
    ) -> tuple[tuple[str, Path], ...]:
        asked = [self._ask_work(group, table) for group in groups]
        counts: Counts = {}
        for _, counted in executor.ask(asked):
            for algorithm, some in counted.items():
                counts[algorithm] = counts.get(algorithm, 0) + some
        names = sorted(work.output.name for work in asked)
        questions = self.folder / f"{digest_of({'queries': names})[:32]}.json"
        put_once(questions, json_bytes({"queries": names}))
        order = _order(blocks(counts, self.block_queries), table)
        works = [self._join_work(block, shard, table, questions) for block, shard in order]
        for work, joined in executor.join(works):
            self.reporter.joined(work.name, joined.queries, joined.candidates)
        return tuple((algorithm, self._gather(algorithm, works)) for algorithm in counts)

    def _ask_work(self, group: tuple[Part, ...], table: HashTable) -> AskWork:
        files = tuple(part.fingerprints for part in group)
        settings = {
            "fingerprints": [file.name for file in files],
            "algorithms": [*table.algorithms],
            "min_pdq_quality": self.matching.min_pdq_quality,
        }
        return AskWork(_name(group), table.path, files, self.folder / digest_of(settings)[:32])

    def _join_work(self, block: Block, shard: int, table: HashTable, questions: Path) -> JoinWork:
        settings = {
            "table": table.digest,
            "queries": questions.stem,
            "block": [block.algorithm, block.prefixes.start, block.prefixes.stop],
            "shard": shard,
            "within": near_limit(block.algorithm, self.matching),
            "per_list": self.matching.max_entries_per_list,
        }
        name = f"{block.algorithm}-{block.prefixes.start:04}-{shard:05}"
        output = self.folder / f"{digest_of(settings)[:32]}.arrow"
        return JoinWork(name, table.path, shard, block, questions, output)

    def _gather(self, algorithm: str, works: Sequence[JoinWork]) -> Path:
        """Put all answers of an algorithm into one file."""
        of_block: dict[int, list[Path]] = {}
        for work in works:
            if work.block.algorithm == algorithm:
                of_block.setdefault(work.block.prefixes.start, []).append(work.output)
        files = [of_block[start] for start in sorted(of_block)]
        settings = {"answers": [[file.name for file in some] for some in files], "algorithm": algorithm}
        output = self.folder / f"{digest_of(settings)[:32]}.arrow"
        gather(files, algorithm, self.matching.max_entries_per_list, output)
        return output


def _order(asked: Iterable[Block], table: HashTable) -> Iterator[tuple[Block, int]]:
    """Yield blocks with the shards of their algorithm, in the order in which less is moved.

    Either each block meets all shards before the next one comes, and the table is moved for each block;
    or each shard meets all blocks, and the queries are moved for each shard.
    """
    for algorithm, group in groupby(asked, key=lambda block: block.algorithm):
        some, known = [*group], table.algorithms[algorithm]
        shards, queries = range(len(known.shards)), sum(block.queries for block in some)
        if queries + len(some) * known.values < known.values + len(shards) * queries:
            yield from product(some, shards)
        else:
            yield from ((block, shard) for shard, block in product(shards, some))


def _name(group: Sequence[Part]) -> str:
    """Return a name for tasks and logs; it carries no key."""
    return f"{group[0].output.stem[:12]}+{len(group)}"
