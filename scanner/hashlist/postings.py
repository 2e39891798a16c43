"""The only place where the entries of one algorithm, over all lists, are put in the order of their values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from scanner.hashlist.entries import wide
from scanner.hashlist.row import MATCHED_STATUSES
from scanner.records import SCHEMA_VERSION, HashEntry, schema_of

pc: Any = pyarrow.compute  # its type stubs do not know chunked arrays

WORDS = pa.dictionary(pa.int32(), pa.string())

POSTINGS = pa.schema(
    [
        pa.field("list", WORDS, nullable=False),
        pa.field("snapshot", WORDS, nullable=False),
        pa.field("member", WORDS, nullable=False),
        pa.field("told", WORDS),
        pa.field("entry_id", wide(pa.string()), nullable=False),
        pa.field("classification", WORDS),
        pa.field("scheme", WORDS),
        pa.field("status", WORDS, nullable=False),
        pa.field("tags", wide(schema_of(HashEntry).field("tags").type), nullable=False),
    ],
    metadata={"hashsweep.record": "Posting", "hashsweep.schema_version": str(SCHEMA_VERSION)},
)
"""What a match takes over from an entry. The indices of `list` and `snapshot` count the table's snapshots.

`told` is the member once more where the members of a list are told apart as its policy may do, else nothing.
"""

COMMON = ("list", "told", "classification", "status")
"""Columns whose indices mean the same words in all shards of an algorithm: the join compares them."""


@dataclass(frozen=True)
class Words:
    """Words whose codes mean the same in all shards, in order; of members those that are told apart."""

    classifications: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True)
class SortedEntries:
    """Entries sorted by value, then list, member and entry id.

    `values` is uint8[N, W], distinct and ascending; the entries of value n are rows offsets[n] up to
    offsets[n+1] of `postings`.
    """

    values: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    postings: pa.Table


def meanings_of(postings: pa.Table, name: str) -> Any:
    """Return what the indices of a column mean in postings of one batch."""
    column: Any = postings.column(name)
    return column.chunk(0).dictionary


def encoded(entries: pa.Table) -> pa.Table:
    """Return entries with their words as indices into a dictionary: so they wait in little room."""
    for number, field in enumerate(entries.schema):
        if field.name in POSTINGS.names and POSTINGS.field(field.name).type == WORDS:
            entries = entries.set_column(number, field.name, pc.dictionary_encode(entries.column(number)))
    return entries


def sort_entries(
    values: npt.NDArray[np.uint8],
    entries: pa.Table,
    source: npt.NDArray[np.int32],
    snapshots: Sequence[Sequence[str]],
    words: Words,
) -> SortedEntries:
    """Sort `encoded` entries of one algorithm by their values, uint8[N, W], N at least 1.

    `source` tells which of the snapshots (list, digest) each is of; entries come by snapshot and then by key.
    Raises ValueError for a classification that is not among the words, or a status that is not matched.
    """
    order = value_order(values)
    values = values[order]
    first = np.ones(len(values), bool)
    first[1:] = (values[1:] != values[:-1]).any(axis=1)
    starts = np.flatnonzero(first)
    known = {"classification": words.classifications, "told": words.members, "status": MATCHED_STATUSES}
    postings = _postings(entries, order, source[order], snapshots, known)
    return SortedEntries(values[starts], np.append(starts, len(values)).astype(np.int64), postings)


def value_order(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the stable order of the rows of uint8[N, W] by their bytes."""
    heads = _words(values[:, :8])[:, 0]
    order = np.argsort(heads, kind="stable")
    heads = heads[order]
    same = heads[1:] == heads[:-1]
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))  # few, but for equal values
    rows = order[tied]
    order[tied] = rows[np.lexsort(_words(values[rows]).T[::-1])]
    return order


def _words(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Return uint8[N, W] as numbers, uint64[N, ceil(W/8)], in the same order."""
    padded = np.pad(values, ((0, 0), (0, -values.shape[1] % 8)))
    return np.ascontiguousarray(padded).view(">u8").astype(np.uint64)


def _postings(
    entries: pa.Table,
    order: npt.NDArray[np.int64],
    source: npt.NDArray[np.int32],
    snapshots: Sequence[Sequence[str]],
    words: Mapping[str, Sequence[str]],
) -> pa.Table:
    names, digests = ([pair[n] for pair in snapshots] for n in (0, 1))
    columns: dict[str, Any] = {
        "list": pa.DictionaryArray.from_arrays(source, pa.array(names)),
        "snapshot": pa.DictionaryArray.from_arrays(source, pa.array(digests)),
    }
    for field in list(POSTINGS)[2:]:
        column: Any = entries.column("member" if field.name == "told" else field.name)
        if field.type == WORDS:
            columns[field.name] = _coded(column, order, words.get(field.name), field.name == "told")
        else:
            columns[field.name] = column.cast(field.type).combine_chunks().take(pa.array(order))
    return pa.table(columns, schema=POSTINGS)


def _coded(
    column: Any, order: npt.NDArray[np.int64], words: Sequence[str] | None, others: bool = False
) -> Any:
    """Return rows of a column as indices of these words, or else of those that occur, in order.

    Raises ValueError for further words, unless there may be `others`, which become nothing.
    """
    joined = column.unify_dictionaries().combine_chunks()
    codes = joined.indices.fill_null(-1).to_numpy()
    if words is None:
        known = joined.dictionary.take(pa.array(np.unique(codes[codes >= 0]))).sort()
    else:
        known = pa.array(words, pa.string())
    places = pc.index_in(joined.dictionary, known).fill_null(-1).to_numpy()
    chosen = np.append(places, np.int32(-1))[codes]  # -1 stands for nothing before and after
    if not others and ((chosen < 0) != (codes < 0)).any():
        raise ValueError("an entry has a word that is not among those of its column")
    chosen = chosen[order]
    return pa.DictionaryArray.from_arrays(pa.array(chosen, pa.int32(), mask=chosen < 0), known)
