"""The only place where a row of a list, whatever its format, becomes an entry or is refused with a reason."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from scanner.hashlist.values import Refusal, algorithm_of, value_of
from scanner.records import ALGORITHM_BYTES, HashEntry

T = TypeVar("T")

Row = Mapping[str, Any]
"""Canonical column names and what the file holds there: text, bytes, whole numbers, times, lists of text."""

Numbered = tuple[int, Row | Refusal]
"""The line of a row (its number, where a file has no lines) with the row, or why it cannot be read."""

COLUMNS = (
    "entry_id",
    "member",
    "algorithm",
    "value",
    "classification",
    "scheme",
    "status",
    "modified_at",
    "media_type",
    "tags",
)
"""The canonical columns of a list."""

Key = tuple[str, str, str]
"""Member, entry id and algorithm: what names an entry within its list."""

REQUIRED = ("algorithm", "value")
"""The columns without which a row says nothing."""

MATCHED_STATUSES = ("active", "disputed")
"""Statuses of entries that are matched; all others are kept, and never matched."""

ENDED = ("withdrawn", "deleted")
"""Statuses that end an entry, with or without repeating its value."""

NEGATIVE = "negative"
"""Status of an entry that is kept and never matched, since whoever says something of it is against it."""

STATUSES = (*MATCHED_STATUSES, NEGATIVE, *ENDED)

_ABSENT = (Refusal.MISSING_COLUMN, Refusal.MISSING_VALUE)

_HASH = re.compile(r"[0-9A-Fa-f]{16}")

_DIGEST = re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")
"""What spells a whole MD5, SHA-1, SHA-256 or PDQ: some lists name their entries by one."""


MAX_TEXT = 1000
"""Characters of the longest text that is kept of an entry; a longer one is no id, no name and no tag."""

MAX_TAGS = 100
"""Tags of an entry."""


class _Refused(Exception):
    """Carries a refusal from where it is seen to `entry_of`, and no further."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(str(reason))
        self.reason = reason


def entry_of(list_name: str, row: Row) -> HashEntry | Refusal:
    """Return the entry that a row describes, or why it describes none.

    A row that withdraws or deletes an entry need not repeat its value: it is an entry with the value b"".
    """
    try:
        return _entry(list_name, row)
    except _Refused as refused:
        return refused.reason


def _entry(list_name: str, row: Row) -> HashEntry:
    if row.get("algorithm") is None:
        raise _Refused(Refusal.MISSING_COLUMN)
    algorithm = _kept(algorithm_of(_text(row["algorithm"])))
    status = _text(row.get("status")).lower() or "active"
    given_id = _text(row.get("entry_id"))
    value = _value(algorithm, row)
    if value in _ABSENT and status in ENDED and given_id:
        value = b""
    value = _kept(value)
    if status not in STATUSES:
        raise _Refused(Refusal.UNKNOWN_STATUS)
    member, classification, scheme, media_type = (
        _text(row.get(name)) for name in ("member", "classification", "scheme", "media_type")
    )
    tags = _tags(row.get("tags"))
    _refuse_values((member, *tags), (classification, scheme, media_type), value)
    return HashEntry(
        list=list_name,
        member=member,
        entry_id=ids_of(list_name, algorithm, given_id, value)[0],
        algorithm=algorithm,
        value=value,
        classification=classification or None,
        scheme=scheme or None,
        status=status,
        modified_at=_time(row.get("modified_at")),
        media_type=media_type or None,
        tags=tags,
    )


def _value(algorithm: str, row: Row) -> bytes | Refusal:
    given = row.get("value")
    if given is None:
        return Refusal.MISSING_COLUMN
    return value_of(algorithm, given if isinstance(given, bytes) else _text(given))


def _refuse_values(names: tuple[str, ...], kinds: tuple[str, ...], value: bytes) -> None:
    """Refuse texts that hold a value: this one, or another of the same picture in a mixed-up column."""
    if (
        any(_spells(text, value) for text in (*names, *kinds))
        or any(_HASH.search(text) for text in kinds)
        or any(_DIGEST.fullmatch(text) for text in names)
    ):
        raise _Refused(Refusal.VALUE_IN_TEXT)


def is_name(text: str) -> bool:
    """Tell whether a text may be the member or a tag of an entry: neither too long nor spelling a hash."""
    short = 0 < len(text) <= MAX_TEXT and text.isprintable()
    return short and not _DIGEST.search(text)


