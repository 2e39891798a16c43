"""The only place where the members, schemes and classifications of a list's entries are counted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from scanner.hashlist.entries import matched_entries
from scanner.list_policy import ALL, Acts, ListPolicy, usual_act

MOST_MEMBERS = 1000
"""Members of a list that are told apart; a list with more of them has something else in that column."""

MOST_KINDS = 10_000
"""Schemes and classifications that are told apart."""


@dataclass
class Meanings:
    """The members of entries that may be matched, and how many are of each scheme and classification."""

    members: set[str] = field(default_factory=set)
    kinds: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)

    def add(self, table: pa.Table) -> None:
        """Count the next entries."""
        entries = matched_entries(table)
        if len(self.members) <= MOST_MEMBERS:
            self.members.update(map(str, entries.column("member").unique().to_pylist()))
        kinds = entries.select(["scheme", "classification"])
        counted = kinds.group_by(kinds.column_names).aggregate([([], "count_all")])
        for row in counted.to_pylist():
            kind = (row["scheme"], row["classification"])
            if kind in self.kinds or len(self.kinds) < MOST_KINDS:
                self.kinds[kind] += row["count_all"]

    @property
    def too_many_members(self) -> bool:
        """Tell whether there are so many members that policies cannot speak of single ones."""
        return len(self.members) > MOST_MEMBERS

    def remarks(self, policy: ListPolicy) -> list[str]:
        """Say what settings name that no entry has, and which entries are kept and become no findings."""
        known = {classification or "" for _, classification in self.kinds}
        full = len(self.kinds) >= MOST_KINDS
        misspelt = [] if full else [*_misspelt("", policy, known)]
        for member, own in sorted(policy.members.items()):
            misspelt += [] if full else [*_misspelt(f"members.{member}.", own, known)]
            if not self.too_many_members and member not in self.members:
                misspelt.append(f"settings: members names {member!r}, of whom no entry is")
        return [*misspelt, *self._set_aside(policy)]

    def _set_aside(self, policy: ListPolicy) -> Iterator[str]:
        """Name the kinds of entries that are ignored although no setting says so."""
        for (scheme, classification), count in sorted(self.kinds.items(), key=str):
            name = classification or ""
            if policy.act(name) is None and usual_act(scheme, name) == "ignore":
                yield (
                    f"{count:,} entries of classification {name!r} ({scheme}) are kept and become no "
                    "findings, unless review or illegal names it in the list's settings"
                )


def untold_members(name: str) -> str:
    """Return what is said where settings speak of single members of a list that has too many of them."""
    return (
        f"more than {MOST_MEMBERS:,} members, so that [lists.{name}.members] cannot speak of single ones; "
        "leave that out, or import the list without that column"
    )


def _misspelt(where: str, acts: Acts, known: set[str]) -> Iterator[str]:
    for name in ("illegal", "review", "ignore"):
        for classification in getattr(acts, name):
            if classification not in known and classification != ALL:
                yield f"settings: {where}{name} names classification {classification!r}, which no entry has"
