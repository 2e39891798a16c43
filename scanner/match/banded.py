"""The only place where pairs of values within a Hamming distance are found by bands: exactly, without a scan.

A query is compared with what lies in the buckets near its own, band by band (`scanner.hashlist.bands`). Many
queries are taken bucket by bucket, so that a bucket's values are gathered once for all of them and compared
in one vectorised pass; few queries are taken one by one. Either way the first 128 bits are compared first,
and only what lies within the distance there is looked at again.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.hashlist.bands import BandIndex, band_bits, band_index
from scanner.kernels import njit, popcount
from scanner.match.hamming import Bounds, NearPairs, Words, held_for, hold, near_pairs

BUCKET_ROOM = 4096
"""Values of a bucket that are gathered at a time: what a cache of level 2 holds beside the queries."""

_PROBE_NANOSECONDS, _FETCH_NANOSECONDS = 30.0, 4.0
"""Roughly what a bucket, and a value in it, cost when they are met one by one and not in order."""


class Asked(NamedTuple):
    """Queries by one of their bands (see `BandIndex`), and which of them are crowded."""

    words: Words
    rows: NDArray[np.uint32]
    starts: NDArray[np.uint32]
    crowded: NDArray[np.bool_]


class Table(NamedTuple):
    """Values by one of their bands (see `BandIndex`)."""

    words: Words
    rows: NDArray[np.uint32]
    starts: NDArray[np.uint32]


class Within(NamedTuple):
    """What is near: bits of distance, the buckets of a band, and the bands before with their allowances."""

    limit: Any
    masks: NDArray[np.uint32]
    earlier: Words
    allowances: Words


def banded_pairs(
    queries: Words, values: Words, bits: int, indices: Sequence[BandIndex], max_distance: int, bounds: Bounds
) -> NearPairs | None:
    """Return the pairs of a query and a value that lie within a distance, but for those of crowded queries.

    `queries` is uint64[Q, ceil(bits/64)], `values` uint64[N, ceil(bits/64)]; the indices are those of all
    bands of a plan for at least `max_distance` bits. None where there is no room for the pairs: surely not
    for more than `bounds.max_pairs`. Runs without the interpreter lock.
    """
    held = held_for(len(queries), bounds)
    bands = np.array([band_bits(bits, index.band) for index in indices], np.uint64)
    allowances = np.array([index.band.allowance for index in indices], np.uint64)
    count = candidates = 0
    for number, index in enumerate(indices):
        own = band_index(queries, bits, index.band)
        join: Any = _by_buckets if _is_dense(len(queries), index) else _one_by_one
        near = Within(np.uint64(max_distance), index.band.masks(), bands[:number], allowances[:number])
        asked = Asked(queries, own.rows, own.starts, held.counts[own.rows] > held.most)
        count, compared = join(asked, Table(values, index.rows, index.starts), near, held, count)
        candidates += compared
        if count < 0:
            return None
    return near_pairs(held, count, candidates)


def _is_dense(queries: int, index: BandIndex) -> bool:
    """Say whether going through all buckets costs less than going from query to query."""
    buckets, values = len(index.starts) - 1, len(index.rows)
    visits = queries * len(index.band.masks())
    one_by_one = visits * (_PROBE_NANOSECONDS + values / buckets * _FETCH_NANOSECONDS)
    by_buckets = buckets * len(index.band.masks()) + values * _FETCH_NANOSECONDS
    return one_by_one > by_buckets


@njit
def _by_buckets(asked: Any, table: Any, near: Any, held: Any, count: int) -> Any:
    """Hold the pairs of a band; return how many there are (-1: no room), and how many were compared."""
    candidates = 0
    heads = _gathered(asked.words, asked.rows, 0, asked.rows.size)
    columns = np.zeros((2, BUCKET_ROOM), np.uint64)
    for bucket in range(table.starts.size - 1):
        first: Any = np.int64(table.starts[bucket])
        last: Any = np.int64(table.starts[bucket + 1])
        while first < last:
            size = min(last - first, BUCKET_ROOM)
            _gather(table.words, table.rows, first, size, columns)
            for mask in near.masks:
                other = np.uint32(bucket) ^ mask
                for place in range(asked.starts[other], asked.starts[other + 1]):
                    if asked.crowded[place]:
                        continue
                    candidates += size
                    if _any_near(heads[0, place], heads[1, place], columns, size, near.limit):
                        count = _collect(asked, place, table, (first, first + size), near, held, count)
                        if count < 0:
                            return count, candidates
            first += size
    return count, candidates


@njit
def _one_by_one(asked: Any, table: Any, near: Any, held: Any, count: int) -> Any:
    """Do the same from query to query."""
    candidates = 0
    heads = _gathered(asked.words, asked.rows, 0, asked.rows.size)
    columns = np.zeros((2, BUCKET_ROOM), np.uint64)
    for own in range(asked.starts.size - 1):
        for place in range(asked.starts[own], asked.starts[own + 1]):
            for mask in near.masks:
                other = np.uint32(own) ^ mask
                first: Any = np.int64(table.starts[other])
                last: Any = np.int64(table.starts[other + 1])
                while first < last and not asked.crowded[place]:
                    size = min(last - first, BUCKET_ROOM)
                    candidates += size
                    _gather(table.words, table.rows, first, size, columns)
                    if _any_near(heads[0, place], heads[1, place], columns, size, near.limit):
                        count = _collect(asked, place, table, (first, first + size), near, held, count)
                        if count < 0:
                            return count, candidates
                    first += size
    return count, candidates


@njit
def _gathered(words: Any, rows: Any, first: int, size: int) -> Any:
    columns = np.zeros((2, size), np.uint64)
    _gather(words, rows, first, size, columns)
    return columns


@njit
def _gather(words: Any, rows: Any, first: int, size: int, columns: Any) -> None:
    """Write the first two words of some rows side by side; values of one word keep zeros as the second."""
    if words.shape[1] == 1:
        for place in range(size):
            columns[0, place] = words[rows[first + place], 0]
    else:
        for place in range(size):
            row = rows[first + place]
            columns[0, place] = words[row, 0]
            columns[1, place] = words[row, 1]


@njit
def _any_near(head: Any, tail: Any, columns: Any, size: int, limit: Any) -> int:
    """Count the gathered values whose first two words lie within the limit."""
    near = 0
    heads, tails = columns[0], columns[1]
    for place in range(size):
        near += popcount(head ^ heads[place]) + popcount(tail ^ tails[place]) <= limit
    return near


@njit
def _collect(asked: Any, at: int, table: Any, places: Any, near: Any, held: Any, count: int) -> int:
    """Hold the pairs of a query with the rows at some places, unless an earlier band met them."""
    number = asked.rows[at]
    query = asked.words[number]
    for place in range(places[0], places[1]):
        value = table.words[table.rows[place]]
        distance = np.uint64(0)
        for word in range(query.size):
            distance += popcount(query[word] ^ value[word])
        if distance > near.limit or _met(query, value, near):
            continue
        count = hold(held, count, number, table.rows[place], distance)
        if count < 0:
            break
        if held.counts[number] > held.most:
            asked.crowded[at] = True
            break
    return count


@njit
def _met(query: Any, value: Any, near: Any) -> bool:
    """Say whether a pair lies in near buckets of an earlier band too."""
    for band in range(near.earlier.shape[0]):
        distance = np.uint64(0)
        for word in range(query.size):
            distance += popcount((query[word] ^ value[word]) & near.earlier[band, word])
        if distance <= near.allowances[band]:
            return True
    return False
