"""The only place for the units of work of a join, and for what a worker does with each of them."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from scanner.answers import Joined, near_queries, put_answers, read_joined
from scanner.carried import Carried, Tables, carry_over
from scanner.config import Matching
from scanner.errors import WorkspaceError
from scanner.hashlist.table import HashTable
from scanner.match.asked import Bytes
from scanner.match.join import Found, matched, near_limit, nothing_found
from scanner.match.near import near_entries
from scanner.match.nearest import Near
from scanner.queries import Block, queries_file, queries_of, read_fingerprint_tables
from scanner.slices import put_matches
from scanner.workspace import read_json


@dataclass(frozen=True)
class JoinWork:
    """One block of queries and one shard: `questions` lists the files that the queries lie in."""

    name: str
    table: Path
    shard: int
    block: Block
    questions: Path
    output: Path


@dataclass(frozen=True)
class Part:
    """The fingerprints of an inventory part, how many, and where their matches belong.

    `earlier` are matches of the same fingerprints with an earlier table, where they are carried over.
    """

    rows: int
    fingerprints: Path
    output: Path
    earlier: Path | None = None


@dataclass(frozen=True)
class MatchWork:
    """The matches of some parts, from what their queries were answered: a file for each algorithm.

    There is no table where nothing is asked, since all matches are carried over.
    """

    name: str
    table: Path | None
    parts: tuple[Part, ...]
    answers: tuple[tuple[str, Path], ...]
    carried: Carried | None = None

    @property
    def rows(self) -> int:
        """How many objects there are."""
        return sum(part.rows for part in self.parts)


def join_block(work: JoinWork, table: HashTable, matching: Matching) -> Joined:
    """Join a block of queries with a shard, unless that was done before."""
    if not work.output.exists():
        listed = read_json(work.questions)
        if listed is None:
            raise WorkspaceError(f"{work.questions}: missing; run the same command again")
        algorithm = work.block.algorithm
        files = [queries_file(work.questions.with_name(name), algorithm) for name in listed["queries"]]
        queries = queries_of(files, algorithm, work.block.prefixes)
        shard = table.algorithms[algorithm].shards[work.shard]
        limit, per_list = near_limit(algorithm, matching), matching.max_entries_per_list
        near, candidates = near_entries(queries, shard, limit, per_list)
        put_answers(work.output, algorithm, queries, near, Joined(len(queries), candidates))
    return read_joined(work.output)


def match_parts(work: MatchWork, tables: Tables, matching: Matching) -> None:
    """Put the matches of some parts, where they are not there yet."""
    missing = [part for part in work.parts if not part.output.exists()]
    if not missing:
        return
    fingerprints = read_fingerprint_tables([part.fingerprints for part in missing])
    found = _found(work, fingerprints, tables, matching)
    start = 0
    for part in missing:
        matches = found.of(range(start, start + part.rows))
        if work.carried is not None and part.earlier is not None:
            own = fingerprints.slice(start, part.rows)
            matches = carry_over(part.earlier, own, matches, work.carried, tables)
        put_matches(part.output, *matches)
        start += part.rows


def _found(work: MatchWork, fingerprints: pa.Table, tables: Tables, matching: Matching) -> Found:
    if work.table is None:
        return nothing_found(fingerprints)
    files = dict(work.answers)

    def answers(algorithm: str, queries: Bytes) -> Near:
        return near_queries(files[algorithm], algorithm, queries)

    return matched(fingerprints, tables(work.table), matching, answers)
