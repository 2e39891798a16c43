"""The only place that lists a bucket: every version of every object, or the current ones alone."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from scanner.errors import StoreError
from scanner.inventory.item import Item, Resume
from scanner.inventory.page import MARKER, Entry, Page, check_pages, in_order
from scanner.inventory.refusal import NoVersions, refusal
from scanner.records import Listed, ObjectRef
from scanner.retry import Retry
from scanner.target import Place

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

VERSIONS = "versions"
UNVERSIONED = "unversioned"
"""The current objects of a bucket that never had versions: all there is in it."""
CURRENT = "current"
PAGE_OBJECTS = 1000
"""The most that S3 answers at once."""

_NEVER = re.compile(
    rb"\s*(?:<\?xml[^>]*>)?\s*<((?:\w+:)?(?:VersioningConfiguration|GetBucketVersioningResponse))(?:\s[^>]*)?"
    rb"(?:/>|>\s*</\1\s*>)\s*"
)
"""What a bucket says of its versions that never had any: nothing, under the name of S3 or an older one."""

Marker = dict[str, str]


def list_bucket(
    place: Place,
    client: "S3Client",
    retry: Retry,
    resume: Resume | None = None,
    page_objects: int = PAGE_OBJECTS,
) -> Iterator[Item]:
    """Yield what a bucket holds below the prefix, in the store's order, behind `resume`.

    Versions are listed unless the target wants none, the bucket never had any, or the store has no call for
    them; a denied call is never such a case. Raises StoreError that says what to do when the bucket cannot be
    listed.
    """
    bucket = _Bucket(place, client, retry, page_objects)
    kind = bucket.kind() if resume is None else resume[0]
    started = resume is not None
    if kind == VERSIONS:
        try:
            for item in bucket.versions(resume):
                started = True
                yield item
        except NoVersions:
            if started:  # the other listing would name the same objects again
                raise
            kind = CURRENT
        else:
            return
    yield from bucket.objects(kind, resume)


@dataclass(frozen=True)
class _Bucket:
    """A bucket and how to ask for its pages."""

    place: Place
    client: "S3Client"
    retry: Retry
    page_objects: int

    def kind(self) -> str:
        """Tell which listing names all that the target asks for; only a plain answer spares the versions.

        The versions of a bucket that has none are its current objects, and some stores list these better.
        """
        if not self.place.target.versions:
            return CURRENT
        ask: Callable[[], Any] = partial(self.client.get_bucket_versioning, **self._named())
        events = self.client.meta.events
        events.register("before-parse.s3.GetBucketVersioning", _keep_never, unique_id="hashsweep-never")
        try:
            state = self.retry.call(ask)
        except (ClientError, BotoCoreError, ResponseParserError):
            return VERSIONS  # where it matters, the listing meets the same trouble and says so
        return UNVERSIONED if state["Never"] else VERSIONS

    def versions(self, resume: Resume | None) -> Iterator[Item]:
        start = {} if resume is None else {"KeyMarker": resume[1], "VersionIdMarker": resume[2]}
        for page in self._pages(self.client.list_object_versions, start, _next_versions):
            for kind, entry in in_order(page):
                behind = (VERSIONS, entry["Key"], entry.get("VersionId") or "null")
                yield Item(None if kind == MARKER else self._listed(entry), behind)

    def objects(self, kind: str, resume: Resume | None) -> Iterator[Item]:
        start = {} if resume is None else {"StartAfter": resume[1]}
        for page in self._pages(self.client.list_objects_v2, start, _next_current):
            for entry in page.get("Contents", []):
                yield Item(self._listed(entry), (kind, entry["Key"]))

    def _pages(
        self, call: Callable[..., Any], start: Marker, following: Callable[[Page], Marker]
    ) -> Iterator[Page]:
        """Yield pages until the store says that there are no more, or repeats itself."""
        check_pages(self.client)
        marker = start
        while True:
            page = self._ask(partial(call, **self._request(), **marker), versions=following is _next_versions)
            yield page
            if not page["Truncated"]:
                return
            last, marker = marker, following(page)
            if not marker or marker == last:
                raise StoreError(
                    f"{self.place}: the store answers the same page of its listing again and again; "
                    "it cannot be listed whole until that is mended there"
                )

    def _named(self) -> dict[str, Any]:
        owner = self.place.target.expected_owner
        return {"Bucket": self.place.bucket, **({} if owner is None else {"ExpectedBucketOwner": owner})}

    def _request(self) -> dict[str, Any]:
        request = {**self._named(), "Prefix": self.place.prefix, "MaxKeys": self.page_objects}
        if self.place.target.requester_pays:
            request["RequestPayer"] = "requester"
        return request

    def _ask(self, call: Callable[[], Any], versions: bool) -> Page:
        try:
            page: Page = self.retry.call(call)
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            endpoint = self.client.meta.endpoint_url
            raise refusal(self.place, endpoint, error, self.retry.attempts, versions) from None
        if page.get("Ignored"):
            raise NoVersions(f"{self.place}: the store does not list versions; set `versions = false`")
        return page

    def _listed(self, entry: Entry) -> Listed:
        version_id = entry.get("VersionId")
        ref = ObjectRef(
            store=self.place.store,
            bucket=self.place.bucket,
            key=entry["Key"],
            version_id=None if version_id in (None, "", "null") else version_id,
            etag=entry.get("ETag", "").strip('"'),
            size=entry.get("Size", 0),
            last_modified=entry["LastModified"].astimezone(UTC),
            is_latest=entry.get("IsLatest", True),
            storage_class=entry.get("StorageClass"),
        )
        return Listed(ref)


def _keep_never(response_dict: Any, customized_response_dict: Any, **_: Any) -> None:
    """Note whether the answer says in full that there never were versions.

    botocore would read the same from an empty body, or from the plain listing that some gateways answer with.
    """
    customized_response_dict["Never"] = _NEVER.fullmatch(response_dict["body"]) is not None


def _next_versions(page: Page) -> Marker:
    """Return the request for the page behind; an empty marker is an error to S3, so it is left out."""
    marker = {"KeyMarker": page.get("NextKeyMarker"), "VersionIdMarker": page.get("NextVersionIdMarker")}
    if not marker["KeyMarker"]:
        for _, last in in_order(page):
            marker = {"KeyMarker": last["Key"], "VersionIdMarker": last.get("VersionId")}
    return {name: value for name, value in marker.items() if value}


def _next_current(page: Page) -> Marker:
    if page.get("NextContinuationToken"):
        return {"ContinuationToken": page["NextContinuationToken"]}
    last = page.get("Contents", [])[-1:]
    return {"StartAfter": last[0]["Key"]} if last else {}
