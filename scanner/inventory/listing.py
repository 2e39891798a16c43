"""The only place where a target's kind decides who lists it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scanner.inventory.item import Item, Resume
from scanner.inventory.local import list_directory
from scanner.inventory.s3 import list_bucket
from scanner.retry import Retry
from scanner.s3 import client_of
from scanner.target import Place

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def list_items(
    place: Place, client: "S3Client | None", retry: Retry, resume: Resume | None = None
) -> Iterator[Item]:
    """Yield all that a target holds, behind `resume`; StoreError when it cannot be listed."""
    if place.scheme == "file":
        return list_directory(place, resume)
    return list_bucket(place, client or client_of(place.target), retry, resume)
