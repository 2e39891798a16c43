"""A hash-sharing platform as NCMEC's, version 2, with its traps: see what `Platform` says of them."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode

from tests.exchanges.serving import Exchange
from tests.unit.hashlist.formats.documents import NAMESPACE, deleted, live, page

USER, PASSWORD = "provider", "correct horse"
DAY = datetime(2026, 1, 5, tzinfo=UTC)


def text_of(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def place(key):
    """Return what entries are sorted by in pages: nothing that has to do with time."""
    return sha256(" ".join(key).encode()).digest()


@dataclass
class State:
    """The latest state of an entry, which is all that the platform ever shows."""

    at: datetime
    hashes: dict = field(default_factory=dict)
    kind: str = "image"
    gone: bool = False
    classification: str = "A1"

    def xml(self, member, name):
        if self.gone:
            return deleted(name, f"deleted{self.kind.title()}", member, text_of(self.at))
        entry = live(name, self.kind, member, text_of(self.at), **self.hashes)
        return entry.replace("<classification>A1<", f"<classification>{self.classification}<")


class Platform(Exchange):
    """Entries come in no order of time; pages of a range are counted off from its start when asked for.

    So what is updated while a range is read leaves it, and the entries behind it move up. The address of a
    next page is known only as it was given, and `lasts` requests long. `total` says whether addresses tell
    how many entries there are. `moves` is called before each page, with the number of the request.
    """

    root = "/hashsharing"

    def __init__(self, entries=(), page_size=1000, lasts=10**9, total=True, moves=None, fault=None):
        super().__init__(fault)
        self.entries = dict(entries)
        self.page_size, self.lasts, self.total = page_size, lasts, total
        self.moves = moves or (lambda number, platform: None)
        self.links = {}
        self.ever = set()
        self.told = []
        self.files = {"/v2/entries/45/v1/large/tmk-pdqf": b"\x00large\xff"}

    def truth(self, until=None):
        """Return what a copy of the platform holds: kind of entry, member, id, algorithm and value."""
        return {
            (state.kind, member, name, kind, value, state.classification)
            for (member, name), state in self.entries.items()
            for kind, value in state.hashes.items()
            if not state.gone and (until is None or state.at <= until)
        }

    def answer(self, method, path, query, headers, sent):
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if headers.get("Authorization") != wanted:
            return 401, b"who are you?"
        if path == "/v2/entries":
            return self._entries(query)
        if method == "PUT" and path.endswith("/feedback"):
            self.told.append((path, sent.decode()))
            return 200, f'<submissionResult xmlns="{NAMESPACE}"/>'.encode()
        known = SMALL | self.files
        return (200, known[path]) if path in known else (404, b"nothing")

    def _entries(self, query):
        self.ever |= self.truth()
        self.moves(len(self.requests), self)
        self.ever |= self.truth()
        since, until = (datetime.fromisoformat(query[name]) for name in ("from", "to"))
        start = int(query.get("start", 1))
        asked = urlencode(sorted(query.items()))
        if "start" in query and not 0 <= len(self.requests) - self.links.get(asked, -(10**10)) <= self.lasts:
            return 400, b"no such range"
        found = sorted(
            (place((member, name)), member, name, state)
            for (member, name), state in self.entries.items()
            if since < state.at <= until
        )
        shown = found[start - 1 : start - 1 + self.page_size]
        following = None
        if start - 1 + self.page_size < len(found):
            further = {
                "from": text_of(since).replace("Z", ".000Z"),
                "to": text_of(until).replace("Z", ".000Z"),
            }
            further |= {"start": str(start + self.page_size), "size": str(self.page_size)}
            if self.total:
                further["max"] = str(len(found))
            self.links[urlencode(sorted(further.items()))] = len(self.requests)
            following = "/v2/entries?" + urlencode(further)
        blocks = [
            [state.xml(member, name) for _, member, name, state in shown if state.kind == kind]
            for kind in ("image", "video")
        ]
        return 200, page(*blocks, following).encode()


SMALL = {
    "/v2/status": f'<status xmlns="{NAMESPACE}"><ipAddress>127.0.0.1</ipAddress><username>{USER}</username>'
    '<member id="7">Example Provider</member></status>',
    "/v2/members": f'<members xmlns="{NAMESPACE}"><member id="45">Take It Down</member>'
    '<member id="7">Example Provider</member></members>',
    "/v2/categorizations": f'<availableCategorizations xmlns="{NAMESPACE}"><group name="Content" '
    'allowMultiple="true"><categorization guid="c-1" name="Anime"/></group></availableCategorizations>',
    "/v2/feedback/MD5/reasons": f'<availableFeedbackReasons xmlns="{NAMESPACE}"><reason guid="r-1" '
    'name="Not illegal" type="Md5"/></availableFeedbackReasons>',
}
SMALL = {path: f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode() for path, text in SMALL.items()}


def entries(count, at=DAY, step=timedelta(minutes=1), member="45"):
    """Return so many entries, each with an MD5, made one after the other."""
    return {
        (member, f"e{number:05}"): State(at + number * step, {"md5": sha256(b"%d" % number).hexdigest()[:32]})
        for number in range(count)
    }
