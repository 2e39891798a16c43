"""The only place where the columns of a list's file are told apart: those that are read, and all others."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scanner.errors import HashListError
from scanner.hashlist.row import COLUMNS, ENDED, REQUIRED, Row
from scanner.hashlist.values import Refusal, algorithm_of
from scanner.records import ALGORITHM_BYTES

NAMES_SHOWN = 50
NAMES_SEEN = 10_000
"""Different names that are told apart; a file with more of them has values where names belong."""

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""What other programs put between columns, and its name."""

_NAME = re.compile(r"[a-z][a-z0-9_ .-]{0,39}")
_VALUE = re.compile(r"[0-9a-f]{16}|(?=[a-z]*[0-9])[a-z0-9]{20}")
"""What may be a value in hex or base64: sixteen hex digits, or twenty letters and digits in a row."""


def folded(name: str) -> str:
    """Return the name of a column as names are compared: in no case, and without space around it."""
    return name.strip().casefold()


class FileColumns:
    """The columns of one file: which of ours it has (`found`), and which names are used for nothing.

    `mapped` is canonical column = column of the file, where the two differ. Where it names algorithms, each
    has a column of its own: a row holds the hashes of one picture.
    """

    def __init__(self, mapped: Mapping[str, str]) -> None:
        for column in mapped:
            if column not in COLUMNS and algorithm_of(column) is Refusal.UNKNOWN_ALGORITHM:
                raise HashListError(
                    f"columns: {column!r} is not a column of a list, nor an algorithm; known are "
                    f"{', '.join((*COLUMNS, *ALGORITHM_BYTES))}"
                )
        self.mapped = mapped
        self._algorithms = [column for column in mapped if column not in COLUMNS]
        own = [column for column in COLUMNS if not self._algorithms or column not in REQUIRED]
        self.wanted = {column: folded(mapped.get(column, column)) for column in (*own, *self._algorithms)}
        if self._algorithms and any(column in mapped for column in REQUIRED):
            raise HashListError("columns: a list has algorithm and value, or a column for each algorithm")
        self.found: set[str] = set()
        self.unused: list[str] = []
        self.unnamed = 0
        self._seen: set[str] = set()

    def note(self, names: Iterable[str]) -> None:
        """Note the folded names of columns; whoever asks for a million rows may call it for each."""
        for name in set(names) - self._seen:
            if len(self._seen) < NAMES_SEEN:
                self._seen.add(name)
                self._note(name)

    def _note(self, name: str) -> None:
        columns = [column for column, wanted in self.wanted.items() if wanted == name]
        self.found.update(columns)
        if columns:
            return
        shown = _NAME.fullmatch(name) and not _VALUE.search(name)
        if shown and len(self.unused) < NAMES_SHOWN:
            self.unused.append(name)
        else:
            self.unnamed += 1

    def places(self, file: Path, header: Sequence[str]) -> dict[str, int]:
        """Return where the canonical columns stand in a header, whatever its case.

        Raises HashListError for a missing or doubled column; it does not quote the header, which in a file
        without one is a row of values.
        """
        names = [folded(name) for name in header]
        self.note(names)
        for column, name in self.wanted.items():
            if names.count(name) > 1:
                raise HashListError(f"{file}: more than one column {self.mapped.get(column, column)!r}")
            if not names.count(name) and (column in REQUIRED or column in self.mapped):
                raise HashListError(
                    f"{file}: no column {self.mapped.get(column, column)!r}; the first line names the "
                    f"columns, and columns.{column} in the list's settings maps another name"
                )
        return {column: names.index(name) for column, name in self.wanted.items() if name in names}

    def rows(self, record: Row) -> Iterator[Row | Refusal]:
        """Yield what a record stands for: itself, or each hash of its picture, or that there is none.

        One that ends an entry ends those of all algorithms where it names no hash.
        """
        if not self._algorithms:
            yield record
            return
        common = {column: found for column, found in record.items() if column not in self._algorithms}
        hashes = {name: record.get(name) for name in self._algorithms}
        given = {name: value for name, value in hashes.items() if value not in (None, "", b"")}
        ends = str(record.get("status")).strip().lower() in ENDED
        if not given and not ends:
            yield Refusal.MISSING_VALUE
        for name, value in (given or hashes if ends else given).items():
            yield {**common, "algorithm": name, "value": value}

    def refuse_other_separators(self, file: Path, number: int, header: str) -> None:
        """Raise HashListError for a header that names columns, but with something else between them."""
        if "," in header:
            return
        for separator, word in SEPARATORS.items():
            names = {folded(name.strip(' "\r\n')) for name in header.split(separator)}
            if len(names) > 1 and not names.isdisjoint((*COLUMNS, *self.wanted.values())):
                raise HashListError(
                    f"{file}, line {number}: {word} stand between the columns; save the file with commas"
                )

    def to_dict(self) -> dict[str, Any]:
        """Return the columns that are used for nothing: their names, and how many have none to be shown."""
        return {"unused_columns": sorted(self.unused), "unused_columns_not_named": self.unnamed}

    def describe(self) -> str:
        """Return the columns that are used for nothing in words."""
        others = f"{self.unnamed:,} whose names are not shown, as they may be values" if self.unnamed else ""
        return "columns that are used for nothing: " + ", ".join(filter(None, [*sorted(self.unused), others]))

    def remarks(self) -> list[str]:
        """Name the columns that look like a misspelt one of ours which the file does not have."""
        missing = [column for column in COLUMNS if column not in self.found]
        near = {
            name: difflib.get_close_matches(re.sub("[ .-]", "_", name), missing, 1, 0.7)
            for name in sorted(self.unused)
        }
        return [
            f"column {name!r} is used for nothing: did you mean {column!r}? columns.{column} in the list's "
            "settings maps it"
            for name, columns in near.items()
            for column in columns
        ]
