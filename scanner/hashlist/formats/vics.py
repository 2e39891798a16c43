"""The only place where documents of the Video and Image Classification Standard are read (Project VIC, CAID).

Versions 1.x and 2.0, hash sets and cases: one JSON object of any size, which begins by naming its data model.
Every record is kept, whatever its category; which of them ever become findings is policy.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats.documents import ITEM, Way, found_in
from scanner.hashlist.row import Numbered, Row, is_name
from scanner.hashlist.values import Refusal

MODELS: dict[Way, re.Pattern[str]] = {
    ("odata.metadata",): re.compile(r".*/DataModels/1\.[0-9]+\.xml#(?P<kind>Media|Cases)", re.IGNORECASE),
    ("@odata.context",): re.compile(
        r".*/DataModels/2\.[0-9]+\.xml/(?P<region>[^/]+)/\$metadata#(?P<kind>Media|Cases)", re.IGNORECASE
    ),
}
"""Where a document names its data model, and how: version 1 has no regions."""

RECORDS: dict[str, Way] = {"media": ("value", ITEM), "cases": ("value", ITEM, "Media", ITEM)}
"""Where the records of a hash set stand, and those of cases."""

SCHEMES = {"us": "vics-us", "uk": "vics-uk"}
"""What a category means depends on the region; version 1 has the categories of the US."""

OTHER_SCHEME = "vics-custom"

HASHES = ("MD5", "SHA1", "SHA256", "PhotoDNA")
MARKS = {
    "VictimIdentified": "victim-identified",
    "IsDistributed": "distributed",
    "IsPrecategorized": "precategorized",
}

_MILLISECONDS = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")


def read_vics(file: Path, columns: FileColumns) -> Iterator[Numbered]:
    """Yield a row for each hash of each record; the rows of a record share its number."""
    del columns
    wanted: set[Way] = set(MODELS)
    scheme, number = "", 0
    for way, found in found_in(file, wanted):
        if way in MODELS:
            scheme, records = _model(file, way, found)
            wanted.clear()
            wanted.add(records)
            continue
        number += 1
        rows = _rows(found, scheme) if isinstance(found, dict) else (Refusal.MALFORMED_ROW,)
        for row in rows:
            yield number, row
    if not scheme:
        raise HashListError(f"{file}: names no data model of Project VIC (odata.metadata, @odata.context)")
    if not number:
        raise HashListError(f"{file}: no record behind the name of its data model; not a list")


def _model(file: Path, way: Way, named: object) -> tuple[str, Way]:
    """Return the scheme of a document's categories, and where its records stand."""
    model = MODELS[way].fullmatch(named) if isinstance(named, str) else None
    if model is None:
        raise HashListError(f"{file}: {way[0]} names no data model that is read: 1.x and 2.x, Media or Cases")
    region = model.groupdict().get("region", "us").lower()
    return SCHEMES.get(region, OTHER_SCHEME), RECORDS[model["kind"].lower()]


def _rows(record: dict[str, Any], scheme: str) -> Iterator[Row | Refusal]:
    common: Row = {
        "entry_id": _text(record.get("MediaID")),
        "scheme": scheme,
        "classification": _text(record.get("Category")),
        "modified_at": _time(record.get("DateUpdated")),
        "media_type": _media_type(record.get("MimeType")),
        "tags": _tags(record),
    }
    hashes = [*((name, record.get(name)) for name in HASHES), *_alternative(record)]
    given = [(name, value) for name, value in hashes if isinstance(value, str) and value.strip()]
    if not given:
        yield Refusal.MISSING_VALUE
    for name, value in given:
        yield {**common, "algorithm": name, "value": value}


def _alternative(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the hashes that a record of version 1 holds beside its digests."""
    others = record.get("AlternativeHashes")
    for other in others if isinstance(others, list) else ():
        if isinstance(other, dict) and isinstance(other.get("HashName"), str):
            yield other["HashName"], other.get("HashValue")


def _text(value: Any) -> str | None:
    """Return a number or a text as text: writers of the standard do not agree."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | str) and not isinstance(value, bool):
        return str(value).strip() or None
    return None


def _time(value: Any) -> datetime | None:
    """Return when a record was updated; None where that cannot be read, for nothing depends on it here."""
    if not isinstance(value, str):
        return None
    old = _MILLISECONDS.fullmatch(value.strip())
    try:
        if old:
            return datetime.fromtimestamp(int(old[1]) / 1000, UTC)
        return datetime.fromisoformat(value.strip())
    except (ValueError, OverflowError, OSError):
        return None


def _media_type(value: Any) -> str | None:
    kind = value.partition("/")[0].strip().lower() if isinstance(value, str) else None
    return kind if kind in ("image", "video") else None


def _tags(record: dict[str, Any]) -> list[str]:
    """Return what findings show of a record; no comment, no path, no free text: they are data of cases."""
    tags = [tag for name, tag in MARKS.items() if str(record.get(name)).strip().lower() == "true"]
    series = record.get("Series")
    named = [f"series:{series.strip()}"] if isinstance(series, str) and series.strip() else []
    return [*tags, *filter(is_name, named)]
