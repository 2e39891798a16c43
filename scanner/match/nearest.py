"""The only place for what queries are answered: their nearest entries of each kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.hashlist.postings import COMMON

Indices = npt.NDArray[np.int64]

LIST_SHIFT, MEMBER_SHIFT, CLASS_SHIFT = 48, 31, 4
"""Where the list, its member and the classification stand in a kind; its lowest bits are the status."""


@dataclass(frozen=True)
class Near:
    """The nearest entries of some queries: parallel arrays, sorted by query, distance and entry.

    `query` counts the queries and `entry` all entries of the algorithm, by value; `distance` is in bits.
    `kind` tells the lists apart, and in them members, classifications and statuses: of each kind a query
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
        joined([getattr(piece, name) for piece in pieces]) for name in ("query", "entry", "kind", "distance")
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


def joined(arrays: Sequence[Indices]) -> Indices:
    """Return arrays as one; none as one of no numbers."""
    return np.concatenate([np.empty(0, np.int64), *arrays])


def ranges(starts: Indices, counts: Indices) -> Indices:
    """Return the numbers of several ranges, one range after the other."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))


def kinds_of(postings: pa.Table, rows: Indices) -> Indices:
    """Return the kinds of some entries of a shard; they mean the same in all shards of an algorithm."""
    lists, members, classes, statuses = (_codes(postings, name, rows) for name in COMMON)
    named = (members + 1 << MEMBER_SHIFT) + (classes + 1 << CLASS_SHIFT)  # where there is none, it is -1
    return (lists << LIST_SHIFT) + named + statuses


def _codes(postings: pa.Table, name: str, rows: Indices) -> Indices:
    """Return the dictionary codes of some rows, -1 where there is none; equal words have equal codes."""
    column: Any = postings.column(name).chunk(0)
    codes: Indices = column.indices.take(pa.array(rows)).fill_null(-1).to_numpy().astype(np.int64)
    return codes