def _kept(read: T | Refusal) -> T:
    if isinstance(read, Refusal):
        raise _Refused(read)
    return read


def has_digest_as_id(row: Row) -> bool:
    """Tell whether a row names its entry by a digest; the entry is then kept under another id."""
    given = row.get("entry_id")
    return isinstance(given, str | int) and _DIGEST.fullmatch(str(given).strip()) is not None


def keys_of(list_name: str, row: Row) -> list[Key]:
    """Return the keys by which a row may name an entry, whatever else is wrong with it."""
    try:
        given, member, name = (_text(row.get(column)) for column in ("entry_id", "member", "algorithm"))
        known = [algorithm_of(name)] if name else [*ALGORITHM_BYTES]
        values = {one: _value(one, row) for one in known if not isinstance(one, Refusal)}
    except _Refused:
        return []
    return [
        (member, entry_id, algorithm)
        for algorithm, value in values.items()
        for entry_id in ids_of(list_name, algorithm, given, b"" if isinstance(value, Refusal) else value)
    ]


def ids_of(list_name: str, algorithm: str, given: str, value: bytes) -> list[str]:
    """Return the id of a row's entry as findings show it: the list's own unless that gives a hash away.

    Without a value (b"") it may be one of two, or none where no id is given either.
    """
    if _DIGEST.fullmatch(given):  # of the picture, whichever hash it is; rows of one id keep one id
        others = [one for one in ALGORITHM_BYTES if one != algorithm and not value]  # all hashes end together
        return [derived_id(list_name, one, bytes.fromhex(given)) for one in (algorithm, *others)]
    if value:
        hidden = not given or _spells(given, value)
        return [derived_id(list_name, algorithm, value) if hidden else given]
    spelt = value_of(algorithm, given.rpartition(":")[2])  # such as md5:..., hidden where the value is known
    other = [] if isinstance(spelt, Refusal) else [derived_id(list_name, algorithm, spelt)]
    return [given, *other] if given else []


def derived_id(list_name: str, algorithm: str, value: bytes) -> str:
    """Return the id of an entry that has none, or whose id is a hash: 96 bits of SHA-256 in hex.

    Equal in every import of the list, different in every other list. It does not lead back to the value,
    but whoever holds the value already can recognise it.
    """
    parts = b"\0".join((b"hashsweep entry 1", list_name.encode(), algorithm.encode(), value))
    return "derived-" + hashlib.sha256(parts).hexdigest()[:24]


def _spells(text: str, value: bytes) -> bool:
    """Tell whether a text holds a value, in hex of any case or in base64: texts are shown, values never."""
    if not value or len(text) * 6 < len(value) * 8:
        return False
    return value.hex() in text.lower() or base64.b64encode(value).rstrip(b"=").decode() in text


def _text(given: object) -> str:
    """Return stripped text: numbers as they are written, nothing as ""."""
    if given is None:
        return ""
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    if not isinstance(given, str):
        raise _Refused(Refusal.MALFORMED_ROW)
    try:
        given.encode()  # JSON can hold halves of surrogate pairs, which no file of ours can
    except UnicodeEncodeError:
        raise _Refused(Refusal.MALFORMED_ROW) from None
    text = given.strip()
    if len(text) > MAX_TEXT:
        raise _Refused(Refusal.MALFORMED_ROW)
    return text


def _time(given: object) -> datetime | None:
    """Return a time as UTC; one without an offset is taken to be UTC."""
    if given is None or given == "":
        return None
    try:
        if isinstance(given, str):
            given = datetime.fromisoformat(given.strip())
        elif isinstance(given, date) and not isinstance(given, datetime):
            given = datetime(given.year, given.month, given.day)
        if not isinstance(given, datetime):
            raise _Refused(Refusal.UNREADABLE_TIME)
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Refused(Refusal.UNREADABLE_TIME) from None


def _tags(given: object) -> tuple[str, ...]:
    """Return tags without repetition, from a list or from text separated by semicolons or spaces."""
    parts: Iterable[object] = given if isinstance(given, list) else _split(_text(given))
    tags = (_text(part) for part in parts)
    kept = tuple(dict.fromkeys(tag for tag in tags if tag))
    if len(kept) > MAX_TAGS:
        raise _Refused(Refusal.MALFORMED_ROW)
    return kept


def _split(text: str) -> list[str]:
    return text.split(";") if ";" in text else text.split()
