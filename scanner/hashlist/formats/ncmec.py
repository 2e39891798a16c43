"""The only place where answers of NCMEC's hash-sharing platform, version 2, are read: entries as XML.

A document is a page of what changed, or a dump of gigabytes. Nothing is ever expanded: a document type is
refused, and what an entry may take of depth and room is bounded.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats.opinions import opinion_tags, status_of
from scanner.hashlist.row import Numbered, Row
from scanner.hashlist.values import Refusal, algorithm_of

NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
ROOT = "queryResult"

BLOCKS = {"images": "image", "videos": "video"}
"""Where the entries of a kind stand."""

SCHEME = "ncmec"

MAX_DEPTH = 16
MAX_ENTRY = 1 << 20
"""Bytes that are read for one entry."""

CHUNK = 1 << 14


class _Refused(Exception):
    """Carries what no page of entries has from where it is seen to `entries_of`, and no further."""


@dataclass
class Page:
    """What a page says beside its entries: how many there are, and where the next page is."""

    entries: int = 0
    next: str | None = None


@dataclass
class Element:
    """An entry, or an element of one."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def child(self, name: str) -> "Element":
        """Return the first child of a name; an empty one where there is none."""
        return next((one for one in self.children if one.name == name), Element(name, {}))

    def within(self, name: str) -> Iterator["Element"]:
        """Yield all elements of a name beneath this one."""
        for one in self.children:
            if one.name == name:
                yield one
            yield from one.within(name)


def read_ncmec(file: Path, columns: FileColumns) -> Iterator[Numbered]:
    """Yield a row for each hash of each entry; the rows of an entry share its number."""
    del columns
    with file.open("rb") as stream:
        yield from rows_of(stream, str(file), Page())


def rows_of(stream: BinaryIO, name: str, page: Page) -> Iterator[Numbered]:
    """Yield the rows of a document, and note what it says beside them; see `entries_of`."""
    for number, entry in enumerate(entries_of(stream, name, page), 1):
        for row in _rows(entry):
            yield number, row


def entries_of(stream: BinaryIO, name: str, page: Page) -> Iterator[Element]:
    """Yield the entries of a document in its order; `page` is filled once they are all out.

    Raises HashListError, which quotes nothing of the document, for what is no such document, is cut off, has
    a document type, or holds another number of entries than it says.
    """
    reader = _Reader()
    try:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            reader.feed(chunk)
            page.entries += len(reader.entries)
            yield from reader.taken()
        reader.feed(b"", True)
    except expat.ExpatError:
        raise HashListError(
            f"{name}: cut off, or not XML, behind entry {page.entries}; fetch it again"
        ) from None
    except _Refused as refused:
        raise HashListError(f"{name}: {refused} (behind entry {page.entries})") from None
    page.next = reader.next.strip() or None


class _Reader:
    """Turns the events of a parser into entries."""

    def __init__(self) -> None:
        self.entries: list[Element] = []
        self.next = ""
        self._path: list[str] = []
        self._open: list[Element] = []
        self._since = self._counted = 0
        self._said: int | None = None
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.XmlDeclHandler = self._declared
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def feed(self, chunk: bytes, last: bool = False) -> None:
        """Take in the next bytes."""
        self._since += len(chunk)
        self._parser.Parse(chunk, last)
        if self._since > MAX_ENTRY:
            raise _Refused(f"an entry of more than {MAX_ENTRY} bytes; not a list")

    def taken(self) -> list[Element]:
        """Return the entries that ended since the last call."""
        taken, self.entries = self.entries, []
        return taken

    def _doctype(self, *_: object) -> None:
        raise _Refused("has a document type, which no answer of the platform has; not read")

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        del version, standalone
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            raise _Refused("not in UTF-8; convert it first")

    def _start(self, full_name: str, attributes: dict[str, str]) -> None:
        namespace, _, name = full_name.rpartition(" ")
        if not self._path and (namespace, name) != (NAMESPACE, ROOT):
            raise _Refused(f"not a {ROOT} of {NAMESPACE}")
        self._path.append(name)
        if len(self._path) > MAX_DEPTH:
            raise _Refused(f"nested more than {MAX_DEPTH} deep; not a list")
        if self._open or (len(self._path) == 3 and self._path[1] in BLOCKS):
            element = Element(name, attributes)
            if self._open:
                self._open[-1].children.append(element)
            self._open.append(element)
        elif len(self._path) == 2 and name in BLOCKS:
            count = attributes.get("count", "")
            self._said = int(count) if count.isascii() and count.isdigit() and len(count) < 16 else None
            self._counted = 0

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text
        elif self._path == [ROOT, "paging", "next"]:
            self.next += text

    def _end(self, _: str) -> None:
        name = self._path.pop()
        if self._open:
            entry = self._open.pop()
            if not self._open:
                self.entries.append(entry)
                self._counted += 1
                self._since = 0
        elif len(self._path) == 1 and name in BLOCKS and self._said not in (None, self._counted):
            raise _Refused(f"{name}: {self._counted} entries, not {self._said} as it says; fetch it again")


def _rows(entry: Element) -> Iterator[Row | Refusal]:
    kind = entry.name.removeprefix("deleted").lower()
    ends = entry.name.startswith("deleted")
    member, entry_id = entry.child("member").attributes.get("id", "").strip(), entry.child("id").text.strip()
    if kind not in BLOCKS.values() or not member or not entry_id:
        yield Refusal.MALFORMED_ROW
        return
    common: Row = {
        "entry_id": entry_id,
        "member": member,
        "scheme": SCHEME,
        "modified_at": entry.child("timestamp").text.strip(),
        "media_type": kind,
    }
    if ends:  # which hash it names is a formality: a record of a log ends all hashes that its id had
        yield {**common, "algorithm": "md5", "value": None, "status": "deleted", "modified_at": _time(entry)}
        return
    classification = entry.child("classification").text.strip() or None
    by, against = _opinions(entry)
    hashes = entry.child("fingerprints").children
    for one in (one for one in hashes if one.text.strip()):
        named = algorithm_of(one.name)
        yield {
            **common,
            "algorithm": one.name,
            "value": one.text.strip(),
            "classification": classification,
            "status": status_of(True, bool(against[named])),  # its uploader vouches for it
            "tags": opinion_tags(by[named], against[named]),
        }
    if not any(one.text.strip() for one in hashes):  # large fingerprints are links, and nothing matches them
        yield Refusal.UNSUPPORTED_ALGORITHM if hashes else Refusal.MISSING_VALUE


def _time(entry: Element) -> str | None:
    """Return when an entry ended, or None where that cannot be read: it is ended all the same."""
    text = entry.child("timestamp").text.strip()
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return None
    return text


def _opinions(entry: Element) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return the members that affirm each kind of hash of an entry, and those that are against it."""
    by: dict[str, set[str]] = defaultdict(set)
    against: dict[str, set[str]] = defaultdict(set)
    for feedback in entry.child("feedback").children:
        said = {"affirmativeFeedback": by, "negativeFeedback": against}.get(feedback.name)
        if said is not None:
            kind = algorithm_of(feedback.attributes.get("type", ""))
            members = [one.attributes.get("id", "").strip() for one in feedback.within("member")]
            said[kind].update(filter(None, members))
            if said is against and not members:
                said[kind].add("unknown")
    return by, against
