"""The only place where refused rows are held against the entries that other rows of the file make.

A refused row may be the one that withdraws an entry: dropped, it would leave the entry accusing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from scanner.hashlist.entries import KEY
from scanner.hashlist.merging import Merged
from scanner.hashlist.row import Key
from scanner.hashlist.sorting import SortedRows

FIELDS: list[tuple[str, pa.DataType]] = [*((name, pa.string()) for name in KEY), ("line", pa.int64())]
SCHEMA = pa.schema(FIELDS)

BATCH_KEYS = 16_384
"""Keys that are held one by one before they are put into columns, which take less room."""


@dataclass
class RefusedKeys:
    """The keys that refused rows name, with their lines."""

    rows: SortedRows
    pending: list[tuple[str, str, str, int]] = field(default_factory=list)

    def add(self, line: int, keys: Sequence[Key]) -> None:
        """Keep the keys that a refused row may name."""
        self.pending += [(*key, line) for key in keys]
        if len(self.pending) >= BATCH_KEYS:
            self.put()

    def put(self) -> None:
        """Hand on what is pending, so that all of it is among the sorted rows."""
        columns = zip(*self.pending, strict=True) if self.pending else [()] * len(SCHEMA)
        arrays = [pa.array(column, kind.type) for column, kind in zip(columns, SCHEMA, strict=True)]
        self.rows.add(pa.Table.from_arrays(arrays, schema=SCHEMA))
        self.pending = []


def clashing_lines(refused: pa.Table, merged: Merged) -> list[int]:
    """Return the lines of refused rows that name an entry which other rows keep or end."""
    if not len(refused):
        return []
    accepted = pa.concat_tables([merged.table.select(KEY), merged.ended])
    lines: list[Any] = refused.join(accepted, [*KEY], join_type="left semi").column("line").to_pylist()
    return lines
