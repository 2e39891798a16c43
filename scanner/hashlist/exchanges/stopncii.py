"""The only place that knows the calls of StopNCII.org, and how all of what changed is read there."""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from scanner.errors import ExchangeError
from scanner.hashlist.exchanges.journal import Journal
from scanner.hashlist.exchanges.wire import Around, CutOff, Gone, Malformed, Wire

START = 10
"""The timestamp that means the beginning."""

SIZES = (800, 100, 10, 1)
"""Records of a page; smaller ones are tried where a page does not arrive whole."""

STALE = timedelta(hours=10)
"""Age of a page's token beyond which it is not used any more."""

MAX_PAGES = 1_000_000

READINGS = 10
"""Readings that may differ from one another before it is given up."""


@dataclass(frozen=True)
class Answer:
    """One page: its bytes, the token of the next one if there is any, and up to when it is."""

    body: bytes
    token: str | None
    upper: int


class StopNcii:
    """Asks the exchange; see `Wire` for what it raises."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def page(self, since: int, size: int, token: str | None) -> Answer:
        """Return a page of what changed since a time, in seconds; the first one where there is no token."""
        params = {"startTimestamp": str(since), "pageSize": str(size)}
        return self._wire.get(
            "/FetchHashes", _page, params | ({} if token is None else {"nextPageToken": token})
        )


def _page(body: bytes) -> Answer:
    """Return what an answer says; raise Malformed where it is none, cut off, or says another count."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed from None
    records = said.get("hashRecords") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(records, list):
        raise Malformed
    count, more, token = (said.get(name) for name in ("count", "hasMoreRecords", "nextPageToken"))
    if isinstance(count, int) and count != len(records):
        raise Malformed
    if more and not (isinstance(token, str) and token):
        raise Malformed
    upper = said.get("nextSetTimestamp")
    return Answer(body, token if more else None, upper if isinstance(upper, int) else 0)


def pull(exchange: StopNcii, journal: Journal, around: Around) -> int:
    """Read every page since the journal's beginning; a reading that was stopped goes on.

    Records that change meanwhile may move others from a page that is still to come to one that was read. So
    several pages count once reading them twice gave the same, but for what is newer than the reading. Returns
    where the next reading begins: never before this one did. The last page says it, for the times of single
    pages go back and forth.
    """
    since = int(journal.since)
    journal.state.pop("readings", None)  # whoever calls again has waited
    while not journal.state.get("finished"):
        _read(exchange, journal, around, since)
        if journal.pages > 1 and _changed(journal):
            _again(journal)
        else:
            journal.state["finished"] = True
            journal.save()
    return max(since, int(journal.state["upper"]))


def _read(exchange: StopNcii, journal: Journal, around: Around, since: int) -> None:
    """Read the pages that are still to come."""
    state = journal.state
    while (token := state.get("token")) is not None or not journal.pages:
        if token is not None and around.now() - datetime.fromisoformat(state["asked_at"]) >= STALE:
            _restart(journal)
            continue
        try:
            answer = _some(exchange, since, token)
        except Gone:
            if token is None:
                raise ExchangeError(
                    "the exchange knows no hashes at its address; is the url of the list right?"
                ) from None
            _restart(journal)
            continue
        if answer.token is not None and (answer.token == token or journal.pages >= MAX_PAGES):
            raise ExchangeError("the exchange names the same page again and again; try again later")
        journal.put(journal.pages, answer.body)
        journal.pages += 1
        state |= {"token": answer.token, "asked_at": around.now().isoformat(), "upper": answer.upper}
        journal.save()


def _changed(journal: Journal) -> bool:
    """Tell whether this reading differs from the one before, if any; remember what it gave."""
    until, records = datetime.fromisoformat(journal.until).timestamp(), set()
    for file in journal.files():
        for record in json.loads(file.read_bytes())["hashRecords"]:
            at = record.get("lastModtimestamp") if isinstance(record, dict) else None
            if not isinstance(at, int) or at <= until:
                records.add(json.dumps(record, sort_keys=True))
    digest = hashlib.sha256("\0".join(sorted(records)).encode("utf-8", "surrogatepass")).hexdigest()
    before, journal.state["digest"] = journal.state.get("digest"), digest
    return before != digest


def _again(journal: Journal) -> None:
    readings = journal.state.get("readings", 1) + 1
    if readings > READINGS:
        _restart(journal)
        raise ExchangeError("the hashes changed each time that they were read; try again later")
    digest = journal.state["digest"]
    _restart(journal)
    journal.state |= {"digest": digest, "readings": readings}
    journal.save()


def _restart(journal: Journal) -> None:
    """Begin again: the token is too old, and what it stood for may be gone."""
    journal.pages = 0
    journal.state.clear()
    journal.save()


def _some(exchange: StopNcii, since: int, token: str | None) -> Answer:
    """Return a page, a smaller one where a large one does not arrive whole (ThreatExchange #2004)."""
    for size in SIZES[:-1]:
        with contextlib.suppress(CutOff):
            return exchange.page(since, size, token)
    return exchange.page(since, SIZES[-1], token)
