"""The only place where it is counted what the rows of a list came to: entries, and refusals with lines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from scanner.hashlist.clashes import RefusedKeys
from scanner.hashlist.row import Numbered, entry_of, has_digest_as_id, keys_of
from scanner.hashlist.values import Refusal
from scanner.records import HashEntry

Placed = tuple[HashEntry, int, int, bool]
"""An entry, and its place in the file as `scanner.hashlist.merging.PLACE` has it: row, record, own."""

LINES_KEPT = 10
"""Line numbers that are kept per reason."""


@dataclass
class Refused:
    """How many rows one reason refused, and the lines of the first of them."""

    count: int = 0
    lines: list[int] = field(default_factory=list)


@dataclass
class Reading:
    """The rows of a list that were read so far.

    `derived_ids` of them named their entry by a digest; `tombstones` of them end an entry without its value.
    """

    refused_keys: RefusedKeys
    rows: int = 0
    derived_ids: int = 0
    tombstones: int = 0
    refusals: dict[Refusal, Refused] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """Return how many rows were refused."""
        return sum(refused.count for refused in self.refusals.values())

    @property
    def accepted(self) -> int:
        """Return how many rows were not refused."""
        return self.rows - self.refused

    def count(self, reason: Refusal) -> int:
        """Return how many rows one reason refused."""
        return self.refusals[reason].count if reason in self.refusals else 0

    def entries(self, rows: Iterable[Numbered], name: str) -> Iterator[Placed]:
        """Yield the entries that the rows of a list become with their places, and count everything else."""
        for line, row in rows:
            self.rows += 1
            if isinstance(row, Refusal):
                self._refuse(line, row)
                continue
            entry = entry_of(name, row)
            if isinstance(entry, Refusal):
                self._refuse(line, entry)
                self.refused_keys.add(line, keys_of(name, row))
                continue
            self.derived_ids += has_digest_as_id(row)
            self.tombstones += not entry.value
            yield entry, self.rows, line, True
            if not entry.value:  # which of two ids the entry has, its value would tell
                for _, entry_id, _ in keys_of(name, row)[1:]:
                    yield replace(entry, entry_id=entry_id), self.rows, line, False

    def _refuse(self, line: int, reason: Refusal) -> None:
        refused = self.refusals.setdefault(reason, Refused())
        refused.count += 1
        if len(refused.lines) < LINES_KEPT:
            refused.lines.append(line)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        refusals = {
            str(reason): {"count": refused.count, "lines": refused.lines}
            for reason, refused in sorted(self.refusals.items())
        }
        return {
            "rows": self.rows,
            "refused": self.refused,
            "refusals": refusals,
            "derived_ids": self.derived_ids,
            "tombstones": self.tombstones,
        }

    def describe(self) -> str:
        """Return the refusals in words: how many rows, why, and which."""
        reasons = [
            f"{reason} {refused.count:,} (line {', '.join(map(str, refused.lines))}"
            + (", ...)" if refused.count > len(refused.lines) else ")")
            for reason, refused in sorted(self.refusals.items())
        ]
        return f"refused {self.refused:,} of {self.rows:,} rows" + "".join(
            f"; {reason}" for reason in reasons
        )
