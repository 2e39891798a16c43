"""The only place where equal values are found: by binary search in a sorted, mapped table."""

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]


def exact_join(queries: Bytes, table: Bytes) -> tuple[Indices, Indices]:
    """Return int64[K] indices of the queries that the table holds, ascending, and int64[K] of their rows.

    `queries` is uint8[Q, W] and `table` uint8[N, W], sorted by bytes and without repetition. Only queries
    between the first and the last row touch more of the table. Raises ValueError for other shapes.
    """
    if queries.dtype != np.uint8 or table.dtype != np.uint8 or queries.ndim != 2 or table.ndim != 2:
        raise ValueError("queries and table: uint8 with two dimensions needed")
    if queries.shape[1] != table.shape[1] or not queries.shape[1]:
        raise ValueError(f"queries of {queries.shape[1]} bytes cannot be joined with {table.shape[1]} bytes")
    if not len(table):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    asked, known = _strings(queries), _strings(table)
    within = np.flatnonzero((asked >= known[0]) & (asked <= known[-1]))
    rows = np.searchsorted(known, asked[within])
    equal = known[rows] == asked[within]
    return within[equal], rows[equal]


def _strings(rows: Bytes) -> npt.NDArray[np.bytes_]:
    """Return each row as one string of bytes, which numpy orders as the bytes are.

    Numpy hides zeros at the end of a string, but compares all strings of one width as if they were there.
    """
    rows = np.ascontiguousarray(rows)
    return rows.view(f"S{rows.shape[1]}")[:, 0]
