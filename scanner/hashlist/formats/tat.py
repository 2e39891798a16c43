"""The only place where hash lists of Tech Against Terrorism are read: each of them the whole list."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats.answers import records_of
from scanner.hashlist.row import Numbered, Row
from scanner.hashlist.values import Refusal

SCHEME = "tat"

VIDEOS = ("mp4", "mov", "avi", "mkv", "webm", "m4v", "mpeg", "mpg", "wmv", "3gp")
PICTURES = ("jpg", "jpeg", "png", "gif", "webp", "bmp", "tiff", "tif", "heic", "avif")


def read_tat(file: Path, columns: FileColumns) -> Iterator[Numbered]:
    """Yield a row for each record; what an earlier list held and this one does not is removed."""
    del columns
    number = 0
    for number, record in records_of(file, "results"):
        yield number, record if isinstance(record, Refusal) else _row(record)
    if not number:
        raise HashListError(f"{file}: no record; not a list")


def _row(record: dict[str, Any]) -> Row:
    updated, created = record.get("updated_on"), record.get("created_on")
    return {
        "entry_id": record.get("id"),
        "algorithm": record.get("algorithm"),
        "value": record.get("hash_digest"),
        "classification": record.get("ideology"),
        "scheme": SCHEME,
        "status": "deleted" if record.get("deleted") else "active",
        "modified_at": updated or created,
        "media_type": _media_type(record.get("file_type")),
    }


def _media_type(value: Any) -> str | None:
    """Return the kind of file that a media type, or the extension of a name, stands for."""
    words = str(value or "").strip().lower()
    kind, extension = words.partition("/")[0], words.rpartition("/")[2].rpartition(".")[2]
    if kind == "video" or extension in VIDEOS:
        return "video"
    return "image" if kind in ("image", "photo") or extension in PICTURES else None
