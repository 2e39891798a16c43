"""The only place where the entries of one algorithm, over all lists, are put in the order of their values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from scanner.hashlist.entries import take_rows, values_of
from scanner.records import SCHEMA_VERSION

pc: Any = pyarrow.compute  # its type stubs do not know chunked arrays

WORDS = pa.dictionary(pa.int32(), pa.string())

POSTINGS = pa.schema(
    [
        pa.field("list", WORDS, nullable=False),
        pa.field("snapshot", WORDS, nullable=False),
        pa.field("member", WORDS, nullable=False),
        pa.field("entry_id", pa.string(), nullable=False),
        pa.field("classification", WORDS),
        pa.field("scheme", WORDS),
        pa.field("status", WORDS, nullable=False),
        pa.field("tags", pa.list_(pa.field("element", pa.string())), nullable=False),
    ],
    metadata={"hashsweep.record": "Posting", "hashsweep.schema_version": str(SCHEMA_VERSION)},
)
"""What a match takes over from an entry. The indices of `list` and `snapshot` count the table's snapshots."""


@dataclass(frozen=True)
class SortedEntries:
    """Entries sorted by value, then list, member and entry id.

    `values` is uint8[N, W], distinct and ascending; the entries of value n are rows offsets[n] up to
    offsets[n+1] of `postings`.
    """

    values: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    postings: pa.Table

    def between(self, start: int, stop: int) -> "SortedEntries":
        """Return a range of the values, with their entries."""
        offsets = self.offsets[start : min(stop, len(self.values)) + 1]
        postings = self.postings[int(offsets[0]) : int(offsets[-1])]
        return SortedEntries(self.values[start:stop], offsets - offsets[0], postings)


def sort_entries(tables: Sequence[pa.Table], snapshots: Sequence[Sequence[str]], width: int) -> SortedEntries:
    """Sort the entries of one algorithm; `tables` are those of each (list, digest), sorted by key."""
    joined = pa.concat_tables(tables)
    values = values_of(joined.column("value"), width)
    order = value_order(values)
    values = values[order]
    first = np.ones(len(values), bool)
    first[1:] = (values[1:] != values[:-1]).any(axis=1)
    starts = np.flatnonzero(first)
    source = np.repeat(np.arange(len(tables), dtype=np.int32), [len(table) for table in tables])[order]
    postings = _postings(joined, order, source, snapshots)
    return SortedEntries(values[starts], np.append(starts, len(values)).astype(np.int64), postings)


def value_order(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the stable order of the rows of uint8[N, W] by their bytes."""
    padded = np.pad(values, ((0, 0), (0, -values.shape[1] % 8)))
    words = padded.view(">u8").astype(np.uint64)
    return np.lexsort(words.T[::-1])


def _postings(
    joined: pa.Table,
    order: npt.NDArray[np.int64],
    source: npt.NDArray[np.int32],
    snapshots: Sequence[Sequence[str]],
) -> pa.Table:
    names, digests = ([pair[n] for pair in snapshots] for n in (0, 1))
    columns: dict[str, Any] = {
        "list": pa.DictionaryArray.from_arrays(source, pa.array(names)),
        "snapshot": pa.DictionaryArray.from_arrays(source, pa.array(digests)),
    }
    for field in list(POSTINGS)[2:]:
        if field.type == WORDS:
            columns[field.name] = pc.dictionary_encode(joined.column(field.name)).take(order)
        else:
            columns[field.name] = take_rows(joined.select([field.name]), order).column(0)
    return pa.table(columns, schema=POSTINGS)
