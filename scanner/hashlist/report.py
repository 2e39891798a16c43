"""The only place where it is said, in figures and in words, what the import of a list came to."""

from dataclasses import dataclass
from typing import Any

from scanner.hashlist.columns import FileColumns
from scanner.hashlist.content import Content
from scanner.hashlist.merging import Lost
from scanner.hashlist.reading import Reading
from scanner.hashlist.snapshot import Snapshot


@dataclass(frozen=True)
class ImportReport:
    """What an import came to, in figures; `earlier` is the snapshot before it, None for the first import."""

    snapshot: Snapshot
    earlier: Snapshot | None
    reading: Reading
    columns: FileColumns
    content: Content
    remarks: tuple[str, ...]

    @property
    def unchanged(self) -> bool:
        """Tell whether the list had this content before."""
        return self.earlier is not None and self.earlier.digest == self.snapshot.digest

    @property
    def lost(self) -> Lost | None:
        """Return which entries are no longer matched; None for the first import."""
        return None if self.earlier is None else self.content.lost

    @property
    def merged(self) -> int:
        """Return how many rows stand for no entry, as another row does."""
        return self.reading.accepted - self.content.standing

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            **self.snapshot.provenance(),
            **self.reading.to_dict(),
            **self.columns.to_dict(),
            **self.content.to_dict(),
            "unchanged": self.unchanged,
            "merged": self.merged,
            "removed": self.lost and self.lost.removed,
            "vanished": self.lost and self.lost.vanished,
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
        same, other = self.content.duplicates, self.content.replaced
        if same or other:
            lines.append(f"repeated entries {same:,}; with another value {other:,} (latest kept)")
        if self.lost and self.lost.removed:
            withdrawn = self.lost.removed - self.lost.vanished
            lines.append(f"entries no longer matched {self.lost.removed:,}; withdrawn {withdrawn:,}")
        return "\n".join([*lines, *self.remarks])
