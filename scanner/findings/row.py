"""The only place where findings become JSON lines, and where the rows of a manifest are counted."""

import base64
import hashlib
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from scanner.findings.crowds import Crowds
from scanner.records import Finding, row_of


def plain_row(record: Any) -> dict[str, Any]:
    """Return a record as plain JSON values.

    Digests are hex, times ISO 8601 in UTC with a Z; `key_bytes` is base64 and only there when the key
    is not UTF-8. Matches do not repeat the finding's id.
    """
    row = row_of(record)
    raw = row.pop("key_bytes", None)
    plain = {name: _plain(value) for name, value in row.items()}
    if raw is not None:
        plain["key_bytes"] = base64.b64encode(raw).decode()
    for match in plain["matches"]:
        match.pop("finding_id", None)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def iso_time(value: datetime) -> str:
    """Return a time in UTC as ISO 8601 with a Z; times without a zone are UTC, as in Arrow."""
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def line_of(row: dict[str, Any]) -> bytes:
    """Return a plain row as one canonical line: sorted, compact, pure ASCII (so no terminal obeys a key)."""
    return json.dumps(row, sort_keys=True, separators=(",", ":")).encode() + b"\n"


class Tally:
    """Counts and digest of the rows of a manifest, taken while they pass in order."""

    def __init__(self) -> None:
        self.findings = self.matches = self.matches_omitted = 0
        self.severity: Counter[str] = Counter()
        self.lists: Counter[str] = Counter()
        self._crowds = Crowds()
        self._digest = hashlib.sha256()

    def add(self, finding: Finding) -> bytes:
        """Take in one finding and return its line."""
        self.findings += 1
        self.matches += len(finding.matches)
        self.matches_omitted += finding.matches_omitted
        self.severity[finding.severity] += 1
        self.lists.update({match.list for match in finding.matches})
        self._crowds.add(finding)
        row = plain_row(finding)
        line = line_of(row)
        del row["first_seen_run"]
        self._digest.update(line_of(row))
        return line

    @property
    def counts(self) -> dict[str, Any]:
        """Findings and matches in numbers; `lists` counts the findings that each list takes part in.

        Entries that very many findings name are there by name (see `Crowds`).
        """
        return {
            "findings": self.findings,
            "matches": self.matches,
            "matches_omitted": self.matches_omitted,
            "severity": dict(self.severity),
            "lists": dict(self.lists),
            **self._crowds.told(),
        }

    @property
    def rows_digest(self) -> str:
        """SHA-256 over the rows without `first_seen_run`: equal for equal results, whatever the run."""
        return self._digest.hexdigest()
