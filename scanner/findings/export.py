"""The only place where findings leave for people and other programs: table, JSON lines, CSV, Parquet."""

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import IO, Any
from urllib.parse import quote

import pyarrow.parquet as pq
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from scanner.findings.policy import REPORT
from scanner.findings.redact import RedactedFinding, RedactedMatch
from scanner.findings.row import line_of, plain_row
from scanner.records import Finding, Match, row_of, schema_of, table_of

Row = Finding | RedactedFinding

_BATCH_ROWS = 5_000

_MATCH_COLUMNS = (
    "list",
    "member",
    "entry_id",
    "classification",
    "scheme",
    "entry_status",
    "algorithm",
    "distance",
    "threshold",
    "quality",
    "transform",
    "locator",
    "tags",
    "snapshot",
)
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four: their full-width forms


def write_jsonl(rows: Iterable[Row], out: IO[bytes], _record: type = Finding) -> None:
    """Write one line of JSON for each finding, as in a manifest."""
    for row in rows:
        out.write(line_of(plain_row(row)))


def write_csv(rows: Iterable[Row], out: IO[bytes], record: type = Finding) -> None:
    """Write a header and one row for each match, safe to open in a spreadsheet.

    Keys are percent-encoded (`/` stays). A cell that a spreadsheet would take for a formula gets an
    apostrophe in front; no encoded key begins with one of its own, since that would be `%27`.
    """
    text = codecs.getwriter("utf-8")(out)
    writer = csv.DictWriter(text, _csv_columns(record), extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerows(_cells(row))


def write_parquet(rows: Iterable[Row], out: IO[bytes], record: type = Finding) -> None:
    """Write findings as Parquet, in the schema of their record."""
    source = iter(rows)
    with pq.ParquetWriter(out, schema_of(record), compression="zstd") as writer:
        while batch := list(islice(source, _BATCH_ROWS)):
            writer.write_table(table_of(record, batch))


WRITERS: dict[str, Callable[[Iterable[Row], IO[bytes], type], None]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "parquet": write_parquet,
}
"""The formats for programs, written row by row; the record says what the rows are, where there are none."""


def _csv_columns(record: type) -> list[str]:
    """Return the columns: those of the finding with the match's own after its severity."""
    of_match = set(schema_of(Match if record is Finding else RedactedMatch).names)
    own = [name for name in schema_of(record).names if name not in ("matches", "key_bytes")]
    at = own.index("severity") + 1
    return [*own[:at], *(name for name in _MATCH_COLUMNS if name in of_match), *own[at:]]


def _cells(row: Row) -> Iterator[dict[str, Any]]:
    plain = plain_row(row)
    values = row_of(row)
    raw = values.get("key_bytes")
    plain["key"] = quote(plain["key"] if raw is None else raw, safe="/")
    for match in plain.pop("matches"):
        cells = {**plain, **match, "tags": " ".join(match.get("tags", ()))}
        yield {name: _safe(value) for name, value in cells.items()}


def _safe(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def display(rows: Iterable[Row], limit: int = 1000) -> Table:
    """Return the first findings as a table for a terminal; its caption says how many it leaves out.

    It shows no digest, ETag or entry, and nothing in it can steer a terminal.
    """
    table = Table("severity", "list", "match", "class", box=None, pad_edge=False, header_style="bold")
    table.add_column("size", justify="right")
    table.add_column("last modified")
    table.add_column("bucket and key")
    for column in table.columns:
        column.overflow = "fold"  # a narrow terminal must not lose a character of a key
    source = iter(rows)
    for row in islice(source, limit):
        table.add_row(*_shown(row_of(row)))
    if left := sum(1 for _ in source):
        table.caption = f"{left} more findings; the other formats hold all of them"
    return table


def _shown(row: dict[str, Any]) -> Iterator[Text]:
    lines = dict.fromkeys(
        (match["list"], f"{match['algorithm']} {match['distance']}", match["classification"] or "")
        for match in row["matches"]
    )
    key = row["key"]
    if row.get("key_bytes") is not None:
        key = row["key_bytes"].decode("utf-8", "surrogateescape")
    yield Text(row["severity"], "bold red" if row["severity"] == REPORT else "yellow")
    for column in zip(*lines, strict=True):
        yield Text("\n".join(map(visible, column)))
    yield Text(decimal(row["size"]))
    yield Text(f"{row['last_modified']:%Y-%m-%d %H:%M}")
    yield Text(visible(f"{row['bucket']}/{key}"))


def visible(text: str) -> str:
    """Return text with everything that a terminal obeys or hides written as an escape.

    Control characters, newlines, bidirectional overrides, invisible and unassigned characters, spaces
    other than the common one, and the backslash itself, so that no two texts look alike by it.
    """
    return "".join(
        char if char.isprintable() and char != "\\" else char.encode("unicode_escape").decode()
        for char in text
    )
