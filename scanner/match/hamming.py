"""The only place where all pairs of values within a Hamming distance are found: exactly, by looking at each.

Plain brute force, arranged so that it runs at the speed of the cache: a block of the table is turned
into columns of 64-bit words once and compared with every query, the first 128 bits of all its rows in one
vectorised pass. Rows that lie beyond the distance there (nearly all) are never looked at again.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scanner.kernels import njit, popcount

BLOCK_ROWS = 2048
"""Rows of the table that are compared at a time; their first 128 bits fill a level-1 cache of 32 KB."""

CHUNK_ROWS = 1 << 20
"""Rows that are copied at a time where a table cannot be read in place."""

TOGETHER = 1 << 22
"""Pairs for which there is room at a time where all are wanted."""

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]
Pairs = tuple[Indices, Indices, npt.NDArray[np.int32]]


class Bounds(NamedTuple):
    """How many values may lie near a query before it is crowded, and how many pairs are held at a time."""

    most: int
    max_pairs: int


class NearPairs(NamedTuple):
    """Pairs of a query and a row near it: int64[K], int64[K] and int32[K], by query, distance and row.

    `crowded` is int64[C], ascending: the queries with more near values than they may have, of which no pair
    is listed. `candidates` is how many values were compared with a query.
    """

    query: Indices
    row: Indices
    distance: npt.NDArray[np.int32]
    crowded: Indices
    candidates: int


class Held(NamedTuple):
    """Where compiled code writes pairs, int64[R, 3], and counts them by query, int32[Q].

    A query with more than `most` is crowded: none of its pairs is looked for any further. Memory that no
    pair was written to is never touched.
    """

    pairs: Indices
    counts: npt.NDArray[np.int32]
    most: int


def held_for(queries: int, bounds: Bounds) -> Held:
    """Return room for the pairs of so many queries."""
    room = min(bounds.max_pairs, queries * bounds.most) + 1
    return Held(np.empty((room, 3), np.int64), np.zeros(queries, np.int32), bounds.most)


def near_pairs(held: Held, count: int, candidates: int) -> NearPairs:
    """Return the first pairs that are held, in order and without those of crowded queries."""
    crowded = held.counts > held.most
    query, row, distance = held.pairs[:count][~crowded[held.pairs[:count, 0]]].T
    order = np.lexsort((row, distance, query))
    return NearPairs(
        query[order], row[order], distance[order].astype(np.int32), np.flatnonzero(crowded), candidates
    )


def hamming_join(queries: Bytes, table: Bytes, max_distance: int) -> Pairs:
    """Return every pair of a query and a table row that differ in at most `max_distance` bits.

    `queries` is uint8[Q, W] and `table` uint8[N, W], both of any length, W at least 1. The result is
    int64[K] indices of queries, int64[K] of table rows and int32[K] distances in bits, sorted by query,
    distance and table row. Runs without the interpreter lock. Raises ValueError for anything else.
    """
    _check(queries, table, max_distance)
    step, found = max(1, TOGETHER // max(1, len(table))), []
    for start in range(0, max(1, len(queries)), step):
        some = queries[start : start + step]
        pairs = scanned_pairs(some, table, max_distance, Bounds(len(table), len(some) * len(table)))
        assert pairs is not None
        found.append((pairs.query + start, pairs.row, pairs.distance))
    query, row, distance = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return query, row, distance


def scanned_pairs(queries: Bytes, table: Bytes, max_distance: int, bounds: Bounds) -> NearPairs | None:
    """Return the pairs that `hamming_join` finds, but for those of crowded queries.

    None where there is no room for them: surely not for more than `bounds.max_pairs`.
    """
    _check(queries, table, max_distance)
    words, held, count = words_of(queries), held_for(len(queries), bounds), 0
    for start in range(0, len(table) if len(queries) else 0, CHUNK_ROWS):
        chunk = words_of(table[start : start + CHUNK_ROWS])
        count = _join_chunk(words, chunk, np.uint64(max_distance), start, held, count)
        if count < 0:
            return None
    return near_pairs(held, count, len(queries) * len(table))


def _check(queries: Bytes, table: Bytes, max_distance: int) -> None:
    for name, array in (("queries", queries), ("table", table)):
        if array.dtype != np.uint8 or array.ndim != 2:
            raise ValueError(
                f"{name}: uint8 with two dimensions needed, got {array.dtype}{list(array.shape)}"
            )
    if queries.shape[1] != table.shape[1] or not queries.shape[1]:
        raise ValueError(f"queries of {queries.shape[1]} bytes cannot be joined with {table.shape[1]} bytes")
    if not 0 <= max_distance <= 8 * queries.shape[1]:
        raise ValueError(f"max_distance {max_distance} is not within 0..{8 * queries.shape[1]} bits")


def words_of(rows: Bytes) -> Words:
    """Return rows as uint64[N, ceil(W/8)], in place where their layout allows, padded with zeros else."""
    rows = np.ascontiguousarray(rows)
    missing = -rows.shape[1] % 8
    if missing:
        rows = np.pad(rows, ((0, 0), (0, missing)))
    words = rows.view(np.uint64)
    if not words.flags.aligned:
        words = words.copy()
    words.flags.writeable = False  # mapped tables are read-only, and the kernel knows one type
    return words


@njit
def _join_chunk(queries: Any, table: Any, limit: Any, offset: int, held: Any, count: int) -> int:
    """Hold the pairs with a chunk, whose rows are counted from `offset` on; return how many there are then.

    -1 where there is no room.
    """
    columns = np.empty((table.shape[1], BLOCK_ROWS), np.uint64)
    for block in range(0, table.shape[0], BLOCK_ROWS):
        size = min(BLOCK_ROWS, table.shape[0] - block)
        for row in range(size):
            for word in range(table.shape[1]):
                columns[word, row] = table[block + row, word]
        for query in range(queries.shape[0]):
            if held.counts[query] <= held.most and near_start(queries[query], columns, size, limit):
                count = _collect(queries, query, (columns, size, offset + block), limit, held, count)
                if count < 0:
                    return count
    return count


@njit
def near_start(query: Words, columns: Words, size: int, limit: np.uint64) -> int:
    """Count the rows whose first two words lie within the limit."""
    near = 0
    first, first_column = query[0], columns[0]
    if columns.shape[0] == 1:
        for row in range(size):
            near += popcount(first ^ first_column[row]) <= limit
        return near
    second, second_column = query[1], columns[1]
    for row in range(size):
        distance = popcount(first ^ first_column[row]) + popcount(second ^ second_column[row])
        near += distance <= limit
    return near


@njit
def _collect(queries: Any, query: int, block: Any, limit: Any, held: Any, count: int) -> int:
    """Hold the pairs of a query with the rows of a block: its columns, size, and the number of its first."""
    columns, size, offset = block
    for row in range(size):
        distance = np.uint64(0)
        for word in range(columns.shape[0]):
            distance += popcount(queries[query, word] ^ columns[word, row])
            if distance > limit:
                break
        if distance <= limit:
            count = hold(held, count, query, offset + row, distance)
            if count < 0 or held.counts[query] > held.most:
                break
    return count


@njit
def hold(held: Any, count: int, query: Any, row: Any, distance: Any) -> int:
    """Hold a pair; return how many there are then, -1 where there is no room.

    Room is made by leaving out the pairs of queries that are crowded by now.
    """
    if count == held.pairs.shape[0]:
        kept = 0
        for place in range(count):
            if held.counts[held.pairs[place, 0]] <= held.most:
                held.pairs[kept] = held.pairs[place]
                kept += 1
        if kept > count - count // 8:  # it would soon have to be made again
            return -1
        count = kept
    held.pairs[count, 0], held.pairs[count, 1], held.pairs[count, 2] = query, row, distance
    held.counts[query] += 1
    return count + 1
