"""The only place where what members of a clearing house say of an entry becomes its status and its tags."""

from collections.abc import Iterable

from scanner.hashlist.row import is_name
from scanner.records import AGAINST, BY

MOST = 40
"""Members of a kind that are named; what they decide is decided by all."""


def opinion_tags(by: Iterable[str], against: Iterable[str]) -> list[str]:
    """Return the tags that name members, sorted; a name that could not be kept of an entry is left out."""
    tags = [sorted({f"{kind}{name}" for name in names}) for kind, names in ((BY, by), (AGAINST, against))]
    return [tag for some in tags for tag in list(filter(is_name, some))[:MOST]]


def status_of(vouched: bool, doubted: bool) -> str:
    """Return the status of an entry that some member vouches for, or doubts."""
    if doubted:
        return "disputed" if vouched else "negative"
    return "active"
