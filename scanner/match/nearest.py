"""The only place where the entries of one object are chosen among all that lie near it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.hashlist.table import AlgorithmTable

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NearValues:
    """Values near the queries of one algorithm: parallel arrays, sorted by query.

    `query` counts the queries, `shard` the shards of the table, `value` the values of that shard, and
    `distance` is in bits.
    """

    query: Indices
    shard: Indices
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


def choose(
    near: NearValues, queries: Sequence[int], table: AlgorithmTable, per_list: int
) -> tuple[list[Chosen], int]:
    """Return the entries that an object with these renderings matches, and how many were left out.

    `queries` holds the query of each rendering. Each entry stands once, at its nearest rendering. Of each
    list, and within it of each classification and status, the nearest `per_list` entries are kept, so that
    entries which a policy ignores can never crowd out one that it does not. Among equally near ones those
    stay that come first by value, member and entry id: the choice depends neither on shards nor on the
    other objects.
    """
    entries = _entries(near, queries, table)
    order = np.lexsort((entries.rendering, entries.distance, entries.row))
    entries = entries[order[_first(entries.row[order])]]
    entries = entries[np.lexsort((entries.row, entries.distance, entries.kind, entries.list))]
    starts = np.flatnonzero(_first(entries.list) | _first(entries.kind))
    place = np.arange(len(entries.row)) - np.repeat(starts, np.diff(np.append(starts, len(entries.row))))
    kept = entries[np.flatnonzero(place < per_list)]
    kept = kept[np.lexsort((kept.row, kept.distance, kept.list))]
    return _chosen(kept, table), len(entries.row) - len(kept.row)


def _first(values: Indices) -> npt.NDArray[np.bool_]:
    """Return where each run of equal values begins."""
    first = np.ones(len(values), bool)
    first[1:] = values[1:] != values[:-1]
    return first


def _entries(near: NearValues, queries: Sequence[int], table: AlgorithmTable) -> _NearEntries:
    empty = np.empty(0, np.int64)
    pieces = [(empty,) * 5]
    for rendering, query in enumerate(queries):
        place = near.near(query)
        for number in np.unique(near.shard[place]):
            shard = table.shards[number]
            within = near.shard[place] == number
            value = near.value[place][within]
            counts = shard.offsets[value + 1] - shard.offsets[value]
            rows = _ranges(shard.offsets[value], counts)
            lists, classes, statuses = (
                _codes(shard.postings, name, rows) for name in ("list", "classification", "status")
            )
            kind = (classes + 1 << 32) + statuses  # no classification is -1
            distance = np.repeat(near.distance[place][within], counts)
            pieces.append((rows + shard.first_entry, lists, kind, distance, np.full(len(rows), rendering)))
    return _NearEntries(*(np.concatenate([piece[n] for piece in pieces]) for n in range(5)))


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
