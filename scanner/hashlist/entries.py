"""The only place where entries are handled by the column: gathered, counted, digested."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from scanner.hashlist.row import MATCHED_STATUSES
from scanner.records import HashEntry, schema_of

pc: Any = pyarrow.compute  # its type stubs know neither chunked arrays nor arrays of any type

Numbers = npt.NDArray[np.int64]

KEY = ("member", "entry_id", "algorithm")
"""What names an entry within its list."""

DIGEST_ROWS = 65_536
"""Rows that are digested at a time; part of the digest's definition."""


KINDS = ("algorithm", "classification", "status")
"""Columns whose words are counted one by one."""

KINDS_KEPT = 100
"""Classifications that are counted by name; every run takes the counts over."""

KINDS_SEEN = 10_000
"""Classifications that are told apart at all."""

OTHER = "(other)"


def table_of_entries(entries: list[HashEntry]) -> pa.Table:
    """Return entries as a table; column by column, because lists have millions of rows."""
    schema = schema_of(HashEntry)
    arrays = [
        pa.array([getattr(entry, field.name) for entry in entries], field.type)  # tuples become lists
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def take_rows(table: pa.Table, rows: Numbers) -> pa.Table:
    """Return rows of a table of any size by their numbers, in chunks of DIGEST_ROWS.

    Arrow gathers all text of a column at once, where offsets of 32 bits end at 2 GiB: it is gathered under
    offsets of 64 bits, and gets its own type back by the chunk.
    """
    schema = pa.schema([field.with_type(wide(field.type)) for field in table.schema])
    whole = table.cast(schema).combine_chunks()  # else each chunk would be gathered from all others anew
    chunks = [
        whole.take(rows[start : start + DIGEST_ROWS]).cast(table.schema)
        for start in range(0, len(rows), DIGEST_ROWS)
    ]
    return pa.concat_tables(chunks) if chunks else table.schema.empty_table()


def wide(kind: Any) -> Any:
    """Return the type that holds the same under offsets of 64 bits."""
    if pa.types.is_string(kind):
        return pa.large_string()
    if pa.types.is_binary(kind):
        return pa.large_binary()
    return pa.large_list(wide(kind.value_type)) if pa.types.is_list(kind) else kind


def entries_of(table: pa.Table, algorithm: str) -> pa.Table:
    """Return the entries of one algorithm, in their order."""
    return table.filter(pc.equal(table.column("algorithm"), algorithm))


def matched_entries(table: pa.Table) -> pa.Table:
    """Return the entries whose status lets them be matched, in their order."""
    return table.filter(is_matched(table))


def is_matched(table: pa.Table) -> Any:
    """Return for each entry whether its status lets it be matched."""
    return pc.is_in(table.column("status"), pa.array(MATCHED_STATUSES))


class Counts:
    """How many entries there are, however they come: in all, matched, and of each kind."""

    def __init__(self) -> None:
        self.entries = self.matched = 0
        self._kinds: dict[str, Counter[str]] = {name: Counter() for name in KINDS}

    def add(self, table: pa.Table) -> None:
        """Count the next entries; of kinds without end, those that come late are counted together."""
        self.entries += len(table)
        self.matched += pc.sum(is_matched(table)).as_py() or 0
        for name, counted in self._kinds.items():
            for row in pc.value_counts(table.column(name)).to_pylist():
                kind = row["values"] or ""
                counted[kind if kind in counted or len(counted) < KINDS_SEEN else OTHER] += row["counts"]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values: the KINDS_KEPT most frequent kinds by name."""
        kinds = {name: _frequent(counted) for name, counted in self._kinds.items()}
        return {"entries": self.entries, "matched": self.matched, **kinds}


def _frequent(counted: Counter[str]) -> dict[str, int]:
    if len(counted) <= KINDS_KEPT:
        return dict(counted)
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    kept = Counter(dict(ranked[:KINDS_KEPT]))
    kept[OTHER] += sum(count for _, count in ranked[KINDS_KEPT:])
    return dict(kept)


def values_of(column: Any, width: int) -> npt.NDArray[np.uint8]:
    """Return a column of values, all `width` bytes long and none missing, as uint8[N, width]."""
    chunks = [np.empty((0, width), np.uint8)]
    for chunk in column.chunks:
        lengths, content = _content(chunk)
        if len(lengths) * width != content.size:
            raise ValueError(f"values are not {width} bytes long")
        chunks.append(content.reshape(-1, width))
    return np.concatenate(chunks)


def entries_digest(table: pa.Table) -> str:
    """Return the digest of entries that are all in memory."""
    digest = EntriesDigest()
    digest.add(table)
    return digest.hexdigest()


class EntriesDigest:
    """SHA-256 over the content of entries, whatever their memory or file layout, and however they come.

    Per DIGEST_ROWS rows and per column of the schema: the lengths as little-endian int64 (-1 for nothing),
    then the bytes; for times microseconds, for tags the lengths of the lists before those of their items.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256(b"hashsweep entries 1")
        self._waiting: pa.Table | None = None

    def add(self, table: pa.Table) -> None:
        """Take in the next entries."""
        waiting = table if self._waiting is None else pa.concat_tables([self._waiting, table])
        whole = len(waiting) - len(waiting) % DIGEST_ROWS
        for start in range(0, whole, DIGEST_ROWS):
            self._update(waiting.slice(start, DIGEST_ROWS))
        self._waiting = waiting.slice(whole)

    def hexdigest(self) -> str:
        """Return the digest of all entries, in hex; none come after them."""
        if self._waiting is not None and len(self._waiting):
            self._update(self._waiting)
        return self._digest.hexdigest()

    def _update(self, table: pa.Table) -> None:
        for column in table.combine_chunks().columns:
            for part in _plain_bytes(pa.concat_arrays(column.chunks)):
                self._digest.update(part.size.to_bytes(8, "little"))
                self._digest.update(part.tobytes())


def _plain_bytes(array: Any) -> Iterator[npt.NDArray[np.generic]]:
    if pa.types.is_list(array.type):
        yield pc.list_value_length(array).cast(pa.int64()).to_numpy()
        yield from _plain_bytes(array.flatten())
    elif pa.types.is_timestamp(array.type):
        nothing = np.iinfo(np.int64).min
        yield array.cast(pa.int64()).fill_null(nothing).to_numpy()
    else:
        yield from _content(array)


def _content(array: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return the lengths of text or bytes (-1 for nothing) and all of them joined, without copying."""
    lengths = pc.binary_length(array).cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    if array.null_count:
        array = array.drop_null()
    _, offset_buffer, data = array.buffers()
    if not len(array) or data is None:
        return lengths, np.empty(0, np.uint8)
    offsets = np.frombuffer(offset_buffer, np.int32)[array.offset : array.offset + len(array) + 1]
    return lengths, np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
