"""The only place that knows the formats of a list's file, and who reads each."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats.canonical import read_csv, read_json, read_jsonl, read_parquet
from scanner.hashlist.formats.ncmec import read_ncmec
from scanner.hashlist.formats.pdq import read_pdq
from scanner.hashlist.formats.stopncii import read_stopncii
from scanner.hashlist.formats.tat import read_tat
from scanner.hashlist.formats.threatexchange import read_threatexchange
from scanner.hashlist.formats.vics import read_vics
from scanner.hashlist.row import Numbered
from scanner.hashlist.values import Refusal

Reader = Callable[[Path, FileColumns], Iterator[Numbered]]
"""Yields the rows of a file in its order, in bounded memory; raises HashListError for the fault of a file."""

CANONICAL: dict[str, Reader] = {
    "csv": read_csv,
    "json": read_json,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
}
"""Formats with the columns that this project names, or that settings map to them."""

READERS: dict[str, Reader] = {
    **CANONICAL,
    "ncmec": read_ncmec,
    "pdq": read_pdq,
    "stopncii": read_stopncii,
    "tat": read_tat,
    "threatexchange": read_threatexchange,
    "vics": read_vics,
}

DELTAS = frozenset({"ncmec", "stopncii", "threatexchange"})
"""Formats that say what became of entries; all others hold the whole of a list."""

SUFFIXES = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
"""Extensions that tell a format; those of clearing houses are named."""


def format_of(file: Path, name: str | None) -> str:
    """Return the format of a list file: the one that is named, or the one its extension tells."""
    known = ", ".join(sorted(READERS))
    if name is not None:
        if name not in READERS:
            raise HashListError(f"{file}: unknown list format {name!r}; known are {known}")
        return name
    if file.suffix.lower() not in SUFFIXES:
        raise HashListError(
            f"{file}: the extension does not tell the format; say --format with one of {known}"
        )
    return SUFFIXES[file.suffix.lower()]


def read_rows(file: Path, name: str, columns: FileColumns) -> Iterator[Numbered]:
    """Yield the rows of a list file of some format, in its order, in bounded memory."""
    if name not in CANONICAL and columns.mapped:
        raise HashListError(f"{file}: columns can be mapped in {', '.join(CANONICAL)}, not in {name}")
    try:
        _refuse_stream(file)
        for number, row in READERS[name](file, columns):
            for one in (row,) if isinstance(row, Refusal) else columns.rows(row):
                yield number, one
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
