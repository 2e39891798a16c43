"""The only place that says what an S3 read asks for, and whether an answer is about the listed version."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scanner.fetch.refusal import TROUBLE, understood
from scanner.fetch.source import Stream, Unreadable
from scanner.records import ObjectRef, Outcome


@dataclass(frozen=True)
class Ask:
    """Bytes [start, stop) of one version; `ranged` says whether that needs a Range header."""

    ref: ObjectRef
    start: int
    stop: int
    ranged: bool

    @property
    def version_id(self) -> str | None:
        """The version to name: none for what is (or was, when it was listed) the only or newest one."""
        if self.ref.version_id is None and not self.ref.is_latest:
            return "null"
        return self.ref.version_id

    @property
    def if_match(self) -> str | None:
        """The listed ETag as If-Match wants it; None where the store lists none."""
        etag = _bare(self.ref.etag)
        return f'"{etag}"' if etag else None


@dataclass(frozen=True)
class Answer:
    """What a store answered: bytes [start, stop) of an object of `total` bytes with this ETag."""

    start: int
    stop: int
    total: int
    etag: str | None
    chunks: Iterator[bytes]
    close: Callable[[], None]


def ask_for(ref: ObjectRef, start: int, stop: int) -> Ask:
    """Return what to ask for; a range only where it is needed, since no range fits an empty object."""
    return Ask(ref, start, stop, ranged=start > 0 or stop < ref.size)


def stream_of(answer: Answer, ask: Ask) -> Stream:
    """Return the bytes that were asked for; Unreadable when the answer is about something else.

    Stores that ignore If-Match answer with whatever is there now; those that ignore Range with all of it.
    """
    listed, answered = _bare(ask.ref.etag), _bare(answer.etag or "")
    if listed and answered and listed != answered:
        raise Unreadable(Outcome.CHANGED, "ETag differs from the listing")
    if answer.total != ask.ref.size:
        raise Unreadable(Outcome.CHANGED, "size differs from the listing")
    if answer.start > ask.start:
        raise Unreadable(Outcome.FAILED, "the store sent another range than it was asked for")
    return Stream(
        _steady(answer.chunks),
        take=ask.stop - ask.start,
        skip=ask.start - answer.start,
        beyond=answer.stop > ask.stop,
    )


def _bare(etag: str) -> str:
    """Return an ETag without its quotes, and without the mark of a proxy that repacked what it passed on."""
    return etag.removeprefix("W/").strip('"')


def _steady(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except TROUBLE as error:
        raise understood(error) from None
