"""The only place that remembers a reading of an exchange that was begun: its pages, and how far it is."""

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scanner.errors import HashListError
from scanner.hashlist.header import header_of, read_header
from scanner.workspace import json_bytes, make_folder, replace

REMEDY = "remove the folder; the next sync reads these entries again"


@dataclass
class Journal:
    """A reading of a `source` from `since` to `until`, in its words; `state` is what its client notes.

    `pages` are whole and belong to what was read for good; the ones behind them belong to what is under way.
    """

    folder: Path
    source: str
    since: str
    until: str
    pages: int = 0
    state: dict[str, Any] = field(default_factory=dict)

    def save(self) -> None:
        """Keep the journal, at once or not at all; files without a journal's word for them are no pages."""
        facts = {name: value for name, value in asdict(self).items() if name != "folder"}
        replace(self.folder / "journal.json", json_bytes(header_of("sync", facts)))

    def page(self, number: int) -> Path:
        """Return where a page lies."""
        return self.folder / f"{number:06}.page"

    def put(self, number: int, body: bytes) -> None:
        """Keep a page; one that a kill left behind under its name is replaced."""
        replace(self.page(number), body)

    def files(self) -> list[Path]:
        """Return the pages that were read for good."""
        return [self.page(number) for number in range(self.pages)]


def begin(folder: Path, source: str, since: str, until: str) -> Journal:
    """Begin a reading; what another one left is removed."""
    drop(folder)
    make_folder(folder)
    journal = Journal(folder, source, since, until)
    journal.save()
    return journal


def begun(folder: Path) -> Journal | None:
    """Return the reading that was begun, if any; raise HashListError where its journal is damaged."""
    if not (folder / "journal.json").exists():
        return None
    fields: dict[str, type] = {"source": str, "since": str, "until": str, "pages": int, "state": dict}
    header = read_header(folder / "journal.json", "sync", fields, REMEDY)
    journal = Journal(folder, *(header[name] for name in fields))
    if not all(path.is_file() for path in journal.files()):
        raise HashListError(f"{folder}: a page is missing; {REMEDY}")
    return journal


def drop(folder: Path) -> None:
    """Remove a reading: its entries are in a snapshot, or will be read again."""
    shutil.rmtree(folder, ignore_errors=True)
