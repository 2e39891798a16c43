"""The only place where the nearest entries of queries are found that very many values lie near.

Blank pictures and floods have such queries. Their pairs are never held: every value is looked at, and of each
kind a query keeps its nearest entries so far, so that memory is that of the result.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.hashlist.shard import Shard
from scanner.kernels import njit, popcount
from scanner.match.hamming import BLOCK_ROWS, CHUNK_ROWS, near_start, words_of
from scanner.match.nearest import Near, joined, kinds_of, ranges, ranks

Indices = NDArray[np.int64]

ROOM = 1 << 22
"""Entries that are held for all queries that are answered at a time."""


class Listed(NamedTuple):
    """The entries of each value that a query could keep, and how many the value has in all.

    Those of value v are `entries[starts[v]:starts[v + 1]]`, ascending; `kinds` holds the number of each one's
    kind.
    """

    starts: Indices
    entries: Indices
    kinds: NDArray[np.int32]
    counts: Indices


class Best(NamedTuple):
    """The nearest entries so far by query, kind and rank, [Q, K, P], and how many were met by query, [Q].

    A distance beyond the limit stands for no entry.
    """

    entries: Indices
    distances: NDArray[np.int32]
    met: Indices


def crowded_entries(queries: NDArray[np.uint8], shard: Shard, max_distance: int, per_list: int) -> Near:
    """Return the nearest `per_list` entries of each kind in a shard, by looking at every value.

    `queries` is uint8[Q, W] and `max_distance` in bits, inclusive. Among equally near entries those stay that
    come first. Runs without the interpreter lock.
    """
    kinds, listed = _listed(shard, per_list)
    step = max(1, ROOM // (len(kinds) * per_list))
    pieces = []
    for start in range(0, len(queries), step):
        some = words_of(queries[start : start + step])
        shape = (len(some), len(kinds), per_list)
        none = np.full(shape, max_distance + 1, np.int32)
        best = Best(np.empty(shape, np.int64), none, np.zeros(len(some), np.int64))
        for first in range(0, len(shard.values), CHUNK_ROWS):
            values = words_of(shard.values[first : first + CHUNK_ROWS])
            _look(some, values, first, np.uint64(max_distance), listed, best)
        pieces.append(_kept(best, kinds, max_distance, (start, shard.first_entry)))
    names = ("query", "entry", "kind", "distance", "left_out")
    return Near(*(joined([getattr(piece, name) for piece in pieces]) for name in names))


def _kept(best: Best, kinds: Indices, max_distance: int, first: tuple[int, int]) -> Near:
    """Return what was kept, whose queries and entries are counted from `first` on."""
    query, kind, rank = np.nonzero(best.distances <= max_distance)
    entry, distance = best.entries[query, kind, rank], best.distances[query, kind, rank].astype(np.int64)
    order = np.lexsort((entry, distance, query))
    left_out = best.met - np.bincount(query, minlength=len(best.met))
    return Near(
        query[order] + first[0], entry[order] + first[1], kinds[kind[order]], distance[order], left_out
    )


def _listed(shard: Shard, per_list: int) -> tuple[Indices, Listed]:
    """Return the kinds of entries in a shard, and what each value has of them."""
    kinds, codes = _coded(shard)
    counts = np.diff(shard.offsets)
    kept = np.ones(len(codes), bool)
    many = np.flatnonzero(counts > per_list)
    entries = ranges(shard.offsets[many], counts[many])
    kept[entries] = ranks(np.repeat(many, counts[many]), codes[entries].astype(np.int64)) < per_list
    starts = np.concatenate([[0], np.cumsum(kept)])[shard.offsets]
    return kinds, Listed(starts, np.flatnonzero(kept), codes[kept], counts)


def _coded(shard: Shard) -> tuple[Indices, NDArray[np.int32]]:
    """Return the kinds of entries in a shard, ascending, and the number of each entry's, some at a time."""
    starts = range(0, len(shard.postings), CHUNK_ROWS)

    def some(start: int) -> Indices:
        return kinds_of(shard.postings, np.arange(start, min(start + CHUNK_ROWS, len(shard.postings))))

    kinds = np.unique(np.concatenate([np.unique(some(start)) for start in starts]))
    return kinds, np.concatenate([np.searchsorted(kinds, some(start)).astype(np.int32) for start in starts])


@njit
def _look(queries: Any, values: Any, first: int, limit: Any, listed: Any, best: Any) -> None:
    """Compare queries with values, whose rows are counted from `first` on, and keep what is nearest."""
    columns, distances = np.empty((values.shape[1], BLOCK_ROWS), np.uint64), np.empty(BLOCK_ROWS, np.uint64)
    for block in range(0, values.shape[0], BLOCK_ROWS):
        size = min(BLOCK_ROWS, values.shape[0] - block)
        for row in range(size):
            for word in range(values.shape[1]):
                columns[word, row] = values[block + row, word]
        for query in range(queries.shape[0]):
            if near_start(queries[query], columns, size, limit):
                _measure(queries[query], columns, size, distances)
                for row in range(size):
                    if distances[row] <= limit:
                        _keep(query, first + block + row, np.int32(distances[row]), listed, best)


@njit
def _measure(query: Any, columns: Any, size: int, distances: Any) -> None:
    """Write the distances to the rows of a block, word by word, since so they are counted side by side."""
    distances[:size] = 0
    for word in range(columns.shape[0]):
        own, column = query[word], columns[word]
        for row in range(size):
            distances[row] += popcount(own ^ column[row])


@njit
def _keep(query: int, value: int, distance: Any, listed: Any, best: Any) -> None:
    """Keep the entries of a near value that are nearer than the last one of their kind."""
    best.met[query] += listed.counts[value]
    last = best.distances.shape[2] - 1
    for place in range(listed.starts[value], listed.starts[value + 1]):
        kind, rank = listed.kinds[place], last
        if distance >= best.distances[query, kind, last]:
            continue
        while rank > 0 and best.distances[query, kind, rank - 1] > distance:
            best.distances[query, kind, rank] = best.distances[query, kind, rank - 1]
            best.entries[query, kind, rank] = best.entries[query, kind, rank - 1]
            rank -= 1
        best.distances[query, kind, rank], best.entries[query, kind, rank] = distance, listed.entries[place]
