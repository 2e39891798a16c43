"""The only place that reads objects: conditional, ranged, checked reads of exactly the listed versions."""

import time

from scanner.config import Fetch
from scanner.fetch.budget import ByteBudget, memory_need
from scanner.fetch.content import Content, fetch
from scanner.fetch.local import Directory
from scanner.fetch.pace import Clock
from scanner.fetch.s3 import Bucket
from scanner.fetch.source import Interrupted, Source, Stream, Unreadable
from scanner.target import Place

__all__ = [
    "ByteBudget",
    "Content",
    "Interrupted",
    "Source",
    "Stream",
    "Unreadable",
    "fetch",
    "memory_need",
    "source_of",
]


def source_of(place: Place, settings: Fetch, clock: Clock = time.monotonic) -> Source:
    """Return the source of a target: a bucket or a directory.

    Raises ConfigError when its access is misconfigured, StoreError when a directory cannot be opened.
    """
    return Bucket(place, settings, clock) if place.scheme == "s3" else Directory(place.bucket)
