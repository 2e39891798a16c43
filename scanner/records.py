"""The only place for the nouns: frozen records, and the Arrow schema that each of them is stored with.

Schemas hold only Delta's own types (no unsigned integers, no fixed-size binary), so that every table
format keeps them as they are.
"""

import dataclasses
import enum
import hashlib
import types
import typing
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, Union

import pyarrow as pa

SCHEMA_VERSION = 1

ALGORITHM_BYTES = {"md5": 16, "sha1": 20, "sha256": 32, "pdq": 32, "phash": 8, "dhash": 8, "whash": 8}
"""Width of each algorithm's value in bytes."""

DIGESTS = ("md5", "sha1", "sha256")
"""The algorithms that match exactly or not at all."""

BY, AGAINST = "by:", "against:"
"""Begin the tags of an entry that name members who say that it is right, and those who say that it is not."""

PERCEPTUAL = ("pdq", "phash", "dhash", "whash")
"""The algorithms that match within a distance in bits."""

OPTIONAL = ("dhash", "whash")
"""Those of them that are computed only where `media.also` names them."""


class Outcome(enum.StrEnum):
    """What scanning one object version came to; every listed version has exactly one."""

    HASHED = "hashed"
    NOT_MEDIA = "not_media"
    UNDECODABLE = "undecodable"
    TOO_LARGE = "too_large"
    ARCHIVED = "archived"
    DENIED = "denied"
    GONE = "gone"
    CHANGED = "changed"
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    CRASHED = "crashed"
    EXCLUDED = "excluded"
    NOT_REGULAR = "not_regular"
    SCREENED = "screened"


INCOMPLETE = frozenset({Outcome.DENIED, Outcome.FAILED, Outcome.CHANGED})
"""Outcomes that leave a run incomplete (exit code 3)."""

GAPS = frozenset(
    {Outcome.ARCHIVED, Outcome.TOO_LARGE, Outcome.UNDECODABLE, Outcome.TIMED_OUT, Outcome.CRASHED}
)
"""Outcomes that are reported as gaps; a run is incomplete when they exceed the configured tolerance."""


def embedded() -> Any:
    """Mark a record-valued field whose own fields become columns of the outer record."""
    return field(metadata={"embedded": True})


@dataclass(frozen=True)
class ObjectRef:
    """One object version as a listing named it.

    `store` is a configured stable name, never an endpoint. `version_id` is None where a store keeps no
    versions, and for the `null` version. Keys that are not UTF-8 (directories only) keep `key_bytes`.
    """

    store: str
    bucket: str
    key: str
    version_id: str | None
    etag: str
    size: int
    last_modified: datetime
    is_latest: bool = True
    storage_class: str | None = None
    content_type: str | None = None
    key_bytes: bytes | None = None

    @property
    def identity(self) -> tuple[str, str, bytes, str, str]:
        """What makes two rows speak of the same object version; also the order of a manifest."""
        key = self.key.encode() if self.key_bytes is None else self.key_bytes
        return (self.store, self.bucket, key, self.version_id or "", self.etag)

    @property
    def finding_id(self) -> str:
        """128 bits of SHA-256 over the identity, in hex: equal in every run, so that verdicts survive."""
        digest = hashlib.sha256(b"hashsweep finding 1")
        for part in self.identity:
            raw = part if isinstance(part, bytes) else part.encode()
            digest.update(len(raw).to_bytes(8, "big") + raw)
        return digest.hexdigest()[:32]


@dataclass(frozen=True)
class Listed:
    """One row of an inventory part; `outcome` is set where the listing alone decides it."""

    object: ObjectRef = embedded()
    outcome: Outcome | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Picture:
    """Perceptual hashes of one further rendering of an object: a frame, or the alpha channel ignored.

    `transform` says how the rendering was turned or mirrored before ("original": not at all).
    """

    locator: str
    width: int
    height: int
    pdq: bytes | None
    pdq_quality: int | None
    phash: bytes | None
    transform: str = "original"
    dhash: bytes | None = None
    whash: bytes | None = None


