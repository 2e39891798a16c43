"""The only place that tells a page of a listing from any other answer, and in which order it names things."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.parsers import ResponseParserError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

VERSION, MARKER = b"VD"

Entry = dict[str, Any]
Page = dict[str, Any]

_PREFIX = rb"<(?:[\w.-]+:)?"
_ENTRY = re.compile(_PREFIX + rb"(?:(V)ersion|(D)eleteMarker)[\s>]")
_OBJECTS = re.compile(_PREFIX + rb"ListBucket(?:V2)?Result[\s/>]")
_VERSIONS = re.compile(_PREFIX + rb"List(?:Bucket)?Versions(?:V2)?Result[\s/>]")
_NAMED = re.compile(_PREFIX + rb"(?:Contents|Version|DeleteMarker)[\s>]")
_TRUNCATED = re.compile(_PREFIX + rb"IsTruncated[^>]*>\s*(true|false)\s*<", re.IGNORECASE)
_ROOT_BYTES = 4096


def check_pages(client: "S3Client") -> None:
    """Let a client refuse what is no page of a listing as it refuses a cut answer: it is asked again.

    botocore would read an empty body, or the page of a proxy that is in trouble, as the last page of a
    listing: whatever stands behind it would never be looked at. Each page gets `Truncated`, which says
    whether more may follow.
    """
    events = client.meta.events
    events.register("before-parse.s3.ListObjectVersions", _read_versions, unique_id="hashsweep-versions")
    events.register("before-parse.s3.ListObjectsV2", _read_objects, unique_id="hashsweep-objects")


def _read_versions(response_dict: Any, customized_response_dict: Any, **_: Any) -> None:
    """Note in which order versions and delete markers came: botocore parses them into two lists.

    Some gateways ignore `?versions` and answer with a plain listing, which botocore would read as empty.
    """
    body = response_dict["body"]
    ignored = _OBJECTS.search(body, 0, _ROOT_BYTES) is not None
    customized_response_dict["Ignored"] = ignored
    customized_response_dict["Order"] = b"".join(v or d for v, d in _ENTRY.findall(body))
    if not ignored:
        customized_response_dict["Truncated"] = _truncated(_VERSIONS, response_dict)


def _read_objects(response_dict: Any, customized_response_dict: Any, **_: Any) -> None:
    customized_response_dict["Truncated"] = _truncated(_OBJECTS, response_dict)


def _truncated(root: re.Pattern[bytes], response: Any) -> bool:
    """Tell whether more may follow a page: what the store says, or else until a page names nothing.

    botocore takes `True` for false, and nothing at all for false too.
    """
    body = response["body"]
    if response["status_code"] >= 300:  # a refusal, which botocore reads
        return False
    if not root.search(body, 0, _ROOT_BYTES):
        raise ResponseParserError("the answer is no page of a listing")
    said = _TRUNCATED.search(body)
    return _NAMED.search(body) is not None if said is None else said[1].lower() == b"true"


def in_order(page: Page) -> Iterator[tuple[int, Entry]]:
    """Yield versions and delete markers, each with its kind, in the order of the answer if it can be told."""
    versions, markers = page.get("Versions", []), page.get("DeleteMarkers", [])
    order: bytes = page["Order"]
    if (order.count(VERSION), order.count(MARKER)) != (len(versions), len(markers)):
        order = bytes([VERSION] * len(versions) + [MARKER] * len(markers))
    kinds = {VERSION: iter(versions), MARKER: iter(markers)}
    for kind in order:
        yield kind, next(kinds[kind])
