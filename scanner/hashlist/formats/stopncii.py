"""The only place where answers of StopNCII.org are read: hashes that people submitted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats.answers import moment, records_of, texts
from scanner.hashlist.formats.opinions import opinion_tags, status_of
from scanner.hashlist.row import Numbered, Row, is_name
from scanner.hashlist.values import Refusal

SCHEME = "stopncii"

SIGNALS = {
    "imagepdq": ("pdq", "image"),
    "videomd5": ("md5", "video"),
    "videotmk": ("tmk_pdqf", "video"),
    "photodna": ("photodna", "image"),
    "imagephotodna": ("photodna", "image"),
}
"""The kinds of hashes; texts and addresses are no hash of a picture."""

ENDED = {"withdrawn": "withdrawn", "deleted": "deleted"}
"""States of a hash that end it. They stand in `hashStatus`: those of single cases are another matter."""

KNOWN = ("unknown", "received", "active")


def read_stopncii(file: Path, columns: FileColumns) -> Iterator[Numbered]:
    """Yield a row for each record; it has no id, since its kind and value are what names it."""
    del columns
    for number, record in records_of(file, "hashRecords"):
        yield number, record if isinstance(record, Refusal) else _row(record)


def _row(record: dict[str, Any]) -> Row | Refusal:
    signal = record.get("signalType")
    modified_at = moment(record.get("lastModtimestamp"))
    algorithm, media_type = SIGNALS.get(signal.lower() if isinstance(signal, str) else "", ("", ""))
    status, tags = _said(record)
    if not algorithm:
        return Refusal.UNSUPPORTED_ALGORITHM
    if isinstance(modified_at, Refusal):
        if status not in ENDED:
            return modified_at
        modified_at = None  # whenever that was, the hash is withdrawn
    return {
        "algorithm": algorithm,
        "value": record.get("hashValue"),
        "scheme": SCHEME,
        "status": status,
        "modified_at": modified_at,
        "media_type": media_type,
        "tags": tags,
    }


def _said(record: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the status and the tags of a record; a state that nobody knows yet loses no hash."""
    state = str(record.get("hashStatus")).strip().lower()
    if state in ENDED:
        return ENDED[state], []
    said = _sources(record)
    tags = opinion_tags(said["blocked"], said["notblocked"])
    tags += filter(is_name, (f"region:{region}" for region in texts(record.get("hashRegions"))[:20]))
    if state not in KNOWN:
        tags.append("status:unknown")
    return status_of(bool(said["blocked"]), bool(said["notblocked"])), tags


def _sources(record: dict[str, Any]) -> dict[str, set[str]]:
    """Return who looked at the picture and blocked it, and who did not block it."""
    said: dict[str, set[str]] = {"blocked": set(), "notblocked": set()}
    feedbacks = record.get("CSPFeedbacks")
    for one in feedbacks if isinstance(feedbacks, list) else ():
        if isinstance(one, dict):
            sources = said.get(str(one.get("feedbackValue")).strip().lower())
            if sources is not None:
                source = one.get("source")
                sources.add(source.strip() if isinstance(source, str) and source.strip() else "unknown")
    return said
