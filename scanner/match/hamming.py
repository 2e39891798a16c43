"""The only place where all pairs of values within a Hamming distance are found: exactly, by looking at each.

Plain brute force, arranged so that it runs at the speed of the cache: a block of the table is turned
into columns of 64-bit words once and compared with every query, the first 128 bits of all its rows in one
vectorised pass. Rows that lie beyond the distance there (nearly all) are never looked at again.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from scanner.kernels import njit, popcount

BLOCK_ROWS = 2048
"""Rows of the table that are compared at a time; their first 128 bits fill a level-1 cache of 32 KB."""

CHUNK_ROWS = 1 << 20
"""Rows that are copied at a time where a table cannot be read in place."""

ROOM = 1 << 16
"""Pairs that are collected before they are handed over; at least BLOCK_ROWS."""

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]
Pairs = tuple[Indices, Indices, npt.NDArray[np.int32]]


def hamming_join(queries: Bytes, table: Bytes, max_distance: int) -> Pairs:
    """Return every pair of a query and a table row that differ in at most `max_distance` bits.

    `queries` is uint8[Q, W] and `table` uint8[N, W], both of any length, W at least 1. The result is
    int64[K] indices of queries, int64[K] of table rows and int32[K] distances in bits, sorted by query,
    distance and table row. Runs without the interpreter lock. Raises ValueError for anything else.
    """
    found = bounded_join(queries, table, max_distance, None)
    assert found is not None
    return found


def bounded_join(queries: Bytes, table: Bytes, max_distance: int, max_pairs: int | None) -> Pairs | None:
    """Return what `hamming_join` does, or None as soon as more than `max_pairs` pairs are found."""
    _check(queries, table, max_distance)
    words = words_of(queries)
    found: list[Pairs] = []
    count = 0
    for start in range(0, len(table) if len(queries) else 0, CHUNK_ROWS):
        for pairs in _join_chunk(words, words_of(table[start : start + CHUNK_ROWS]), max_distance, start):
            count += len(pairs[0])
            if max_pairs is not None and count > max_pairs:
                return None
            found.append(pairs)
    query, row, distance = (
        np.concatenate([pairs[n] for pairs in found]) if found else np.empty(0, kind)
        for n, kind in enumerate((np.int64, np.int64, np.int32))
    )
    order = np.lexsort((row, distance, query))
    return query[order], row[order], distance[order]


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


def _join_chunk(queries: Words, table: Words, max_distance: int, offset: int) -> Iterator[Pairs]:
    """Yield the pairs with a chunk, at most ROOM at a time; its rows are counted from `offset` on."""
    pairs = np.empty((3, ROOM), np.int64)
    block, query = 0, 0
    while block < len(table):
        count, block, query = _join_blocks(queries, table, np.uint64(max_distance), block, query, pairs)
        if count:
            yield pairs[0, :count].copy(), pairs[1, :count] + offset, pairs[2, :count].astype(np.int32)


@njit
def _join_blocks(
    queries: Words, table: Words, limit: np.uint64, block: int, query: int, pairs: Indices
) -> tuple[int, int, int]:
    """Fill `pairs` from (block, query) on; return how many were found, and where to go on."""
    count = 0
    columns = np.empty((table.shape[1], BLOCK_ROWS), np.uint64)
    while block < table.shape[0]:
        size = min(BLOCK_ROWS, table.shape[0] - block)
        for row in range(size):
            for word in range(table.shape[1]):
                columns[word, row] = table[block + row, word]
        while query < queries.shape[0]:
            if count + size > pairs.shape[1]:
                return count, block, query
            if _near_start(queries[query], columns, size, limit):
                found = _collect(queries[query], columns, size, limit, pairs[1:, count:])
                pairs[0, count : count + found] = query
                pairs[1, count : count + found] += block
                count += found
            query += 1
        query = 0
        block += size
    return count, block, query


@njit
def _near_start(query: Words, columns: Words, size: int, limit: np.uint64) -> int:
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
def _collect(query: Words, columns: Words, size: int, limit: np.uint64, pairs: Indices) -> int:
    """Write the rows of the block that lie within the limit, and their distances; return how many."""
    found = 0
    for row in range(size):
        distance = np.uint64(0)
        for word in range(columns.shape[0]):
            distance += popcount(query[word] ^ columns[word, row])
            if distance > limit:
                break
        if distance <= limit:
            pairs[0, found] = row
            pairs[1, found] = distance
            found += 1
    return found
