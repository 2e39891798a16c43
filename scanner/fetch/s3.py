"""The only place that reads S3 objects: exactly the listed version, with boto3, or faster with obstore.

boto3 reads every key and names every error. obstore reads canonical keys once it has read a first object
of the bucket as boto3 does; an object that it stumbles over is boto3's until it is read.
"""

import contextlib
import logging
import re
import threading
from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

from botocore.awsrequest import AWSPreparedRequest
from obstore.store import S3Store

from scanner.config import Fetch
from scanner.fetch import canonical
from scanner.fetch.answer import Answer, Ask, ask_for, stream_of
from scanner.fetch.canonical import Sent
from scanner.fetch.pace import Clock, Pace
from scanner.fetch.refusal import TROUBLE, understood
from scanner.fetch.source import CHUNK, Interrupted, Stream, Unreadable
from scanner.records import ObjectRef, Outcome
from scanner.s3 import client_of
from scanner.target import Place

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from urllib3 import BaseHTTPResponse

LOGGER = logging.getLogger(__name__)

TRIAL_BYTES = 64 << 10
TRIALS = 3
"""How often obstore may fail to read what boto3 has just read before a source does without it."""

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")


class _ThisThread(threading.local):
    """What one thread's last requests came to: an object's attempts follow each other in one thread."""

    sent: Sent = Sent("", None)
    stumbled: Hashable = None


class Bucket:
    """The object versions of one bucket, read with the access that its target names."""

    def __init__(self, place: Place, settings: Fetch, clock: Clock) -> None:
        self._place = place
        self._settings = settings
        self._clock = clock
        self._client = client_of(place.target, settings.timeout_seconds, max(16, settings.in_flight))
        self._client.meta.events.register("before-send.s3.GetObject", self._note)
        self._here = _ThisThread()
        self._obstore: S3Store | None = None
        # obstore cannot send the header that names the expected owner
        self._trials = 0 if place.target.expected_owner else TRIALS
        self._trial = threading.Lock()

    @contextlib.contextmanager
    def open(self, ref: ObjectRef, start: int = 0, stop: int | None = None) -> Iterator[Stream]:
        """Open bytes [start, stop) of a version, on condition that it still has the listed ETag."""
        ask = ask_for(ref, start, ref.size if stop is None else min(stop, ref.size))
        try:
            with contextlib.closing(self._answer(ask)) as answer:
                yield stream_of(answer, ask)
        except Interrupted:
            self._here.stumbled = ref.identity
            raise
        self._here.stumbled = None

    def _answer(self, ask: Ask) -> Answer:
        """Send a request; what obstore says of an error is asked of boto3 again, which names the code."""
        store = self._obstore_for(ask.ref)
        if store is not None:
            try:
                return canonical.answer(store, ask)
            except TROUBLE as error:
                trouble = understood(error)
                if isinstance(trouble, Interrupted):  # not at once: the store may be asking for patience
                    raise trouble from None
        return self._boto3(ask)

    def _boto3(self, ask: Ask) -> Answer:
        """Send a request with boto3; raise Unreadable or Interrupted.

        What was listed without a version may have been overwritten or deleted in a bucket with versions:
        there it stays stored, as the version `null`.
        """
        try:
            return self._got(ask, self._request(ask))
        except Unreadable as trouble:
            if ask.version_id is None and trouble.outcome in (Outcome.GONE, Outcome.CHANGED):
                with contextlib.suppress(Unreadable, Interrupted):  # some stores answer 500 to that name
                    return self._got(ask, {**self._request(ask), "VersionId": "null"})
            raise

    def _got(self, ask: Ask, request: dict[str, Any]) -> Answer:
        try:
            response = self._client.get_object(**request)
        except TROUBLE as error:
            raise understood(error) from None
        total = response.get("ContentLength", ask.ref.size)  # missing where bodies come in HTTP's own chunks
        start, stop = 0, total
        if span := _CONTENT_RANGE.match(response.get("ContentRange", "")):
            start, stop, total = int(span[1]), int(span[2]) + 1, int(span[3])
        body = response["Body"]
        chunks = _arriving(body, min(CHUNK, max(ask.stop - start, 1)))
        return Answer(start, stop, total, response.get("ETag"), chunks, body.close)

    def _request(self, ask: Ask) -> dict[str, Any]:
        request = {
            "Bucket": self._place.bucket,
            "Key": ask.ref.key,
            "VersionId": ask.version_id,
            "IfMatch": ask.if_match,
            "Range": f"bytes={ask.start}-{ask.stop - 1}" if ask.ranged else None,
            "ExpectedBucketOwner": self._place.target.expected_owner,
            "RequestPayer": "requester" if self._place.target.requester_pays else None,
        }
        return {name: value for name, value in request.items() if value}

    def _note(self, request: AWSPreparedRequest, **_: object) -> None:
        """Remember where boto3 sends this thread's request to."""
        self._here.sent = Sent.by(request)

    def _obstore_for(self, ref: ObjectRef) -> S3Store | None:
        """Return obstore where it may read this object; put it on trial with the first such object."""
        if ref.identity == self._here.stumbled or not canonical.is_canonical(ref.key):
            return None
        if self._obstore is None and self._trials and ref.size and self._trial.acquire(blocking=False):
            try:
                self._obstore = self._obstore or self._tried(ref)
            finally:
                self._trial.release()
        return self._obstore

    def _tried(self, ref: ObjectRef) -> S3Store | None:
        """Read the head of an object through both clients; return obstore when they agree."""
        ask = Ask(ref, 0, min(ref.size, TRIAL_BYTES), ranged=True)
        head = self._read(self._boto3(ask), ask)
        try:
            store = canonical.store_of(self._here.sent, ref.key, self._place, self._settings.timeout_seconds)
            if store is not None and self._read(canonical.answer(store, ask), ask) == head:
                return store
            self._trials, verdict = 0, "cannot ask as boto3 does" if store is None else "reads other bytes"
        except (*TROUBLE, Unreadable) as error:
            self._trials, verdict = self._trials - 1, f"failed ({type(error).__name__})"
        if not self._trials:
            LOGGER.warning("%s: read with boto3 alone, which is slower: obstore %s", self._place, verdict)
        return None

    def _read(self, answer: Answer, ask: Ask) -> bytes:
        with contextlib.closing(answer):
            return b"".join(Pace(ask.stop, self._settings, self._clock).keep(stream_of(answer, ask)))


def _arriving(body: "StreamingBody", most: int) -> Iterator[bytes]:
    """Yield bytes as they arrive, up to `most` at a time; iter_chunks would wait until it has as many."""
    with cast("AbstractContextManager[BaseHTTPResponse]", body) as raw:  # urllib3's own, once it is entered
        while chunk := raw.read1(most):
            yield chunk
