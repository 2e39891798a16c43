"""The only place that tells which entries are named in so many findings that a person should know."""

from collections import Counter
from typing import Any

from scanner.records import Finding

CROWD = 10_000
"""Findings beyond which an entry is told: a picture that everybody has, a blank one, or a flood."""

TOLD = 100
"""Entries that are told by name, those in most findings first; of the others only their number is."""


class Crowds:
    """The entries that more than `most` findings name."""

    def __init__(self, most: int = CROWD) -> None:
        self._most = most
        self._findings: Counter[tuple[str, str, str, str]] = Counter()

    def add(self, finding: Finding) -> None:
        """Take in one finding."""
        self._findings.update({match.match_key for match in finding.matches})

    def told(self) -> dict[str, Any]:
        """Return what is to be said of crowded entries, in plain values; nothing where there are none."""
        crowded = {key: count for key, count in self._findings.items() if count > self._most}
        if not crowded:
            return {}
        first = sorted(crowded.items(), key=lambda item: (-item[1], item[0]))[:TOLD]
        names = ("list", "member", "entry_id", "algorithm")
        named = [{**dict(zip(names, key, strict=True)), "findings": count} for key, count in first]
        return {"crowded_entries": {"more_than": self._most, "entries": len(crowded), "most": named}}
