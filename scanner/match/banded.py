"""The only place where pairs of values within a Hamming distance are found by bands: exactly, without a scan.

A query is compared with what lies in the buckets near its own, band by band (`scanner.hashlist.bands`). Many
queries are taken bucket by bucket, so that a bucket's values are gathered once for all of them and compared
in one vectorised pass; few queries are taken one by one. Either way the first 128 bits are compared first,
and only what lies within the distance there is looked at again.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.hashlist.bands import BandIndex, band_bits, band_index
from scanner.kernels import njit, popcount

Words = NDArray[np.uint64]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]

BUCKET_ROOM = 4096
"""Values of a bucket that are gathered at a time: what a level-1 cache holds beside the queries."""

_PROBE_NANOSECONDS, _FETCH_NANOSECONDS = 30.0, 4.0
"""What a bucket, and a value in it, cost when they are met one by one and not in order."""


def banded_join(
    queries: Words, values: Words, bits: int, indices: Sequence[BandIndex], max_distance: int, max_pairs: int
) -> tuple[Pairs | None, int]:
    """Return every pair of a query and a value that differ in at most `max_distance` bits, and how many
    candidates were compared.

    `queries` is uint64[Q, ceil(bits/64)], `values` uint64[N, ceil(bits/64)]; the indices' bands must be
    those of a plan for at least this distance. Pairs are as `hamming_join` returns them, or None where there
    are more than `max_pairs`. Runs without the interpreter lock.
    """
    pairs = np.empty((max_pairs, 3), np.int64)
    masks = np.array([band_bits(bits, index.band) for index in indices], np.uint64)
    allowances = np.array([index.band.allowance for index in indices], np.uint64)
    count = candidates = 0
    for number, index in enumerate(indices):
        asked = band_index(queries, bits, index.band)
        join = _by_buckets if _is_dense(len(queries), index) else _one_by_one
        count, compared = join(
            queries, asked.rows, asked.starts, values, index.rows, index.starts, index.band.masks(),
            np.uint64(max_distance), masks[:number], allowances, pairs, count,
        )  # fmt: skip
        candidates += compared
        if count < 0:
            return None, candidates
    query, row, distance = pairs[:count].T
    order = np.lexsort((row, distance, query))
    return (query[order], row[order], distance[order].astype(np.int32)), candidates


def _is_dense(queries: int, index: BandIndex) -> bool:
    """Say whether going through all buckets costs less than going from query to query."""
    buckets, values = len(index.starts) - 1, len(index.rows)
    visits = queries * len(index.band.masks())
    one_by_one = visits * (_PROBE_NANOSECONDS + values / buckets * _FETCH_NANOSECONDS)
    by_buckets = buckets * len(index.band.masks()) + values * _FETCH_NANOSECONDS
    return one_by_one > by_buckets


@njit
def _by_buckets(
    queries: Any, asked: Any, asked_starts: Any, values: Any, rows: Any, starts: Any, masks: Any,
    limit: Any, earlier: Any, allowances: Any, pairs: Any, count: int,
) -> Any:  # fmt: skip
    """Fill `pairs` from `count` on; return their number, -1 where there is no room, and that of candidates."""
    candidates = 0
    words = queries.shape[1]
    second = min(words - 1, 1)
    starting = np.empty((2, asked.size), np.uint64)
    for place in range(asked.size):
        starting[0, place] = queries[asked[place], 0]
        starting[1, place] = queries[asked[place], second] if words > 1 else np.uint64(0)
    columns = np.zeros((2, BUCKET_ROOM), np.uint64)
    for bucket in range(starts.size - 1):
        first = np.int64(starts[bucket])
        while first < starts[bucket + 1]:
            size = min(np.int64(starts[bucket + 1]) - first, BUCKET_ROOM)
            for place in range(size):
                row = rows[first + place]
                columns[0, place] = values[row, 0]
                if words > 1:
                    columns[1, place] = values[row, 1]
            for mask in masks:
                near = np.uint32(bucket) ^ mask
                for place in range(asked_starts[near], asked_starts[near + 1]):
                    candidates += size
                    if _any_near(starting[0, place], starting[1, place], columns, size, limit):
                        count = _collect(
                            queries, asked[place], values, rows, first, size,
                            limit, earlier, allowances, pairs, count,
                        )  # fmt: skip
                        if count < 0:
                            return count, candidates
            first += size
    return count, candidates


@njit
def _one_by_one(
    queries: Any, asked: Any, asked_starts: Any, values: Any, rows: Any, starts: Any, masks: Any,
    limit: Any, earlier: Any, allowances: Any, pairs: Any, count: int,
) -> Any:  # fmt: skip
    """Do the same from query to query."""
    candidates = 0
    words = queries.shape[1]
    columns = np.zeros((2, BUCKET_ROOM), np.uint64)
    for own in range(asked_starts.size - 1):
        for at in range(asked_starts[own], asked_starts[own + 1]):
            query = asked[at]
            head = queries[query, 0]
            tail = queries[query, 1] if words > 1 else np.uint64(0)
            for mask in masks:
                near = np.uint32(own) ^ mask
                first = np.int64(starts[near])
                while first < starts[near + 1]:
                    size = min(np.int64(starts[near + 1]) - first, BUCKET_ROOM)
                    candidates += size
                    for place in range(size):
                        row = rows[first + place]
                        columns[0, place] = values[row, 0]
                        if words > 1:
                            columns[1, place] = values[row, 1]
                    if _any_near(head, tail, columns, size, limit):
                        count = _collect(
                            queries, query, values, rows, first, size,
                            limit, earlier, allowances, pairs, count,
                        )  # fmt: skip
                        if count < 0:
                            return count, candidates
                    first += size
    return count, candidates


@njit
def _any_near(head: Any, tail: Any, columns: Any, size: int, limit: Any) -> int:
    """Count the gathered values whose first two words lie within the limit."""
    near = 0
    heads, tails = columns[0], columns[1]
    for place in range(size):
        near += popcount(head ^ heads[place]) + popcount(tail ^ tails[place]) <= limit
    return near


@njit
def _collect(
    queries: Any, query: int, values: Any, rows: Any, first: int, size: int,
    limit: Any, earlier: Any, allowances: Any, pairs: Any, count: int,
) -> int:  # fmt: skip
    """Add the pairs of a query with some rows, but those that an earlier band has met; -1: no room."""
    for place in range(first, first + size):
        row = rows[place]
        distance = np.uint64(0)
        for word in range(queries.shape[1]):
            distance += popcount(queries[query, word] ^ values[row, word])
        if distance > limit or _met(queries, query, values, row, earlier, allowances):
            continue
        if count == pairs.shape[0]:
            return -1
        pairs[count, 0], pairs[count, 1], pairs[count, 2] = query, row, distance
        count += 1
    return count


@njit
def _met(queries: Any, query: int, values: Any, row: int, earlier: Any, allowances: Any) -> bool:
    """Say whether a pair lies in near buckets of an earlier band too."""
    for band in range(earlier.shape[0]):
        distance = np.uint64(0)
        for word in range(queries.shape[1]):
            distance += popcount((queries[query, word] ^ values[row, word]) & earlier[band, word])
        if distance <= allowances[band]:
            return True
    return False