@dataclass(frozen=True)
class Fingerprint:
    """What was computed from one object version, or why nothing was.

    The perceptual columns are those of the picture, or of the first frame; `others` holds the rest.
    Digests are present whenever all bytes were read, whatever the outcome.
    """

    object: ObjectRef = embedded()
    outcome: Outcome = Outcome.HASHED
    reason: str | None = None
    hash_origin: str | None = None
    md5: bytes | None = None
    sha1: bytes | None = None
    sha256: bytes | None = None
    pdq: bytes | None = None
    pdq_quality: int | None = None
    phash: bytes | None = None
    dhash: bytes | None = None
    whash: bytes | None = None
    width: int | None = None
    height: int | None = None
    frame_count: int | None = None
    orientation: int | None = None
    media_type: str | None = None
    method: str | None = None
    bytes_read: int = 0
    others: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class HashEntry:
    """One value of one hash list; its identity is (list, member, entry_id, algorithm)."""

    list: str
    member: str
    entry_id: str
    algorithm: str
    value: bytes
    classification: str | None = None
    scheme: str | None = None
    status: str = "active"
    modified_at: datetime | None = None
    media_type: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Match:
    """A fingerprint lies within a distance of an entry: arithmetic, not a verdict.

    `distance` and `threshold` are bits, inclusive. `locator` names the rendering ("" is the picture
    itself), `transform` the rotation or flip ("original" where none). No list value is kept.
    """

    finding_id: str
    list: str
    snapshot: str
    member: str
    entry_id: str
    algorithm: str
    distance: int
    threshold: int
    transform: str = "original"
    locator: str = ""
    quality: int | None = None
    classification: str | None = None
    scheme: str | None = None
    entry_status: str = "active"
    tags: tuple[str, ...] = ()

    @property
    def match_key(self) -> tuple[str, str, str, str]:
        """What a verdict speaks of: a new key reopens a dismissed finding."""
        return (self.list, self.member, self.entry_id, self.algorithm)


@dataclass(frozen=True)
class Finding:
    """An object version with its matches: a claim that a person has to judge."""

    finding_id: str
    object: ObjectRef = embedded()
    sha256: bytes | None = None
    media_type: str | None = None
    outcome: Outcome = Outcome.HASHED
    severity: str = "review"
    cluster_id: str | None = None
    first_seen_run: str | None = None
    matches: tuple[Match, ...] = ()
    matches_omitted: int = 0


@dataclass(frozen=True)
class JudgedMatch:
    """The key of a match that a disposition spoke of."""

    list: str
    member: str
    entry_id: str
    algorithm: str


@dataclass(frozen=True)
class Disposition:
    """A person's verdict on a finding: `confirmed`, `dismissed` or `escalated`; appended, never changed."""

    finding_id: str
    verdict: str
    reviewer: str
    decided_at: datetime
    viewed: bool
    matches: tuple[JudgedMatch, ...] = ()
    reason: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Action:
    """One planned step on one object version; planning touches nothing."""

    action_id: str
    finding_id: str
    verb: str
    object: ObjectRef = embedded()
    sha256: bytes | None = None
    destination: str | None = None


@dataclass(frozen=True)
class Receipt:
    """What came of one action, and which precondition held."""

    action_id: str
    result: str
    acted_at: datetime
    precondition: str | None = None
    detail: str | None = None


RECORDS: tuple[type, ...] = (
    ObjectRef,
    Listed,
    Fingerprint,
    HashEntry,
    Match,
    Finding,
    Disposition,
    Action,
    Receipt,
)
"""Every record that is stored as rows of its own."""

R = TypeVar("R", bound=Hashable)

_SCALARS: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
    datetime: pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True)
