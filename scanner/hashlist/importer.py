"""The only place where the files of a list become its active snapshot, or are stopped with the figures."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from scanner.errors import HashListError
from scanner.hashlist.clashes import SCHEMA, RefusedKeys
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.content import Content
from scanner.hashlist.entries import KEY, table_of_entries
from scanner.hashlist.formats import DELTAS, format_of, read_rows
from scanner.hashlist.meanings import Meanings, untold_members
from scanner.hashlist.merging import PLACE, ROWS, Lost
from scanner.hashlist.purge import forget_withdrawn
from scanner.hashlist.reading import LINES_KEPT, Placed, Reading
from scanner.hashlist.report import ImportReport
from scanner.hashlist.snapshot import Snapshot, active_snapshot, check_name, make_active
from scanner.hashlist.sorting import SortedRows
from scanner.hashlist.stream import checked_entries
from scanner.hashlist.values import Refusal
from scanner.hashlist.writing import SnapshotWriter
from scanner.list_policy import ListPolicy
from scanner.workspace import Workspace, file_digest

MAX_LOST = 0.01
"""Share of the rows, or of the earlier entries, that an import may lose before somebody has to agree."""

MANY = 100
"""Entries that a list may withdraw at a time in its own words, however short it is."""

USUAL_REFUSALS = (Refusal.UNSUPPORTED_ALGORITHM, Refusal.LOW_QUALITY)
"""What is part of most lists, and no sign of a fault."""

BATCH_ENTRIES = 16_384

AGREE = "nothing was changed; --accept-changes imports it as it is"


@dataclass(frozen=True)
class Pulled:
    """Files of a list; where an exchange gave them, `checkpoint` says how far it was read.

    `whole` says that they hold all that there is, although their format says what became of entries.
    """

    files: Sequence[Path]
    checkpoint: dict[str, Any] = field(default_factory=dict)
    whole: bool = False


def import_list(
    workspace: Workspace,
    name: str,
    files: Path | Sequence[Path] | Pulled,
    policy: ListPolicy,
    format: str | None,  # noqa: A002 (named as its flag is)
    imported_at: datetime,
    accept_changes: bool = False,
) -> ImportReport:
    """Make the content of files the active snapshot of a list; memory does not grow with it.

    It replaces the list, unless the format is one of `DELTAS`, which say what became of entries: those are
    merged with the active snapshot.
    Stops with HashListError and the figures, unless `accept_changes`,
    * where more than MAX_LOST of the rows are refused (but for algorithms that nothing here computes, and
      for low quality) or overwritten;
    * where a refused row speaks of an entry that another row makes;
    * where more than MAX_LOST of the entries that were matched would be no longer, although the list does
      not say that they are withdrawn; or although it does, where they are more than MANY, too.

    Files without a single entry to match are never imported. One import at a time (`Workspace.lock`).
    """
    check_name(name)
    pulled = files if isinstance(files, Pulled) else Pulled([files] if isinstance(files, Path) else files)
    source = _Source(name, pulled.files, policy, format)
    replaces = pulled.whole or not source.is_delta
    earlier = _earlier(workspace, name, accept_changes and replaces)
    with (
        SortedRows(workspace.lists, ROWS, [*KEY, "row"]) as rows,
        SortedRows(workspace.lists, SCHEMA, [*KEY, "line"]) as refused,
        SnapshotWriter(workspace, name) as writer,
    ):
        reading = _sorted(source, rows, refused)
        content = Content(earlier, source.is_delta, pulled.whole)
        for table in content.entries(rows.sides(), refused.sides()):
            writer.add(table)
        _check_members(source, policy, content.meanings)
        _check_matched(source, reading, writer.counts.matched, earlier)
        if not accept_changes:
            _check_rows(source, reading, content.replaced)
            _check_lost(name, earlier, content.lost)
        clashes = _clashes(source, reading, content, accept_changes)
        figures = {**source.to_dict(), **reading.to_dict(), **content.to_dict()}
        facts = {"merged": reading.accepted - content.standing, "imported_at": imported_at.isoformat()}
        digest = writer.put(figures | facts)
    snapshot = make_active(workspace, name, digest, imported_at, pulled.checkpoint)
    remarks = [*content.weights.remarks(), *clashes, *source.columns.remarks()]
    remarks += content.meanings.remarks(policy)
    if earlier is not None and content.lost.removed:
        remarks += forget_withdrawn(workspace, name, policy, imported_at)
    return ImportReport(snapshot, earlier, reading, source.columns, content, tuple(remarks))


def _sorted(source: "_Source", rows: SortedRows, refused: SortedRows) -> Reading:
    """Read the rows of all files, and put them and the keys of refused ones where they are sorted."""
    reading = Reading(RefusedKeys(refused))
    for batch in source.batches(reading):
        rows.add(batch)
    reading.refused_keys.put()
    return reading


class _Source:
    """The files of a list, and how they are read."""

    def __init__(self, name: str, files: Sequence[Path], policy: ListPolicy, named: str | None) -> None:
        formats = {format_of(file, named) for file in files}
        if len(formats) != 1:
            raise HashListError(f"list {name}: files of one format are imported at a time, not of several")
        self.name, self.files, self.format = name, files, formats.pop()
        self.columns = FileColumns(policy.columns)
        self.is_delta = self.format in DELTAS

    def __str__(self) -> str:
        return str(self.files[0]) if len(self.files) == 1 else f"{self.files[0]} and the files behind it"

    def batches(self, reading: Reading) -> Iterator[pa.Table]:
        """Yield the rows of all files, in the schema `ROWS`; records are numbered through the files."""
        placed = reading.entries(self._rows(), self.name)
        for batch in iter(lambda: list(itertools.islice(placed, BATCH_ENTRIES)), []):
            yield _table(batch)

    def _rows(self) -> Iterator[Any]:
        before = last = 0
        for file in self.files:
            for number, row in read_rows(file, self.format, self.columns):
                last = before + number
                yield last, row
            before = last

    def to_dict(self) -> dict[str, Any]:
        """Return what a snapshot says of the files that it came from."""
        digests = [file_digest(file) for file in self.files]
        named = {"file": self.files[0].name, "sha256": digests[0]} if len(digests) == 1 else {}
        return {**self.columns.to_dict(), "format": self.format, "files": len(digests), **named}


def _table(placed: list[Placed]) -> pa.Table:
    entries = table_of_entries([entry for entry, *_ in placed])
    places = zip(*(place for _, *place in placed), strict=True)
    arrays = [pa.array(column, kind) for column, (_, kind) in zip(places, PLACE, strict=True)]
    return pa.Table.from_arrays([*entries.columns, *arrays], schema=ROWS)


def _earlier(workspace: Workspace, name: str, accept_damage: bool) -> Snapshot | None:
    """Return the active snapshot of a list, read once to its end, or None where there is none."""
    try:
        earlier = active_snapshot(workspace, name)
        for _ in () if earlier is None else checked_entries(earlier):
            pass
    except HashListError as error:
        if accept_damage:
            return None
        raise HashListError(f"{error}; there is nothing to compare with: {AGREE}") from None
    return earlier


def _check_matched(source: _Source, reading: Reading, matched: int, earlier: Snapshot | None) -> None:
    """Stop where nothing could be matched; but a delta may say nothing new, or end what there is."""
    if not matched and not (source.is_delta and earlier is not None):
        raise HashListError(
            f"{source}: no entry that could be matched; {reading.describe()}; nothing was changed"
        )


def _check_members(source: _Source, policy: ListPolicy, meanings: Meanings) -> None:
    """Stop where settings speak of single members and there are too many to be told apart."""
    if policy.members and meanings.too_many_members:
        raise HashListError(f"{source}: {untold_members(source.name)}; nothing was changed")


def _check_rows(source: _Source, reading: Reading, replaced: int) -> None:
    """Stop files that lose many of their rows: they are another format, or their columns are mixed up."""
    usual = sum(map(reading.count, USUAL_REFUSALS))
    overwritten = 0 if source.is_delta else replaced  # a log says several things of one entry
    if reading.refused - usual + overwritten > MAX_LOST * (reading.rows - usual):
        raise HashListError(
            f"{source}: {reading.describe()}; {replaced:,} rows overwrite the value of an entry; {AGREE}"
        )


def _check_lost(name: str, earlier: Snapshot | None, lost: Lost) -> None:
    """Stop where many of the entries that were matched would be no longer."""
    matched = 0 if earlier is None else earlier.counts["matched"]
    if lost.vanished > MAX_LOST * matched:
        raise HashListError(
            f"list {name}: {lost.vanished:,} of {matched:,} entries would be no longer matched, and the file "
            f"does not say that they are withdrawn; {AGREE}"
        )
    if lost.removed > max(MAX_LOST * matched, MANY):
        raise HashListError(
            f"list {name}: {lost.removed:,} of {matched:,} entries would be no longer matched; {AGREE}"
        )


def _clashes(source: _Source, reading: Reading, content: Content, accept_changes: bool) -> list[str]:
    """Stop where a refused row names an entry that other rows make: it may be the one that withdraws it.

    In a delta it leaves the entry as it was, which is said.
    """
    lines = sorted(set(content.clashing))
    if not lines:
        return []
    first = ", ".join(map(str, lines[:LINES_KEPT])) + (", ..." if len(lines) > LINES_KEPT else "")
    words = f"{len(lines):,} refused rows speak of entries that other rows make (line {first})"
    if source.is_delta:
        return [f"{len(lines):,} refused rows speak of entries, which stay as they are (line {first})"]
    if not accept_changes:
        raise HashListError(
            f"{source}: {words}; what they say of them would be lost; {reading.describe()}; "
            f"correct the rows; {AGREE}"
        )
    return [words]
