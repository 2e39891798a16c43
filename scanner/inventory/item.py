"""The only place for what a listing yields: one named thing, and where to go on behind it."""

from dataclasses import dataclass

from scanner.records import Listed

Resume = tuple[str, ...]
"""A place in a listing: the kind of listing, then what that kind needs to go on behind an item."""


@dataclass(frozen=True)
class Item:
    """An object version, or a delete marker (`listed` is None), with the place behind it."""

    listed: Listed | None
    resume: Resume
