"""The only place where the entries of one object are chosen among all that lie near it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.hashlist.postings import COMMON
from scanner.hashlist.shard import Shard
from scanner.hashlist.table import AlgorithmTable

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NearValues:
    """Values of one shard near some queries: parallel arrays, sorted by query.

    `query` counts the queries, `value` the values of the shard, and `distance` is in bits.
    """

    shard: Shard
    query: Indices
    value: Indices
    distance: Indices

    def near(self, query: int) -> slice:
        """Return where the values near one query stand."""
        start, stop = np.searchsorted(self.query, [query, query + 1])
        return slice(int(start), int(stop))


@dataclass(frozen=True)
class Chosen:
    """One entry (a row of postings), at its least distance, and the rendering that comes so near."""

    entry: dict[str, Any]
    distance: int
    rendering: int


@dataclass(frozen=True)
class _NearEntries:
    """Entries near an object: parallel arrays. `row` counts all entries of the algorithm, by value.

    `kind` tells the classifications and statuses within a list apart.
    """

    row: Indices
    list: Indices
    kind: Indices
    distance: Indices
    rendering: Indices

    def __getitem__(self, chosen: Indices) -> "_NearEntries":
        return _NearEntries(
            self.row[chosen],
            self.list[chosen],
            self.kind[chosen],
            self.distance[chosen],
            self.rendering[chosen],
        )


class Choice:
    """The entries that an object matches, chosen from ranges of the table one after the other.

    Each entry stands once, at its nearest rendering. Of each list, and within it of each classification and
    status, the nearest `per_list` entries are kept, so that entries which a policy ignores can never crowd
    out one that it does not. Among equally near ones those stay that come first by value, member and entry
    id: the choice depends neither on how the table is divided nor on the other objects.
    """

    def __init__(self, per_list: int) -> None:
        self.left_out = 0
        self._per_list = per_list
        empty = np.empty(0, np.int64)
        self._kept = _NearEntries(empty, empty, empty, empty, empty)

    def add(self, near: NearValues, queries: Sequence[int]) -> None:
        """Take in a range of values, whole: all that lies near `queries`, the query of each rendering."""
        entries = _joined([_entries(near, rendering, query) for rendering, query in enumerate(queries)])
        order = np.lexsort((entries.rendering, entries.distance, entries.row))
        entries = _joined([self._kept, entries[order[_first(entries.row[order])]]])
        entries = entries[np.lexsort((entries.row, entries.distance, entries.kind, entries.list))]
        starts = np.flatnonzero(_first(entries.list) | _first(entries.kind))
        sizes = np.diff(np.append(starts, len(entries.row)))
        place = np.arange(len(entries.row)) - np.repeat(starts, sizes)
        self._kept = entries[np.flatnonzero(place < self._per_list)]
        self.left_out += len(entries.row) - len(self._kept.row)

    def chosen(self, table: AlgorithmTable) -> list[Chosen]:
        """Return the kept entries by list, distance, value, member and entry id."""
        order = np.lexsort((self._kept.row, self._kept.distance, self._kept.list))
        return _chosen(self._kept[order], table)


def _first(values: Indices) -> npt.NDArray[np.bool_]:
    """Return where each run of equal values begins."""
    first = np.ones(len(values), bool)
    first[1:] = values[1:] != values[:-1]
    return first


def _entries(near: NearValues, rendering: int, query: int) -> _NearEntries:
    """Return the entries near one rendering of an object."""
    place, shard = near.near(query), near.shard
    value = near.value[place]
    counts = shard.offsets[value + 1] - shard.offsets[value]
    rows = _ranges(shard.offsets[value], counts)
    lists, classes, statuses = (_codes(shard.postings, name, rows) for name in COMMON)
    kind = (classes + 1 << 32) + statuses  # no classification is -1
    distance = np.repeat(near.distance[place], counts)
    return _NearEntries(rows + shard.first_entry, lists, kind, distance, np.full(len(rows), rendering))


def _joined(pieces: Sequence[_NearEntries]) -> _NearEntries:
    return _NearEntries(
        np.concatenate([piece.row for piece in pieces]),
        np.concatenate([piece.list for piece in pieces]),
        np.concatenate([piece.kind for piece in pieces]),
        np.concatenate([piece.distance for piece in pieces]),
        np.concatenate([piece.rendering for piece in pieces]),
    )


def _codes(postings: pa.Table, name: str, rows: Indices) -> Indices:
    """Return the dictionary codes of some rows, -1 where there is none; equal words have equal codes."""
    column: Any = postings.column(name).chunk(0)
    codes: Indices = column.indices.take(pa.array(rows)).fill_null(-1).to_numpy().astype(np.int64)
    return codes


def _ranges(starts: Indices, counts: Indices) -> Indices:
    """Return the numbers of several ranges, one range after the other."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))


def _chosen(kept: _NearEntries, table: AlgorithmTable) -> list[Chosen]:
    firsts = [shard.first_entry for shard in table.shards]
    numbers = np.searchsorted(firsts, kept.row, side="right") - 1
    rows: dict[int, dict[str, Any]] = {}
    for number in np.unique(numbers):
        shard = table.shards[number]
        wanted = kept.row[numbers == number]
        rows |= zip(wanted.tolist(), shard.postings.take(wanted - shard.first_entry).to_pylist(), strict=True)
    return [
        Chosen(rows[row], distance, rendering)
        for row, distance, rendering in zip(
            kept.row.tolist(), kept.distance.tolist(), kept.rendering.tolist(), strict=True
        )
    ]
