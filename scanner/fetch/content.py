"""The only place that decides how much of an object is read, and what of it is kept."""

import io
import time
from dataclasses import dataclass

from scanner.config import Fetch
from scanner.fetch.pace import Clock, Pace
from scanner.fetch.reader import Reader
from scanner.fetch.source import Source, Unreadable
from scanner.fingerprint.digest import Digester, Digests
from scanner.media.sniff import Kind, MediaType, sniff
from scanner.records import ObjectRef, Outcome
from scanner.retry import Retry


@dataclass(frozen=True)
class Content:
    """What reading one object version gave; an outcome of None means that it was read as planned.

    `data` is the body where it is to be decoded, `digests` are there when all bytes were read, and
    `bytes_read` counts every byte that arrived for it.
    """

    outcome: Outcome | None
    reason: str | None
    media: MediaType | None
    data: bytes | None
    digests: Digests | None
    bytes_read: int


def fetch(
    ref: ObjectRef, source: Source, settings: Fetch, retry: Retry, clock: Clock = time.monotonic
) -> Content:
    """Read one object version as far as its first bytes deserve; never raises for trouble with it.

    Small objects take one request. Of a larger one `sniff_bytes` are read first; what is no media is
    left there (unless `read_all`), all else is read to its end for its digests, and pictures are kept.
    What arrives more slowly than `least_bytes_per_second` is `timed_out`.
    """
    if ref.size > settings.max_object_bytes:
        reason = f"larger than max_object_bytes ({settings.max_object_bytes})"
        return Content(Outcome.TOO_LARGE, reason, None, None, None, 0)
    reader = Reader(ref, source, retry, Pace(ref.size, settings, clock))
    try:
        return _read(ref, reader, settings)
    except Unreadable as trouble:
        return Content(trouble.outcome, trouble.reason, None, None, None, reader.received)


def _read(ref: ObjectRef, reader: Reader, settings: Fetch) -> Content:
    single = ref.size <= settings.single_get_bytes
    digester, body = Digester(), Body()
    for chunk in reader.until(ref.size if single else min(settings.sniff_bytes, ref.size)):
        digester.update(chunk)
        body.append(chunk)
    media = sniff(body.whole()[: settings.sniff_bytes])
    if media.kind is Kind.OTHER and not single and not settings.read_all:
        reason = f"no media in its first {reader.position} bytes"
        return Content(Outcome.NOT_MEDIA, reason, media, None, None, reader.received)
    plan = _plan(ref, media, settings)
    if not plan.keep:
        body = Body()
    if reader.position < ref.size:
        for chunk in reader.until(ref.size):
            digester.update(chunk)
            if plan.keep:
                body.append(chunk)
    data = body.whole() if plan.keep else None
    return Content(plan.outcome, plan.reason, media, data, digester.digests(), reader.received)


@dataclass(frozen=True)
class _Plan:
    """Whether a body is kept to be decoded, and why not where that is a gap."""

    keep: bool
    outcome: Outcome | None = None
    reason: str | None = None


def _plan(ref: ObjectRef, media: MediaType, settings: Fetch) -> _Plan:
    if media.kind is Kind.PICTURE:
        if ref.size <= settings.max_picture_bytes:
            return _Plan(keep=True)
        reason = f"picture larger than max_picture_bytes ({settings.max_picture_bytes})"
        return _Plan(False, Outcome.TOO_LARGE, reason)
    # The decoder knows more formats than the first bytes show, and small objects are in memory anyway.
    return _Plan(keep=media.kind is Kind.OTHER and ref.size <= settings.single_get_bytes)


class Body:
    """Collects chunks without ever holding two copies of the whole."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()

    def append(self, chunk: bytes) -> None:
        """Add the next bytes; the first chunk is shared, not copied."""
        if self._bytes.tell():
            self._bytes.write(chunk)
        else:
            self._bytes = io.BytesIO(chunk)
            self._bytes.seek(len(chunk))

    def whole(self) -> bytes:
        """Return everything so far; the buffer itself, not a copy of it."""
        return self._bytes.getvalue()
