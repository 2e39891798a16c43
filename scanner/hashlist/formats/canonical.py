"""The only place where the canonical formats of a list are read: CSV, JSON, JSON Lines and Parquet.

The fault of one row is a refusal with its line; the fault of a file is a HashListError. Neither ever
quotes what stands in the file: where columns are mixed up, anything may be a value.
"""

import contextlib
import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns, folded
from scanner.hashlist.formats.documents import ITEM, objects_of
from scanner.hashlist.formats.lines import BARE_CR, lines_of
from scanner.hashlist.row import Numbered
from scanner.hashlist.values import Refusal

BATCH_ROWS = 16_384

BAD_QUOTING = (
    "quoting that does not end, or a field beyond all measure; fetch the file again, or save it anew"
)


def read_csv(file: Path, columns: FileColumns) -> Iterator[Numbered]:
    """Yield the rows of a CSV file whose first line names the columns."""
    with contextlib.closing(lines_of(file)) as lines:  # else an error would keep the file open
        yield from _rows_of_csv(file, lines, columns)


def read_jsonl(file: Path, columns: FileColumns) -> Iterator[Numbered]:
    """Yield the rows of a file with a JSON object in each line."""
    with contextlib.closing(lines_of(file)) as lines:
        yield from _rows_of_jsonl(file, lines, columns)


def _rows_of_csv(file: Path, lines: Iterator[str], columns: FileColumns) -> Iterator[Numbered]:
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


def _rows_of_jsonl(file: Path, lines: Iterator[str], columns: FileColumns) -> Iterator[Numbered]:
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
    _refuse_missing(file, columns)


def _refuse_missing(file: Path, columns: FileColumns) -> None:
    for column in sorted(columns.mapped.keys() - columns.found):
        raise HashListError(f"{file}: no row has {columns.mapped[column]!r}, which columns.{column} maps")


def read_json(file: Path, columns: FileColumns) -> Iterator[Numbered]:
    """Yield the rows of a JSON document that is an array of objects."""
    number = 0
    for number, record in enumerate(objects_of(file, ITEM), 1):
        named = {folded(name): value for name, value in record.items()} if isinstance(record, dict) else {}
        if not named or len(named) < len(record):
            yield number, Refusal.MALFORMED_ROW
            continue
        columns.note(named)
        yield number, {column: named.get(name) for column, name in columns.wanted.items()}
    if not number:
        raise HashListError(f"{file}: no array of objects; not a list")
    _refuse_missing(file, columns)


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


def read_parquet(file: Path, columns: FileColumns) -> Iterator[Numbered]:
    """Yield the rows of a Parquet file."""
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
