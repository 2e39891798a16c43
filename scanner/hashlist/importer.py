"""The only place where the file of a list becomes its active snapshot, or is stopped with the figures."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from scanner.config import ListPolicy
from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.entries import (
    Lost,
    Merged,
    entries_of,
    lost_entries,
    matched_entries,
    merge_entries,
    table_of_entries,
    values_of,
)
from scanner.hashlist.formats import format_of, read_rows
from scanner.hashlist.reading import LINES_KEPT, Reading
from scanner.hashlist.report import ImportReport
from scanner.hashlist.snapshot import (
    Snapshot,
    active_snapshot,
    check_name,
    make_active,
    open_snapshot,
    put_snapshot,
)
from scanner.hashlist.values import Refusal, balanced
from scanner.records import HashEntry, schema_of
from scanner.workspace import Workspace, file_digest

MAX_LOST = 0.01
"""Share of the rows, or of the earlier entries, that an import may lose before somebody has to agree."""

USUAL_REFUSALS = (Refusal.UNSUPPORTED_ALGORITHM, Refusal.LOW_QUALITY)
"""What is part of most lists, and no sign of a fault."""

BATCH_ENTRIES = 65_536

AGREE = "nothing was changed; --accept-changes imports it as it is"


def import_list(
    workspace: Workspace,
    name: str,
    file: Path,
    policy: ListPolicy,
    format: str | None,  # noqa: A002 (named as its flag is)
    imported_at: datetime,
    accept_changes: bool = False,
) -> ImportReport:
    """Make the content of a file the active snapshot of a list; an import replaces the list.

    Stops with HashListError and the figures, unless `accept_changes`,
    * where more than MAX_LOST of the rows are refused (but for algorithms that nothing here computes, and
      for low quality) or overwritten;
    * where a refused row speaks of an entry that another row makes;
    * where more than MAX_LOST of the entries that were matched would be no longer, although the list does
      not say that they are withdrawn.

    A file without a single entry to match is never imported. One import at a time (`Workspace.lock`).
    """
    check_name(name)
    read = _read(name, file, policy, format)
    if not accept_changes:
        _check_rows(read)
    clashes = _clashes(read, accept_changes)
    earlier, lost = _compared(workspace, name, read.merged, accept_changes)
    unusual, remarks = _weights(read.merged.table)
    source = {**read.source(), "imported_at": imported_at.isoformat(), "unusual_weight": unusual}
    digest = put_snapshot(workspace, name, read.merged.table, source)
    snapshot = make_active(workspace, name, digest, imported_at)
    remarks += [*clashes, *read.columns.remarks(), *_policy_remarks(read.merged.table, policy)]
    return ImportReport(
        snapshot=snapshot,
        unchanged=earlier is not None and earlier.digest == digest,
        reading=read.reading,
        columns=read.columns,
        duplicates=read.merged.duplicates,
        replaced=read.merged.replaced,
        lost=lost,
        unusual_weight=unusual,
        remarks=tuple(remarks),
    )


@dataclass(frozen=True)
class _Read:
    """What a file holds, and what its rows came to."""

    file: Path
    format: str
    columns: FileColumns
    reading: Reading
    merged: Merged

    def source(self) -> dict[str, Any]:
        """Return what a snapshot says of the file that it came from."""
        return {
            **self.reading.to_dict(),
            **self.columns.to_dict(),
            "file": self.file.name,
            "format": self.format,
            "sha256": file_digest(self.file),
            "duplicates": self.merged.duplicates,
            "replaced": self.merged.replaced,
        }


def _read(name: str, file: Path, policy: ListPolicy, named_format: str | None) -> _Read:
    known = format_of(file, named_format)
    columns, reading = FileColumns(policy.columns), Reading()
    merged = merge_entries(_table(reading.entries(read_rows(file, known, columns), name)))
    if not len(matched_entries(merged.table)):
        raise HashListError(
            f"{file}: no entry that could be matched; {reading.describe()}; nothing was changed"
        )
    return _Read(file, known, columns, reading, merged)


def _table(entries: Iterator[HashEntry]) -> pa.Table:
    batches = iter(lambda: list(itertools.islice(entries, BATCH_ENTRIES)), [])
    tables = [table_of_entries(batch) for batch in batches]
    return pa.concat_tables(tables) if tables else schema_of(HashEntry).empty_table()


def _check_rows(read: _Read) -> None:
    """Stop a file that loses many of its rows: it is another format, or its columns are mixed up."""
    reading, replaced = read.reading, read.merged.replaced
    usual = sum(map(reading.count, USUAL_REFUSALS))
    if reading.refused - usual + replaced > MAX_LOST * (reading.rows - usual):
        raise HashListError(
            f"{read.file}: {reading.describe()}; {replaced:,} rows overwrite the value of an entry; {AGREE}"
        )


def _clashes(read: _Read, accept_changes: bool) -> list[str]:
    """Stop where a refused row names an entry that other rows make: it may be the one that withdraws it."""
    lines = read.reading.refused_keys.clashes(read.merged)
    if not lines:
        return []
    first = ", ".join(map(str, lines[:LINES_KEPT])) + (", ..." if len(lines) > LINES_KEPT else "")
    words = f"{len(lines):,} refused rows speak of entries that other rows make (line {first})"
    if not accept_changes:
        raise HashListError(
            f"{read.file}: {words}; what they say of them would be lost; {read.reading.describe()}; "
            f"correct the rows; {AGREE}"
        )
    return [words]


def _compared(
    workspace: Workspace, name: str, merged: Merged, accept_changes: bool
) -> tuple[Snapshot | None, Lost | None]:
    """Return the earlier snapshot and what became of its entries, or stop if many of them vanished."""
    try:
        earlier = active_snapshot(workspace, name)
        before = None if earlier is None else open_snapshot(earlier)
    except HashListError as error:
        if accept_changes:
            return None, None
        raise HashListError(f"{error}; there is nothing to compare with: {AGREE}") from None
    if earlier is None or before is None:
        return None, None
    lost, matched = lost_entries(before, merged.table, merged.ended), earlier.counts["matched"]
    if lost.vanished > MAX_LOST * matched and not accept_changes:
        raise HashListError(
            f"list {name}: {lost.vanished:,} of {matched:,} entries would be no longer matched, and the file "
            f"does not say that they are withdrawn; {AGREE}"
        )
    return earlier, lost


def _weights(table: pa.Table) -> tuple[int, list[str]]:
    """Return how many PDQ values are unusual, and a remark where PDQ and SHA-256 look mixed up.

    Both are 64 characters long, so that a mixed-up column is read without a complaint and matches nothing.
    """
    remarks = []
    pdq, sha256 = (values_of(entries_of(table, name).column("value"), 32) for name in ("pdq", "sha256"))
    unusual = len(pdq) - balanced(pdq)
    if unusual:
        remarks.append(f"{unusual:,} of {len(pdq):,} PDQ values do not have exactly 128 ones")
    if unusual > len(pdq) / 2:
        remarks.append("most PDQ values do not look like PDQ: are they another hash of 64 characters?")
    if len(sha256) >= 20 and balanced(sha256) > len(sha256) / 2:
        remarks.append("most SHA-256 values look like PDQ: is the algorithm right?")
    return unusual, remarks


def _policy_remarks(table: pa.Table, policy: ListPolicy) -> list[str]:
    """Name the classifications that the settings speak of and no entry has: they may be misspelt."""
    known = set(table.column("classification").unique().to_pylist())
    return [
        f"settings: {field} names classification {name!r}, which no entry has"
        for field, names in (("illegal", policy.illegal), ("ignore", policy.ignore))
        for name in names
        if name not in known
    ]
