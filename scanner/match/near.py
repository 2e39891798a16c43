"""The only place where the entries near queries are found in a shard, however many they are."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from scanner.hashlist.shard import Shard
from scanner.match.banded import banded_pairs
from scanner.match.crowded import crowded_entries
from scanner.match.exact import exact_join
from scanner.match.hamming import Bounds, NearPairs, scanned_pairs, words_of
from scanner.match.nearest import Near, joined, kinds_of, nearest, ranges, ranks

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]

BOUNDS = Bounds(most=256, max_pairs=1 << 22)
"""Values near one query that are still found together with those of others, and pairs held at a time."""


def near_entries(
    queries: Bytes, shard: Shard, max_distance: int | None, per_list: int, bounds: Bounds = BOUNDS
) -> tuple[Near, int]:
    """Return the nearest entries of a shard for distinct queries, and how many values were compared.

    `queries` is uint8[Q, W] and `max_distance` in bits, inclusive; None asks for equal values. Queries near
    more than `bounds.most` values are answered by themselves.
    """
    pieces: list[tuple[Indices, Near]] = []
    crowded, compared = [], 0
    for first, size, pairs in _batches(queries, shard, max_distance, bounds):
        pieces.append((np.arange(first, first + size), _entries(pairs, shard, size, per_list)))
        crowded.append(pairs.crowded + first)
        compared += pairs.candidates
    many = joined(crowded)
    if len(many):
        assert max_distance is not None  # equal values are one
        pieces.append((many, crowded_entries(queries[many], shard, max_distance, per_list)))
        compared += len(many) * len(shard.values)
    return nearest([_placed(pieces, len(queries))], per_list), compared


def _placed(pieces: Sequence[tuple[Indices, Near]], queries: int) -> Near:
    """Return pieces as one, each of which counts some of the queries by themselves."""
    left_out = np.zeros(queries, np.int64)
    for numbers, piece in pieces:
        left_out[numbers] += piece.left_out
    return Near(
        joined([numbers[piece.query] for numbers, piece in pieces]),
        joined([piece.entry for _, piece in pieces]),
        joined([piece.kind for _, piece in pieces]),
        joined([piece.distance for _, piece in pieces]),
        left_out,
    )


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


def _entries(pairs: NearPairs, shard: Shard, queries: int, per_list: int) -> Near:
    """Return the entries of the values in pairs: of each kind not more of a value than a query could keep."""
    values, place = np.unique(pairs.row, return_inverse=True)
    first, counts = shard.offsets[values], shard.offsets[values + 1] - shard.offsets[values]
    entries = ranges(first, counts)
    value, kinds = np.repeat(np.arange(len(values)), counts), kinds_of(shard.postings, entries)
    kept = np.flatnonzero(ranks(value, kinds) < per_list)
    some = np.bincount(value[kept], minlength=len(values))
    chosen = kept[ranges((np.cumsum(some) - some)[place], some[place])]
    query = np.repeat(pairs.query, some[place])
    left_out = np.zeros(queries, np.int64)
    np.add.at(left_out, pairs.query, (counts - some)[place])
    distance = np.repeat(pairs.distance.astype(np.int64), some[place])
    return Near(query, entries[chosen] + shard.first_entry, kinds[chosen], distance, left_out)