class _Column:
    """How one field of a record is stored and read back."""

    name: str
    arrow: pa.DataType
    nullable: bool
    item: type | None  # the record of a list column
    enumeration: type[enum.Enum] | None


@cache
def _columns(record: type) -> tuple[_Column, ...]:
    hints = typing.get_type_hints(record)
    return tuple(_column(f.name, hints[f.name]) for f in fields(record) if not f.metadata.get("embedded"))


def _column(name: str, hint: Any) -> _Column:
    nullable = typing.get_origin(hint) in (Union, types.UnionType)
    if nullable:
        (hint,) = (arg for arg in typing.get_args(hint) if arg is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        item: type = typing.get_args(hint)[0]
        if dataclasses.is_dataclass(item):
            inner = pa.struct(list(schema_of(item)))
            return _Column(name, _list_of(inner), nullable, item, None)
        return _Column(name, _list_of(_SCALARS[item]), nullable, None, None)
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return _Column(name, pa.string(), nullable, None, hint)
    return _Column(name, _SCALARS[hint], nullable, None, None)


def _list_of(item: pa.DataType) -> pa.DataType:
    """Name the items as Parquet does, so that a schema comes back from a file exactly as it went in."""
    return pa.list_(pa.field("element", item))


@cache
def _embedded(record: type) -> tuple[tuple[str, type], ...]:
    hints = typing.get_type_hints(record)
    return tuple((f.name, hints[f.name]) for f in fields(record) if f.metadata.get("embedded"))


@cache
def schema_of(record: type) -> pa.Schema:
    """Return the Arrow schema of a record, with its name and schema version in the metadata."""
    columns: list[pa.Field[Any]] = []
    for f in fields(record):
        if f.metadata.get("embedded"):
            columns.extend(schema_of(typing.get_type_hints(record)[f.name]))
        else:
            (column,) = (c for c in _columns(record) if c.name == f.name)
            columns.append(pa.field(column.name, column.arrow, nullable=column.nullable))
    metadata: dict[bytes | str, bytes | str] = {
        "hashsweep.record": record.__name__,
        "hashsweep.schema_version": str(SCHEMA_VERSION),
    }
    return pa.schema(columns, metadata=metadata)


def row_of(record: Any) -> dict[str, Any]:
    """Return one record as the flat row it is stored as (nested records as dicts, enums as text)."""
    row: dict[str, Any] = {}
    for f in fields(record):
        value = getattr(record, f.name)
        if f.metadata.get("embedded"):
            row.update(row_of(value))
        elif isinstance(value, tuple):
            row[f.name] = [row_of(v) if dataclasses.is_dataclass(v) else v for v in value]
        else:
            row[f.name] = str(value) if isinstance(value, enum.Enum) else value
    return row


def record_of(record: type[R], row: dict[str, Any], older: bool = False) -> R:
    """Return the record that a stored row holds: the inverse of `row_of`.

    An `older` row may lack columns that may be null: those that were added since it was written.
    """
    values: dict[str, Any] = {name: record_of(inner, row, older) for name, inner in _embedded(record)}
    for column in _columns(record):
        value: Any = row.get(column.name) if older and column.nullable else row[column.name]
        if column.item is not None:
            value = tuple(record_of(column.item, item, older) for item in value)
        elif isinstance(value, list):
            value = tuple(value)
        elif column.enumeration is not None and value is not None:
            value = column.enumeration(value)
        values[column.name] = value
    return record(**values)


def table_of(record: type[R], rows: Iterable[R]) -> pa.Table:
    """Return records as an Arrow table with the record's schema."""
    return pa.Table.from_pylist([row_of(row) for row in rows], schema=schema_of(record))


def records_of(record: type[R], table: pa.Table) -> Iterator[R]:
    """Yield the records of an Arrow table that was made by `table_of`, perhaps before a column was added."""
    for row in table.to_pylist():
        yield record_of(record, row, older=True)
