"""The only place where the rows of a manifest are read again, each held against what it must say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from scanner.errors import ManifestError
from scanner.findings.form import cluster_of
from scanner.findings.manifest import HEADER, LINES, NOT_FINDINGS, PARQUET, read_findings
from scanner.findings.row import Tally
from scanner.records import Finding

_MOST_PROBLEMS = 20


def row_problems(folder: Path, header: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the rows of a manifest, in words that name rows by their number."""
    reading = _Reading()
    problems: list[str] = []
    try:
        with (folder / LINES).open("rb") as lines:
            for number, (finding, line) in enumerate(zip_longest(read_findings(folder), lines), 1):
                problems.extend(f"row {number}: {words}" for words in reading.problems(finding, line))
                if len(problems) >= _MOST_PROBLEMS:
                    return [*problems, "and perhaps more: reading the rows stopped here"]
    except ManifestError as error:
        return [*problems, str(error)]
    return [*problems, *reading.totals(header)]


@dataclass
class _Reading:
    """The rows of a manifest as they pass again."""

    tally: Tally = field(default_factory=Tally)
    before: tuple[str, str, bytes, str, str] | None = None

    def problems(self, finding: Finding | None, line: bytes | None) -> Iterator[str]:
        """Yield what is wrong with one row; identities that rise strictly are unique."""
        if finding is None:
            yield f"in {LINES} alone"
            return
        if self.tally.add(finding) != line:
            yield f"{PARQUET} and {LINES} differ"
        identity = finding.object.identity
        if self.before is not None and identity <= self.before:
            yield "not in order, or twice"
        self.before = identity
        if finding.finding_id != finding.object.finding_id:
            yield "its finding_id is not that of its object"
        yield from _finding_problems(finding)

    def totals(self, header: Mapping[str, Any]) -> Iterator[str]:
        """Yield what the header says otherwise than its rows."""
        counts = {name: count for name, count in header["counts"].items() if name != NOT_FINDINGS}
        if self.tally.counts != counts:
            yield f"{HEADER}: its counts are not those of the rows"
        if self.tally.rows_digest != header["rows_digest"]:
            yield f"{HEADER}: its rows_digest is not that of the rows"
        if {entry["rows"] for entry in header["files"].values()} != {self.tally.findings}:
            yield f"{HEADER}: its number of rows is not that of the files"


def _finding_problems(finding: Finding) -> Iterator[str]:
    if not finding.matches:
        yield "no match"
    if any(match.finding_id != finding.finding_id for match in finding.matches):
        yield "holds the match of another object"
    if any(not 0 <= match.distance <= match.threshold for match in finding.matches):
        yield "a distance beyond its threshold"
    if finding.cluster_id != cluster_of(finding.sha256):
        yield "its cluster_id is not that of its object"
