"""The only place that freezes a listing into Parquet parts, and reads them again."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from scanner.config import Select
from scanner.errors import WorkspaceError
from scanner.inventory.cut import Span, spans
from scanner.inventory.item import Item, Resume
from scanner.inventory.listing import list_items
from scanner.inventory.selection import selected
from scanner.records import SCHEMA_VERSION, Listed, records_of, schema_of, table_of
from scanner.retry import Retry
from scanner.target import Place
from scanner.workspace import parquet_bytes, put_once, read_parquet

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_PART = b"hashsweep.part"


@dataclass(frozen=True)
class Part:
    """A frozen stretch of one target's listing; `digest` is the SHA-256 of its file in hex.

    `rows` and `bytes` count every listed version, excluded ones too. `resume` is the place behind it.
    """

    target: int
    number: int
    path: Path
    rows: int
    bytes: int
    delete_markers: int
    last: bool
    digest: str
    sampled: bool = False
    resume: Resume | None = None


def list_parts(
    place: Place,
    target: int,
    folder: Path,
    select: Select,
    part_objects: int,
    retry: Retry,
    client: "S3Client | None",
) -> Iterator[Part]:
    """Yield a target's parts: those frozen in `folder`, then those of the listing behind them.

    The last part says so, and is there even for an empty target. One part is held in memory at a time.
    Raises StoreError when the target cannot be listed, WorkspaceError when a part cannot be read or kept.
    """
    frozen = frozen_parts(folder, target)
    yield from frozen
    if frozen and frozen[-1].last:
        return
    resume = frozen[-1].resume if frozen else None
    items = list_items(place, client, retry, resume)
    yield from freeze_parts(items, target, folder, select, part_objects, frozen)


def freeze_parts(
    items: Iterable[Item],
    target: int,
    folder: Path,
    select: Select,
    part_objects: int,
    frozen: list[Part],
) -> Iterator[Part]:
    """Put the items that lie behind the frozen parts into parts of their own, and yield these."""
    sample = None
    if select.sample is not None:
        sample = max(select.sample - sum(part.rows for part in frozen), 0)
    for number, span in enumerate(spans(items, part_objects, sample), start=len(frozen)):
        path = folder / f"{target:03d}-{number:06d}.parquet"
        data = _part_bytes(span, select)
        if not put_once(path, data):
            raise WorkspaceError(f"{path}: put by another run meanwhile; let one run list at a time")
        yield _part(path, target, number, data)


def frozen_parts(folder: Path, target: int) -> list[Part]:
    """Return the parts of a target that a folder holds, in order; WorkspaceError when one is missing."""
    paths = sorted(folder.glob(f"{target:03d}-*.parquet"), key=_number)
    for number, path in enumerate(paths):
        if _number(path) != number:
            raise WorkspaceError(f"{folder}: inventory part {number} of target {target} is missing")
    return [_part(path, target, number, _read(path)) for number, path in enumerate(paths)]


def read_part(path: Path) -> list[Listed]:
    """Return the rows of a part; WorkspaceError when it is foreign, damaged, or of a newer version."""
    table = read_parquet(path)
    _header(path, table.schema)
    try:
        return list(records_of(Listed, table))
    except ValueError as error:
        raise WorkspaceError(f"{path}: damaged ({type(error).__name__}); restore it or scan anew") from None


def _number(path: Path) -> int:
    digits = path.stem.partition("-")[2]
    if not digits.isdecimal():
        raise WorkspaceError(f"{path}: not an inventory part")
    return int(digits)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be read: {error.strerror}") from None


def _part_bytes(span: Span, select: Select) -> bytes:
    """Return the file of a part: nothing but its content decides its bytes, no clock, run or number."""
    header = {
        "bytes": sum(row.object.size for row in span.rows),
        "delete_markers": span.delete_markers,
        "last": span.last,
        "resume": span.resume,
        "sampled": span.sampled,
    }
    table = table_of(Listed, [selected(row, select) for row in span.rows])
    metadata = {**(table.schema.metadata or {}), _PART: json.dumps(header, sort_keys=True).encode()}
    return parquet_bytes(table.replace_schema_metadata(metadata))


def _part(path: Path, target: int, number: int, data: bytes) -> Part:
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
    except (OSError, pa.ArrowException) as error:
        raise WorkspaceError(f"{path}: not a readable Parquet file ({type(error).__name__})") from None
    header = _header(path, file.schema_arrow)
    return Part(
        target=target,
        number=number,
        path=path,
        rows=file.metadata.num_rows,
        bytes=header["bytes"],
        delete_markers=header["delete_markers"],
        last=header["last"],
        digest=hashlib.sha256(data).hexdigest(),
        sampled=header["sampled"],
        resume=None if header["resume"] is None else tuple(header["resume"]),
    )


def _header(path: Path, schema: pa.Schema) -> dict[str, Any]:
    metadata = schema.metadata or {}
    try:
        version = int(metadata.get(b"hashsweep.schema_version", b""))
        header: dict[str, Any] = json.loads(metadata.get(_PART, b""))
    except ValueError:
        raise WorkspaceError(f"{path}: not an inventory part") from None
    if version > SCHEMA_VERSION:
        raise WorkspaceError(f"{path}: written by a newer hashsweep; update this installation")
    if not schema.equals(schema_of(Listed)):
        raise WorkspaceError(f"{path}: not an inventory part of this version; scan anew")
    return header
