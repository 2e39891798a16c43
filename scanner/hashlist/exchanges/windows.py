"""The only place that reads all of a range of NCMEC's entries, although the range may change meanwhile.

Pages are not in the order of time, and the address of the next one counts entries from the start of its
range. An entry that is updated meanwhile leaves the range, all behind it move up, and the first of the next
page is passed over. So a range counts as read once what was read is as many entries as the platform said
before and after, or once reading it twice gave the same. Whatever moved is later, and is read next.
"""

import hashlib
from datetime import datetime, timedelta

from scanner.errors import ExchangeError
from scanner.hashlist.exchanges.journal import Journal
from scanner.hashlist.exchanges.ncmec import Answer, Ncmec, states_of
from scanner.hashlist.exchanges.wire import Around, Gone, Malformed

LIMIT = 100_000
"""Entries of a window; the platform wants no longer chains of pages."""

STALE = timedelta(hours=10)
"""Age of the address of a next page beyond which it is not followed any more."""

SECOND = timedelta(seconds=1)

REREADS = 5
"""Readings of a window that may differ before it is halved."""


def pull(ncmec: Ncmec, journal: Journal, around: Around) -> None:
    """Read every entry of the journal's range, window by window; a reading that was stopped goes on.

    Times are whole seconds; a window holds what is later than its beginning, up to its end.
    """
    until = datetime.fromisoformat(journal.until)
    journal.state.pop("readings", None)  # whoever calls again has waited
    while (reached := _reached(journal)) < until:
        _Window(ncmec, journal, around, reached, until).read()


def _reached(journal: Journal) -> datetime:
    return datetime.fromisoformat(journal.state.get("reached", journal.since))


class _Window:
    """The next window of a reading; what is known of it is in the journal's state."""

    def __init__(
        self, ncmec: Ncmec, journal: Journal, around: Around, since: datetime, until: datetime
    ) -> None:
        self._ncmec, self._journal, self._around = ncmec, journal, around
        self._state = journal.state
        seconds = self._state.setdefault("seconds", int((until - since).total_seconds()))
        self._since = since
        self._until = min(until, since + timedelta(seconds=max(seconds, 1)))

    def read(self) -> None:
        """Read the window, or a part of it after a change; note what became of it."""
        try:
            following = self._started()
            while following is not None:
                following = self._put(self._ncmec.page_after(following, self._since, self._until))
        except (Gone, Malformed):
            if not self._state.get("pages"):
                raise ExchangeError(
                    "the exchange knows no entries at its address; is the url of the list right?"
                ) from None
            self._again()  # the chain of addresses is broken, not the entries
            return
        if self._state.get("first_total") is None and self._state["pages"] == 1:
            self._done()  # one page is of one moment
        elif self._steady():
            self._done()
        else:
            self._again()

    def _started(self) -> str | None:
        """Return where the next page is, after reading the first one unless it was read before."""
        state = self._state
        following: str | None = state.get("next")
        if state.get("pages") and self._fresh():
            return following
        answer = self._ncmec.page(self._since, self._until)
        if (answer.total or 0) > LIMIT and self._until - self._since > SECOND:
            width = int((self._until - self._since).total_seconds())
            self._resize(max(1, min(width // 2, width * LIMIT // (answer.total or 1))))
            return self._started()
        state |= {"pages": 0, "entries": 0, "first_total": answer.total, "steady": True}
        return self._put(answer)

    def _fresh(self) -> bool:
        at = datetime.fromisoformat(self._state["asked_at"])
        return self._around.now() - at < STALE

    def _resize(self, seconds: int) -> None:
        self._state["seconds"] = seconds
        self._until = self._since + timedelta(seconds=seconds)
        self._journal.save()

    def _put(self, answer: Answer) -> str | None:
        """Keep a page of the window, and return where the next one is."""
        state, journal = self._state, self._journal
        if answer.next is not None and answer.next == state.get("next"):
            raise Malformed
        journal.put(journal.pages + state["pages"], answer.body)
        steady = answer.next is None or answer.total == state["first_total"]
        state |= {
            "pages": state["pages"] + 1,
            "entries": state["entries"] + answer.entries,
            "next": answer.next,
            "asked_at": self._around.now().isoformat(),
            "steady": state["steady"] and steady,
        }
        journal.save()
        return answer.next

    def _steady(self) -> bool:
        """Tell whether the window was read whole: it held still, or reading it twice gave the same."""
        state = self._state
        states = self._states()
        total, digest = state["first_total"], _digest(states)
        if state.get("digest") == digest:
            return True
        state["digest"] = digest
        again = self._ncmec.page(self._since, self._until)
        return bool(state["steady"]) and again.total == total == len(states)

    def _states(self) -> set[tuple[str, ...]]:
        """Return what the kept pages hold, each entry once."""
        first = self._journal.pages
        pages = map(self._journal.page, range(first, first + self._state["pages"]))
        return {state for page in pages for state in states_of(page.read_bytes())}

    def _done(self) -> None:
        """Take the window's pages in for good; the next window may be wider."""
        state, journal = self._state, self._journal
        seconds = state["seconds"]
        small = state["entries"] < LIMIT // 4
        journal.pages += state["pages"]
        journal.state = {"reached": self._until.isoformat(), "seconds": seconds * 2 if small else seconds}
        journal.save()

    def _again(self) -> None:
        """Drop the window's pages, to read it anew; one that never holds still is halved."""
        state = self._state
        readings = state.get("readings", 0) + 1
        seconds = state["seconds"]
        digest = state.get("digest")
        if readings >= REREADS:
            if self._until - self._since <= SECOND:
                raise ExchangeError(
                    f"the entries of {self._until.isoformat()} changed each time that they were read; the "
                    "same command goes on from here"
                )
            seconds, readings, digest = max(1, int((self._until - self._since).total_seconds()) // 2), 0, None
        kept = {"reached": self._since.isoformat(), "seconds": seconds, "readings": readings}
        self._journal.state = kept | ({} if digest is None else {"digest": digest})
        self._journal.save()


def _digest(states: set[tuple[str, ...]]) -> str:
    text = "\0".join("\1".join(state) for state in sorted(states))
    return hashlib.sha256(text.encode()).hexdigest()
