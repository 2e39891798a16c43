"""The only place where it is said, in figures and in words, what the import of a list came to."""

from dataclasses import dataclass
from typing import Any

from scanner.hashlist.columns import FileColumns
from scanner.hashlist.merging import Lost
from scanner.hashlist.reading import Reading
from scanner.hashlist.snapshot import Snapshot


@dataclass(frozen=True)
class ImportReport:
    """What an import came to, in figures.

    `unchanged` says that the list had this content before, `lost` which entries are no longer matched (None
    for the first import), `merged` how many rows stand for no entry, as another row does, `unusual_weight`
    how many PDQ values have not exactly 128 ones.
    """

    snapshot: Snapshot
    unchanged: bool
    reading: Reading
    columns: FileColumns
    duplicates: int
    replaced: int
    merged: int
    lost: Lost | None
    unusual_weight: int
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            **self.snapshot.provenance(),
            **self.reading.to_dict(),
            **self.columns.to_dict(),
            "unchanged": self.unchanged,
            "duplicates": self.duplicates,
            "replaced": self.replaced,
            "merged": self.merged,
            "removed": self.lost and self.lost.removed,
            "vanished": self.lost and self.lost.vanished,
            "unusual_weight": self.unusual_weight,
            "remarks": list(self.remarks),
        }

    def describe(self) -> str:
        """Return the report in words, one thing a line."""
        counts = self.snapshot.counts
        of_each = ", ".join(f"{name} {count:,}" for name, count in sorted(counts["algorithm"].items()))
        lines = [
            f"{self.snapshot.list}: {counts['entries']:,} entries ({of_each}), {counts['matched']:,} matched",
            f"snapshot {self.snapshot.digest[:12]}{', unchanged' if self.unchanged else ''}",
        ]
        if self.reading.refused:
            lines.append(self.reading.describe())
        if self.columns.unused or self.columns.unnamed:
            lines.append(self.columns.describe())
        if self.reading.derived_ids:
            lines.append(f"entries whose id is a digest, kept under another id {self.reading.derived_ids:,}")
        if self.reading.tombstones:
            lines.append(f"rows that withdraw an entry without its value {self.reading.tombstones:,}")
        if self.duplicates or self.replaced:
            lines.append(
                f"repeated entries {self.duplicates:,}; with another value {self.replaced:,} (latest kept)"
            )
        if self.lost and self.lost.removed:
            withdrawn = self.lost.removed - self.lost.vanished
            lines.append(f"entries no longer matched {self.lost.removed:,}; withdrawn {withdrawn:,}")
        return "\n".join([*lines, *self.remarks])
