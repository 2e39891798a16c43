"""The only place that knows the calls of NCMEC's hash-sharing platform, version 2."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree
from xml.parsers import expat
from xml.sax.saxutils import escape

from scanner.errors import ConfigError, ExchangeError, HashListError
from scanner.hashlist.exchanges.wire import Malformed, Wire, utc_text
from scanner.hashlist.formats.ncmec import NAMESPACE, Element, Page, entries_of

ENTRIES = "/v2/entries"

TYPES = (
    "MD5",
    "SHA1",
    "PDNA",
    "PDQ",
    "NETCLEAN",
    "VIDENTIFIER",
    "TMK_PDQF",
    "SSVH_PDNA",
    "SSVH_SAFER_HASH",
    "TMK_SAFER_HASH",
)
"""Kinds of hashes that feedback may speak of; the last two are two spellings of one."""


@dataclass(frozen=True)
class Answer:
    """One page of entries: its bytes, how many there are, and where the next page is."""

    body: bytes
    entries: int
    next: str | None

    @property
    def total(self) -> int | None:
        """Return how many entries the platform says the range has, where it says so."""
        values = parse_qs(urlsplit(self.next or "").query).get("max", [""])
        return int(values[0]) if values[0].isascii() and values[0].isdigit() else None


@dataclass(frozen=True)
class Account:
    """Who the platform says that the credentials are."""

    username: str
    member: str
    name: str


@dataclass(frozen=True)
class Named:
    """Something with a guid and a name: a reason for feedback, or a category."""

    guid: str
    name: str
    group: str


class Ncmec:
    """Asks the platform; see `Wire` for what it raises."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def status(self) -> Account:
        """Return who the credentials are."""
        root = self._wire.get("/v2/status", lambda body: _tree(body, "status"))
        member = root.find(f"{{{NAMESPACE}}}member")
        username = root.findtext(f"{{{NAMESPACE}}}username", "").strip()
        if member is None:
            raise ExchangeError("the exchange does not say whose the credentials are; is the address right?")
        return Account(username, member.get("id", ""), (member.text or "").strip())

    def members(self) -> dict[str, str]:
        """Return the names of all members by their ids."""
        root = self._wire.get("/v2/members", _tree)
        return {one.get("id", ""): (one.text or "").strip() for one in _all(root, "member")}

    def categorizations(self) -> list[Named]:
        """Return the categories that entries of this environment may have, by group."""
        root = self._wire.get("/v2/categorizations", lambda body: _tree(body, "availableCategorizations"))
        return [
            Named(one.get("guid", ""), one.get("name", ""), group.get("name", ""))
            for group in _all(root, "group")
            for one in _all(group, "categorization")
        ]

    def feedback_reasons(self, kind: str) -> list[Named]:
        """Return what may be wrong with a hash of some kind."""
        path = f"/v2/feedback/{_kind(kind)}/reasons"
        root = self._wire.get(path, lambda body: _tree(body, "availableFeedbackReasons"))
        found = _all(root, "reason")
        return [Named(one.get("guid", ""), one.get("name", ""), one.get("type", kind)) for one in found]

    def give_feedback(self, member: str, entry: str, kind: str, reasons: Sequence[str]) -> None:
        """Say that a hash of an entry is right, or, with the guids of reasons, that it is not."""
        said = "".join(f"<guid>{escape(reason)}</guid>" for reason in reasons)
        opinion = f"<negative><reasonIds>{said}</reasonIds></negative>" if reasons else "<affirmative/>"
        head = f'<?xml version="1.0" encoding="UTF-8"?><feedbackSubmission xmlns="{NAMESPACE}">'
        body = f"{head}{opinion}</feedbackSubmission>"
        path = f"{ENTRIES}/{quote(member, safe='')}/{quote(entry, safe='')}/{_kind(kind)}/feedback"
        self._wire.put(path, body.encode(), "application/xml; charset=utf-8")

    def large_fingerprints(self, member: str, entry: str, at: datetime) -> Iterator[tuple[str, bytes]]:
        """Yield the kinds and bytes of an entry's hashes that are only linked; `at` is when it was modified.

        The links are asked for anew each time, as the platform wants it.
        """
        second = timedelta(seconds=1)
        since, until = at.replace(microsecond=0) - second, at.replace(microsecond=0) + second
        answer: Answer | None = self.page(since, until)
        while answer is not None:
            for found in entries_of(io.BytesIO(answer.body), "page", Page()):
                whose = (found.child("member").attributes.get("id"), found.child("id").text.strip())
                if whose == (member, entry):
                    yield from self._linked(found)
            answer = None if answer.next is None else self.page_after(answer.next, since, until)

    def _linked(self, entry: Element) -> Iterator[tuple[str, bytes]]:
        for one in entry.child("fingerprints").children:
            href = one.attributes.get("href", "")
            if href.startswith("/") and not href.startswith("//"):
                yield one.name, self._wire.get(href, lambda body: body)

    def page(self, since: datetime, until: datetime) -> Answer:
        """Return the first page of the entries whose latest state is later than `since`, up to `until`."""
        params = {"from": utc_text(since), "to": utc_text(until)}
        return self._wire.get(ENTRIES, _page, params)

    def page_after(self, following: str, since: datetime, until: datetime) -> Answer:
        """Return the page that another one named; raise Malformed where that is of another range."""
        parts = urlsplit(following)
        asked = parse_qs(parts.query)
        if parts.scheme or parts.netloc or parts.path != ENTRIES:
            raise Malformed
        for name, moment in (("from", since), ("to", until)):
            if not _same(asked.get(name, [""])[0], moment):
                raise Malformed
        return self._wire.get(following, _page)


def _same(text: str, moment: datetime) -> bool:
    try:
        return datetime.fromisoformat(text) == moment
    except (ValueError, TypeError):
        return False


def _kind(kind: str) -> str:
    if kind.upper() not in TYPES:
        raise ConfigError(f"{kind!r}: no kind of hash of the platform; known are {', '.join(TYPES)}")
    return kind.upper()


def _page(body: bytes) -> Answer:
    page = Page()
    for _ in states_of(body, page):
        pass
    return Answer(body, page.entries, page.next)


def states_of(body: bytes, page: Page | None = None) -> Iterator[tuple[str, ...]]:
    """Yield kind, member, id and time of each entry of a page; raise Malformed where it is none."""
    try:
        for entry in entries_of(io.BytesIO(body), "page", page or Page()):
            member, texts = entry.child("member").attributes.get("id", ""), ("id", "timestamp")
            yield entry.name, member, *(entry.child(name).text.strip() for name in texts)
    except HashListError:
        raise Malformed from None


def _all(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return element.findall(f"{{{NAMESPACE}}}{name}")


def _tree(body: bytes, root: str | None = None) -> ElementTree.Element:
    """Return a small document; raise Malformed for one that is none, has a document type or another root."""
    guard = expat.ParserCreate()
    guard.StartDoctypeDeclHandler = _refuse_doctype
    try:
        guard.Parse(body, True)
        tree = ElementTree.fromstring(body)  # noqa: S314 (what has a document type was refused above)
    except (expat.ExpatError, ElementTree.ParseError, ValueError, LookupError):
        raise Malformed from None
    namespace, _, name = tree.tag.rpartition("}")
    if namespace != f"{{{NAMESPACE}" or root not in (None, name):
        raise Malformed
    return tree


def _refuse_doctype(*_: object) -> None:
    raise Malformed
