"""The only place where the canonical formats of a list are read: CSV, JSON Lines and Parquet, row by row.

The fault of one row is a refusal with its line; the fault of a file is a HashListError. Neither ever
quotes what stands in the file: where columns are mixed up, anything may be a value.
"""

import contextlib
import csv
import json
import stat
from collections.abc import Generator, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns, folded
from scanner.hashlist.row import Row
from scanner.hashlist.values import Refusal

Numbered = tuple[int, Row | Refusal]
"""The line of a row (its number, in Parquet) with the row, or with the reason why it cannot be read."""

SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

MAX_LINE = 16 << 20
"""Bytes of the longest line that is read; a longer one is no row of a list."""

BATCH_ROWS = 16_384

BARE_CR = "its line ends are CR alone; save the file with LF or CRLF line ends"
BAD_QUOTING = (
    "quoting that does not end, or a field beyond all measure; fetch the file again, or save it anew"
)


def format_of(file: Path, name: str | None) -> str:
    """Return the format of a list file: the one that is named, or the one its extension tells."""
    known = sorted(set(SUFFIXES.values()))
    if name is not None:
        if name not in known:
            raise HashListError(f"{file}: unknown list format {name!r}; known are {', '.join(known)}")
        return name
    if file.suffix.lower() not in SUFFIXES:
        raise HashListError(
            f"{file}: the extension does not tell the format; say --format with one of {', '.join(known)}"
        )
    return SUFFIXES[file.suffix.lower()]


def read_rows(file: Path, name: str, columns: FileColumns) -> Iterator[Numbered]:
    """Yield the rows of a list file of a canonical format, in its order, in bounded memory."""
    try:
        _refuse_stream(file)
        if name == "parquet":
            yield from _read_parquet(file, columns)
            return
        read = {"csv": _read_csv, "jsonl": _read_jsonl}[name]
        with contextlib.closing(_lines(file)) as lines:  # else an error would keep the file open
            yield from read(file, lines, columns)
    except FileNotFoundError:
        raise HashListError(f"{file}: no such file") from None
    except OSError as error:
        raise HashListError(f"{file}: cannot be read: {error.strerror or type(error).__name__}") from None


def _refuse_stream(file: Path) -> None:
    """Refuse what gives its bytes once: an import reads a file for its rows, and again for its digest."""
    mode = file.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # opening a directory fails in words of its own
        raise HashListError(
            f"{file}: a pipe or a device, which cannot be read twice; save it to a file first"
        )


def _lines(file: Path) -> Generator[str, None, None]:
    """Yield the lines of a UTF-8 file with their ends, without a byte order mark."""
    with file.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE + 1), b""), 1):
            if len(line) > MAX_LINE:
                cause = BARE_CR if b"\r" in line else "not a list"
                raise HashListError(f"{file}, line {number}: longer than {MAX_LINE} bytes; {cause}")
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                raise HashListError(f"{file}, line {number}: not UTF-8; convert the file first") from None
            yield text.removeprefix("\ufeff") if number == 1 else text


def _read_csv(file: Path, lines: Iterator[str], columns: FileColumns) -> Iterator[Numbered]:
    last = [""]
    reader = csv.reader(_kept(lines, last), strict=True)
    places: dict[str, int] | None = None
    width = 0
    number = 1
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if places is None:
                columns.refuse_other_separators(file, number, last[0])
            cause = BARE_CR if "new-line character" in str(error) else BAD_QUOTING
            raise HashListError(f"{file}, line {number}: {cause}") from None
        if fields and places is None:
            columns.refuse_other_separators(file, number, last[0])
            places, width = columns.places(file, fields), len(fields)
        elif fields and len(fields) != width:
            yield number, Refusal.MALFORMED_ROW
        elif fields and places is not None:
            yield number, {column: fields[place] for column, place in places.items()}
        number = reader.line_num + 1
    if places is None:
        raise HashListError(f"{file}: empty; line 1 must name the columns")


def _kept(lines: Iterator[str], last: list[str]) -> Iterator[str]:
    """Yield lines, and keep the last of them where an error can be explained by it."""
    for line in lines:
        last[0] = line
        yield line


def _read_jsonl(file: Path, lines: Iterator[str], columns: FileColumns) -> Iterator[Numbered]:
    first = True
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        record = _json(line)
        if record is None and first:
            raise HashListError(f"{file}, line {number}: not JSON Lines; each line must be one JSON object")
        if record is None and not line.endswith("\n"):
            raise HashListError(f"{file}, line {number}: cut off; fetch the file again")
        first = False
        if not isinstance(record, dict):
            yield number, Refusal.MALFORMED_ROW
            continue
        columns.note(record)
        yield number, {column: record.get(name) for column, name in columns.wanted.items()}
    if first:
        raise HashListError(f"{file}: empty; not a list")
    for column in sorted(columns.mapped.keys() - columns.found):
        raise HashListError(f"{file}: no row has {columns.mapped[column]!r}, which columns.{column} maps")


class _Ambiguous:
    """Stands for a JSON object that names something twice: which of the two is meant, nobody knows."""


def _json(line: str) -> dict[str, object] | _Ambiguous | None:
    with contextlib.suppress(ValueError, RecursionError):
        record = json.loads(line, object_pairs_hook=_object)
        if isinstance(record, dict | _Ambiguous):
            return record
    return None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | _Ambiguous:
    record = {folded(name): value for name, value in pairs}
    return record if len(record) == len(pairs) else _Ambiguous()


def _read_parquet(file: Path, columns: FileColumns) -> Iterator[Numbered]:
    number = 0
    try:
        with pq.ParquetFile(file) as parquet:
            schema = parquet.schema_arrow
            places = columns.places(file, schema.names)
            names = [schema.names[place] for place in places.values()]
            for batch in parquet.iter_batches(BATCH_ROWS, columns=names):
                for row in _plain(batch.select(names), list(places)).to_pylist():
                    number += 1
                    yield number, row
    except (pa.ArrowException, ValueError, OverflowError):
        where = f"behind row {number}" if number else "its head"
        raise HashListError(f"{file}: not a readable Parquet file ({where})") from None


def _plain(batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    """Rename columns to their canonical names, and bring times to the microseconds that Python has."""
    arrays = [
        array.cast(pa.timestamp("us", "UTC"), safe=False) if pa.types.is_timestamp(array.type) else array
        for array in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=names)
