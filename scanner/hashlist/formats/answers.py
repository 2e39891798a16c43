"""The only place where answers of exchanges in JSON are taken apart: records in an array."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scanner.errors import HashListError
from scanner.hashlist.formats.documents import ITEM, found_in
from scanner.hashlist.values import Refusal


def records_of(file: Path, name: str) -> Iterator[tuple[int, dict[str, Any] | Refusal]]:
    """Yield the records in an array of an answer with their numbers; what is no object is no record.

    Raises HashListError where the answer has no such array: it is that of another. An empty one is fine.
    """
    wanted = _Wanted(name)
    for number, (_, found) in enumerate(found_in(file, wanted), 1):
        yield number, found if isinstance(found, dict) else Refusal.MALFORMED_ROW
    if not wanted.seen:
        raise HashListError(f"{file}: no array {name!r} of records; another format?")


class _Wanted:
    """The way to the records of an array, which notes whether the array was there: it may be empty."""

    def __init__(self, name: str) -> None:
        self.seen = False
        self._name = name

    def __contains__(self, way: object) -> bool:
        self.seen = self.seen or way == (self._name,)
        return way == (self._name, ITEM)


def moment(value: Any) -> datetime | Refusal | None:
    """Return a time that is given in seconds since 1970; None where there is none."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return Refusal.UNREADABLE_TIME


def texts(value: Any) -> list[str]:
    """Return the texts of an array, stripped; everything else is none."""
    found = value if isinstance(value, list) else ()
    return [text.strip() for text in found if isinstance(text, str) and text.strip()]
