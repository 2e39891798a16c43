"""The only place where it is bounded how many pairs a join holds: piece by piece, whatever lies near what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scanner.hashlist.shard import Shard
from scanner.hashlist.table import AlgorithmTable
from scanner.match.banded import banded_join
from scanner.match.exact import Bytes, exact_join
from scanner.match.hamming import Pairs, bounded_join, words_of
from scanner.match.nearest import NearValues

MAX_PAIRS = 1 << 19
"""Pairs of a query and a value near it that are held at a time."""

Asker = tuple[int, ...]
"""The query of each rendering of an object."""


@dataclass(frozen=True)
class Problem:
    """What is joined: queries (uint8[Q, W]) with a table within a distance, None for equality."""

    queries: Bytes
    table: AlgorithmTable
    max_distance: int | None
    max_pairs: int


def pieces(problem: Problem, askers: Sequence[Asker]) -> Iterator[tuple[Sequence[Asker], NearValues]]:
    """Yield some askers with all that lies near them in a range of the table, until all was seen by all.

    A piece has at most `max_pairs` pairs, unless one asker alone has more with one value. As many askers as
    possible are taken together; where that gives too many pairs, half as many.
    """
    for shard in problem.table.shards:
        place, size = 0, len(askers)
        while place < len(askers):
            batch = askers[place : place + size]
            near = _near(problem, batch, shard, range(len(shard.values)))
            if near is None and len(batch) > 1:
                size = len(batch) // 2
                continue
            if near is None:
                yield from ((batch, piece) for piece in _divided(problem, batch, shard))
            else:
                yield batch, near
                size *= 2 if 4 * len(near.query) <= problem.max_pairs else 1
            place += len(batch)


def _divided(problem: Problem, batch: Sequence[Asker], shard: Shard) -> Iterator[NearValues]:
    """Yield what lies near one asker, by ranges of the shard's values that are halved until they fit."""
    waiting = [range(len(shard.values))]
    while waiting:
        values = waiting.pop()
        near = _near(problem, batch, shard, values)
        if near is not None:
            yield near
        else:
            half = len(values) // 2
            waiting += [values[half:], values[:half]]


def _near(problem: Problem, batch: Sequence[Asker], shard: Shard, values: range) -> NearValues | None:
    """Return the values of a range near a batch, or None where there are more pairs than are held."""
    asked = np.array(sorted({query for asker in batch for query in asker}), np.int64)
    queries, table = problem.queries[asked], shard.values[values.start : values.stop]
    least = len(asked) if len(batch) == len(values) == 1 else 0  # what cannot be divided any further
    if problem.max_distance is None:
        query, value = exact_join(queries, table)
        distance = np.zeros(len(query), np.int64)
    else:
        room = max(problem.max_pairs, least)
        found = _joined(queries, table, shard, problem.max_distance, room)
        if found is None:
            return None
        query, value, distance = found[0], found[1], found[2].astype(np.int64)
    return NearValues(shard, asked[query], value + values.start, distance)


def _joined(queries: Bytes, table: Bytes, shard: Shard, max_distance: int, room: int) -> Pairs | None:
    """Return all pairs with values of a shard: by its bands where all of it is asked, else by a scan."""
    indexed = shard.indices and shard.max_distance is not None and max_distance <= shard.max_distance
    if not indexed or len(table) < len(shard.values):
        return bounded_join(queries, table, max_distance, room)
    words, bits = (words_of(queries), words_of(table)), 8 * queries.shape[1]
    return banded_join(*words, bits, shard.indices, max_distance, room)[0]
