"""The only place where the entries near queries are found in a shard, however many they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.hashlist.postings import COMMON
from scanner.hashlist.shard import Shard
from scanner.match.banded import banded_pairs
from scanner.match.exact import exact_join
from scanner.match.hamming import CHUNK_ROWS, Bounds, NearPairs, hamming_join, scanned_pairs, words_of

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]

BOUNDS = Bounds(most=256, max_pairs=1 << 22)
"""Values near one query that are still found together with those of others, and pairs held at a time."""

LIST_SHIFT, CLASS_SHIFT = 40, 8
"""Where the list and the classification stand in a kind; its lowest bits are the status."""


@dataclass(frozen=True)
class Near:
    """The nearest entries of some queries: parallel arrays, sorted by query, distance and entry.

    `query` counts the queries and `entry` all entries of the algorithm, by value; `distance` is in bits.
    `kind` tells the lists apart, and within them the classifications and statuses: of each kind a query
    has its nearest entries, and `left_out`, int64[Q], tells how many further ones there are.
    """

    query: Indices
    entry: Indices
    kind: Indices
    distance: Indices
    left_out: Indices

    def of(self, queries: Indices) -> tuple[Indices, Indices]:
        """Return where the entries of some queries begin, and how many there are."""
        first = np.searchsorted(self.query, queries)
        return first, np.searchsorted(self.query, queries, side="right") - first


def nearest(pieces: Sequence[Near], per_list: int) -> Near:
    """Return the nearest `per_list` entries of each kind among pieces, which hold an entry of a query once.

    Among equally near entries those stay that come first. The result does not depend on the pieces.
    """
    query, entry, kind, distance = (
        _joined([getattr(piece, name) for piece in pieces]) for name in ("query", "entry", "kind", "distance")
    )
    order = np.lexsort((entry, distance, query))
    query, entry, kind, distance = query[order], entry[order], kind[order], distance[order]
    kept = np.flatnonzero(ranks(query, kind) < per_list)
    left_out = np.sum([piece.left_out for piece in pieces], axis=0)
    left_out += _counts(query, len(left_out)) - _counts(query[kept], len(left_out))
    return Near(query[kept], entry[kept], kind[kept], distance[kept], left_out)


def _counts(numbers: Indices, most: int) -> Indices:
    return np.bincount(numbers, minlength=most)


def ranks(*keys: Indices) -> Indices:
    """Return how many rows with the same keys come before each row."""
    order = np.lexsort(keys[::-1])
    starts = np.zeros(len(order), bool)
    for key in keys:
        ordered = key[order]
        starts[1:] |= ordered[1:] != ordered[:-1]
    places = np.arange(len(order))
    rank = np.empty(len(order), np.int64)
    rank[order] = places - np.maximum.accumulate(np.where(starts, places, 0))
    return rank


def near_entries(
    queries: Bytes, shard: Shard, max_distance: int | None, per_list: int, bounds: Bounds = BOUNDS
) -> tuple[Near, int]:
    """Return the nearest entries of a shard for distinct queries, and how many values were compared.

    `queries` is uint8[Q, W] and `max_distance` in bits, inclusive; None asks for equal values. Queries near
    more than `bounds.most` values are answered one after the other.
    """
    pieces: list[tuple[int, Near]] = []
    compared = 0
    for first, size, pairs in _batches(queries, shard, max_distance, bounds):
        pieces.append((first, _entries(pairs, shard, size, per_list)))
        compared += pairs.candidates
        for query in (pairs.crowded + first).tolist():
            assert max_distance is not None  # equal values are one
            alone = queries[query : query + 1]
            pieces.append((query, _alone(alone, shard, max_distance, per_list)))
            compared += len(shard.values)
    return nearest([_placed(pieces, len(queries))], per_list), compared


def _placed(pieces: Sequence[tuple[int, Near]], queries: int) -> Near:
    """Return pieces as one, each of which counts its queries from one of them on."""
    left_out = np.zeros(queries, np.int64)
    for first, piece in pieces:
        left_out[first : first + len(piece.left_out)] += piece.left_out
    return Near(
        _joined([piece.query + first for first, piece in pieces]),
        _joined([piece.entry for _, piece in pieces]),
        _joined([piece.kind for _, piece in pieces]),
        _joined([piece.distance for _, piece in pieces]),
        left_out,
    )


def _joined(arrays: Sequence[Indices]) -> Indices:
    return np.concatenate([np.empty(0, np.int64), *arrays])


def _batches(
    queries: Bytes, shard: Shard, max_distance: int | None, bounds: Bounds
) -> Iterator[tuple[int, int, NearPairs]]:
    """Yield where as many queries as the bounds allow begin, how many they are, and all their pairs."""
    first, size = 0, len(queries)
    while first < len(queries):
        batch = queries[first : first + size]
        pairs = _pairs(batch, shard, max_distance, bounds)
        if pairs is None and len(batch) > 1:
            size = len(batch) // 2
            continue
        if pairs is None:  # not even one query's fit: it is as good as crowded
            empty = np.empty(0, np.int64)
            pairs = NearPairs(empty, empty, empty.astype(np.int32), np.zeros(1, np.int64), 0)
        yield first, len(batch), pairs
        first += len(batch)


def _pairs(queries: Bytes, shard: Shard, max_distance: int | None, bounds: Bounds) -> NearPairs | None:
    """Return the pairs with all values of a shard: by its bands where it has any, else by a scan."""
    if max_distance is None:
        query, row = exact_join(queries, shard.values)
        none = np.empty(0, np.int64)
        return NearPairs(query, row, np.zeros(len(query), np.int32), none, len(queries))
    if not shard.indices or shard.max_distance is None or max_distance > shard.max_distance:
        return scanned_pairs(queries, shard.values, max_distance, bounds)
    words, bits = (words_of(queries), words_of(shard.values)), 8 * queries.shape[1]
    return banded_pairs(*words, bits, shard.indices, max_distance, bounds)


def _alone(query: Bytes, shard: Shard, max_distance: int, per_list: int) -> Near:
    """Return the nearest entries of one query, by looking at every value, some of them at a time."""
    found = _placed([], 1)
    for start in range(0, len(shard.values), CHUNK_ROWS):
        asked, row, distance = hamming_join(query, shard.values[start : start + CHUNK_ROWS], max_distance)
        pairs = NearPairs(asked, row + start, distance, np.empty(0, np.int64), 0)
        found = nearest([found, _entries(pairs, shard, 1, per_list)], per_list)
    return found


def _entries(pairs: NearPairs, shard: Shard, queries: int, per_list: int) -> Near:
    """Return the entries of the values in pairs: of each kind not more of a value than a query could keep."""
    values, place = np.unique(pairs.row, return_inverse=True)
    first, counts = shard.offsets[values], shard.offsets[values + 1] - shard.offsets[values]
    entries = ranges(first, counts)
    value, kinds = np.repeat(np.arange(len(values)), counts), _kinds(shard.postings, entries)
    kept = np.flatnonzero(ranks(value, kinds) < per_list)
    some = np.bincount(value[kept], minlength=len(values))
    chosen = kept[ranges((np.cumsum(some) - some)[place], some[place])]
    query = np.repeat(pairs.query, some[place])
    left_out = np.zeros(queries, np.int64)
    np.add.at(left_out, pairs.query, (counts - some)[place])
    distance = np.repeat(pairs.distance.astype(np.int64), some[place])
    return Near(query, entries[chosen] + shard.first_entry, kinds[chosen], distance, left_out)


def ranges(starts: Indices, counts: Indices) -> Indices:
    """Return the numbers of several ranges, one range after the other."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))


def _kinds(postings: pa.Table, rows: Indices) -> Indices:
    """Return the kinds of some entries of a shard; they mean the same in all shards of an algorithm."""
    lists, classes, statuses = (_codes(postings, name, rows) for name in COMMON)
    return (lists << LIST_SHIFT) + (classes + 1 << CLASS_SHIFT) + statuses  # no classification is -1


def _codes(postings: pa.Table, name: str, rows: Indices) -> Indices:
    """Return the dictionary codes of some rows, -1 where there is none; equal words have equal codes."""
    column: Any = postings.column(name).chunk(0)
    codes: Indices = column.indices.take(pa.array(rows)).fill_null(-1).to_numpy().astype(np.int64)
    return codes
