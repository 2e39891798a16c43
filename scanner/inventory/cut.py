"""The only place that decides where one inventory part ends and the next begins.

Ends are chosen by the rows' own names, so that one new object moves the ends next to it and no others.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from scanner.inventory.item import Item, Resume
from scanner.records import Listed, ObjectRef


@dataclass
class Span:
    """A stretch of a listing: its rows, the delete markers among them, and the place behind it."""

    rows: list[Listed] = field(default_factory=list)
    delete_markers: int = 0
    resume: Resume | None = None
    last: bool = False
    sampled: bool = False

    def add(self, item: Item) -> None:
        """Take in the next item of the listing."""
        self.resume = item.resume
        if item.listed is None:
            self.delete_markers += 1
        else:
            self.rows.append(item.listed)


def spans(items: Iterable[Item], part_objects: int, sample: int | None = None) -> Iterator[Span]:
    """Cut a listing into spans of about `part_objects` rows; the last one, perhaps empty, says so.

    The listing stops behind `sample` rows, and the last span is then `sampled`. A listing that is taken up
    behind any span but the last yields the same spans from there, given the rows still to be sampled.
    """
    span, rows, sampled = Span(), 0, sample == 0
    for item in () if sampled else items:
        span.add(item)
        if item.listed is None:
            continue
        rows += 1
        if ends_part(item.listed.object, len(span.rows), part_objects):
            yield span
            span = Span()
        if rows == sample:
            sampled = True
            break
    span.last, span.sampled = True, sampled
    yield span


def ends_part(ref: ObjectRef, rows: int, part_objects: int) -> bool:
    """Tell whether a part of so many rows ends with this object version: after 1/2 to 2 `part_objects`."""
    least = max(part_objects // 2, 1)
    if rows < least or rows >= 2 * part_objects:
        return rows >= least
    key = ref.key.encode() if ref.key_bytes is None else ref.key_bytes
    name = key + b"\0" + (ref.version_id or "").encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest()) % (part_objects - least + 1) == 0
