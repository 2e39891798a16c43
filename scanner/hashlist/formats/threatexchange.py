"""The only place where updates of Meta's ThreatExchange are read: indicators and their descriptors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats.answers import moment, records_of, texts
from scanner.hashlist.formats.opinions import opinion_tags, status_of
from scanner.hashlist.row import Numbered, Row, is_name
from scanner.hashlist.values import Refusal

SCHEME = "threatexchange"

INDICATORS = {
    "HASH_PDQ": ("pdq", "image"),
    "HASH_MD5": ("md5", None),
    "HASH_SHA1": ("sha1", None),
    "HASH_SHA256": ("sha256", None),
    "HASH_VIDEO_MD5": ("md5", "video"),
    "HASH_TMK": ("tmk_pdqf", "video"),
}
"""Types of indicators that are hashes of pictures or videos, or of files; others are texts and addresses."""

MEDIA_TAGS = {"media_type_photo": "image", "media_type_video": "video"}

MOST_TAGS = 15
"""Tags of members that are kept beside those that name members."""

_STATUS = {"MALICIOUS": True, "NON_MALICIOUS": False}
_REACTIONS = {"HELPFUL": True, "DISAGREE_WITH_TAGS": False}


def read_threatexchange(file: Path, columns: FileColumns) -> Iterator[Numbered]:
    """Yield a row for each indicator; it has no id, since its type and value are what names it."""
    del columns
    for number, record in records_of(file, "data"):
        yield number, record if isinstance(record, Refusal) else _row(record)


def _row(record: dict[str, Any]) -> Row | Refusal:
    kind, media_type = INDICATORS.get(str(record.get("type")), ("", None))
    if not kind:
        return Refusal.UNSUPPORTED_ALGORITHM
    row: Row = {"algorithm": kind, "value": record.get("indicator"), "scheme": SCHEME}
    modified_at = moment(record.get("last_updated"))
    if record.get("should_delete") or record.get("descriptors") is None:
        return {
            **row,
            "status": "deleted",
            "modified_at": None if isinstance(modified_at, Refusal) else modified_at,
        }
    if isinstance(modified_at, Refusal):
        return modified_at
    descriptors = [one for one in _data(record["descriptors"]) if isinstance(one, dict)]
    tags = list(dict.fromkeys(tag for one in descriptors for tag in _tags(one)))
    by, against = _opinions(descriptors)
    return {
        **row,
        "status": status_of(bool(by), bool(against)),
        "modified_at": modified_at,
        "media_type": media_type or next((MEDIA_TAGS[tag] for tag in tags if tag in MEDIA_TAGS), None),
        "tags": [*opinion_tags(by, against), *list(filter(is_name, tags))[:MOST_TAGS]],
    }


def _data(value: Any) -> list[Any]:
    """Return the items of an array, which the graph of Meta may wrap into an object."""
    found = value.get("data") if isinstance(value, dict) else value
    return found if isinstance(found, list) else []


def _tags(descriptor: dict[str, Any]) -> list[str]:
    found = _data(descriptor.get("tags"))
    return texts([one.get("text") if isinstance(one, dict) else one for one in found])


def _opinions(descriptors: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """Return the members that call the indicator malicious or helpful, and those that do not.

    A descriptor without an owner is nobody's opinion; one that is neither is a lead, and says nothing.
    """
    said: dict[bool, set[str]] = {True: set(), False: set()}
    for one in descriptors:
        owner = one.get("owner")
        name = owner.get("id") if isinstance(owner, dict) else None
        opinion = _STATUS.get(str(one.get("status")))
        if isinstance(name, str | int) and str(name).strip() and opinion is not None:
            said[opinion].add(str(name).strip())
        for reaction in _data(one.get("reactions")):
            if (
                isinstance(reaction, dict)
                and (opinion := _REACTIONS.get(str(reaction.get("key")))) is not None
            ):
                apps = str(reaction.get("value") or "").split(",")
                said[opinion].update(app.strip() for app in apps if app.strip())
    return said[True], said[False]
