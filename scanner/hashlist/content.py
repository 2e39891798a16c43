"""The only place where the rows of files and an earlier snapshot become the entries of a list, in order."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from scanner.hashlist.clashes import SCHEMA, clashing_lines
from scanner.hashlist.meanings import Meanings
from scanner.hashlist.merging import (
    PLACE,
    ROWS,
    Lost,
    Merged,
    earlier_rows,
    lost_entries,
    merge_records,
    merge_rows,
)
from scanner.hashlist.sides import side_by_side
from scanner.hashlist.snapshot import Snapshot
from scanner.hashlist.stream import checked_entries
from scanner.hashlist.weights import Weights


class Content:
    """What a list holds after an import, and what became of rows and of earlier entries.

    A file `is_delta` where it says what became of entries; it is `whole` where nothing of the earlier
    snapshot stays. `duplicates`, `replaced` and `standing` are those of `Merged`; `clashing` are the lines of
    refused rows that name an entry which other rows make.
    """

    def __init__(self, earlier: Snapshot | None, is_delta: bool, whole: bool = False) -> None:
        self.duplicates = self.replaced = self.standing = 0
        self.lost = Lost(0, 0)
        self.clashing: list[int] = []
        self.weights = Weights()
        self.meanings = Meanings()
        self._earlier, self._is_delta, self._whole = earlier, is_delta, whole

    def entries(
        self, rows: Sequence[Iterator[pa.Table]], refused: Sequence[Iterator[pa.Table]]
    ) -> Iterator[pa.Table]:
        """Yield the entries, sorted by key, from sorted rows of the schema `ROWS` and from refused keys."""
        before = () if self._earlier is None else map(earlier_rows, checked_entries(self._earlier))
        sides = [*rows, *refused, iter(before)]
        empty = [ROWS.empty_table()] * len(rows) + [SCHEMA.empty_table()] * len(refused)
        for parts in side_by_side(sides, [*empty, ROWS.empty_table()]):
            file = pa.concat_tables(parts[: len(rows)])
            keys = pa.concat_tables(parts[len(rows) : -1])
            yield self._merged(file, keys, parts[-1])

    def to_dict(self) -> dict[str, int]:
        """Return what became of rows as plain figures."""
        return {
            "duplicates": self.duplicates,
            "replaced": self.replaced,
            "unusual_weight": self.weights.unusual,
            "members": len(self.meanings.members),
        }

    def _merged(self, file: pa.Table, refused: pa.Table, before: pa.Table) -> pa.Table:
        earlier = before.select(ROWS.names[: -len(PLACE)])
        if self._is_delta and self._whole:
            merged = merge_records(file, refused)
            self._count(merged, lost_entries(earlier, merged.table, merged.ended))
        elif self._is_delta:
            merged = merge_records(pa.concat_tables([before, file]), refused)
            lost = lost_entries(earlier, merged.table, merged.ended)
            self._count(merged, Lost(lost.removed, 0))  # a record that leaves out a hash says so
        else:
            merged = merge_rows(file)
            self._count(merged, lost_entries(earlier, merged.table, merged.ended))
        self.clashing += clashing_lines(refused, merged)
        self.weights.add(merged.table)
        self.meanings.add(merged.table)
        return merged.table

    def _count(self, merged: Merged, lost: Lost) -> None:
        self.duplicates += merged.duplicates
        self.replaced += merged.replaced
        self.standing += merged.standing
        self.lost = Lost(self.lost.removed + lost.removed, self.lost.vanished + lost.vanished)
