"""The only place where a manifest is written and read: its rows as Parquet and JSON lines, and its header.

`manifest.json` is put last: it names the other two by digest, so that a manifest without it is none.
"""

import contextlib
import hashlib
import json
import mmap
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from io import BufferedRandom
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, ValidationError

from scanner.config import digest_of
from scanner.errors import ManifestError
from scanner.findings.order import RUN_ROWS, in_order, unnamed_file
from scanner.findings.policy import Dropped
from scanner.findings.row import Tally
from scanner.findings.signature import sign
from scanner.records import SCHEMA_VERSION, Finding, records_of, schema_of, table_of
from scanner.workspace import file_digest, json_bytes, make_folder, put_once, replace

HEADER, PARQUET, LINES = "manifest.json", "manifest.parquet", "manifest.jsonl"

NOT_FINDINGS = "not_findings"
"""The part of a manifest's counts that its rows do not show."""

_BATCH_ROWS = 2_000


class DamagedManifest(ManifestError):
    """A manifest is there, and is not what was written."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _File(_Shape):
    sha256: str
    bytes: int
    rows: int


class _Link(_Shape):
    run_id: str
    digest: str


class _Signature(_Shape):
    algorithm: str
    public_key: str
    value: str


class _Header(_Shape):
    program: Literal["hashsweep"]
    schema_version: int
    run_id: str
    provenance: dict[str, Any]
    counts: dict[str, Any]
    files: dict[str, _File]
    rows_digest: str
    previous: _Link | None
    digest: str
    signature: _Signature | None


def write_manifest(
    folder: Path,
    findings: Iterable[Finding],
    provenance: Mapping[str, Any],
    previous: Mapping[str, Any] | None,
    key: Ed25519PrivateKey | None,
    run_rows: int = RUN_ROWS,
    dropped: Dropped | None = None,
) -> dict[str, Any]:
    """Write a manifest and return its header, as `manifest.json` holds it.

    `findings` come in any order. `provenance` is plain JSON and names at least the `run_id`; `previous`
    is the header of the manifest before, or its `run_id` and `digest`. `dropped` is what the findings say
    that policies dropped, once they have passed. Memory holds `run_rows` findings
    and a small batch of each further `run_rows`; the rest waits on disk. Writing the same again changes
    nothing; raises ManifestError when the folder has a manifest that says something else.
    """
    make_folder(folder)
    with unnamed_file(folder) as parquet, unnamed_file(folder) as lines:
        tally = _write_rows(in_order(findings, folder, run_rows), parquet, lines)
        with _bytes_of(parquet) as parquet_bytes, _bytes_of(lines) as lines_bytes:
            contents = {PARQUET: parquet_bytes, LINES: lines_bytes}
            counts = tally.counts if dropped is None else {**tally.counts, NOT_FINDINGS: asdict(dropped)}
            header = _header(tally, counts, contents, provenance, previous)
            header["signature"] = sign(header["digest"], key) if key else None
            if (folder / HEADER).exists():
                return _same(folder, header)
            for name, content in contents.items():
                _put(folder / name, content, header["files"][name]["sha256"])
    put_once(folder / HEADER, json_bytes(header))
    return header


def _write_rows(findings: Iterable[Finding], parquet: BufferedRandom, lines: BufferedRandom) -> Tally:
    tally = Tally()
    batch: list[Finding] = []
    with pq.ParquetWriter(parquet, schema_of(Finding), compression="zstd") as writer:
        for finding in findings:
            lines.write(tally.add(finding))
            batch.append(finding)
            if len(batch) == _BATCH_ROWS:
                writer.write_table(table_of(Finding, batch))
                batch.clear()
        if batch:
            writer.write_table(table_of(Finding, batch))
    return tally


@contextlib.contextmanager
def _bytes_of(file: BufferedRandom) -> Iterator[bytes]:
    """Give a file's content as if it were bytes, without holding it in memory."""
    file.flush()
    if file.seek(0, 2) == 0:
        yield b""
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        yield typing.cast(bytes, mapped)  # a read-only buffer, which is all that writing and hashing need


def _header(
    tally: Tally,
    counts: Mapping[str, Any],
    contents: Mapping[str, bytes],
    provenance: Mapping[str, Any],
    previous: Mapping[str, Any] | None,
) -> dict[str, Any]:
    header = {
        "program": "hashsweep",
        "schema_version": SCHEMA_VERSION,
        "run_id": provenance["run_id"],
        "provenance": provenance,
        "counts": counts,
        "files": {
            name: {
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
                "rows": tally.findings,
            }
            for name, content in contents.items()
        },
        "rows_digest": tally.rows_digest,
        "previous": {name: previous[name] for name in ("run_id", "digest")} if previous else None,
    }
    plain: dict[str, Any] = json.loads(json_bytes(header))  # what a reader will digest
    return {**plain, "digest": header_digest(plain)}


def header_digest(header: Mapping[str, Any]) -> str:
    """Return SHA-256 over the canonical JSON of a header without its digest and signature."""
    return digest_of({name: value for name, value in header.items() if name not in ("digest", "signature")})


def _same(folder: Path, header: Mapping[str, Any]) -> dict[str, Any]:
    there = read_manifest(folder)
    if (there["rows_digest"], there["run_id"]) != (header["rows_digest"], header["run_id"]):
        raise ManifestError(f"{folder}: holds a manifest that says something else; it is never rewritten")
    return there


def _put(path: Path, content: bytes, digest: str) -> None:
    """Put a file of rows; without a header, a different one is what a killed run left behind."""
    if not put_once(path, content) and file_digest(path) != digest:
        replace(path, content)


def folder_of(path: Path) -> Path:
    """Return the folder of a manifest that is named by its folder or by one of its three files."""
    if path.is_dir():
        return path
    if path.name in (HEADER, PARQUET, LINES):
        return path.parent
    raise ManifestError(f"{path}: not a manifest; name the folder of a run, or its {HEADER}")


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the header of a manifest; raise ManifestError when it is missing, foreign, or newer."""
    return parse_header(folder_of(path) / HEADER)[0]


def parse_header(file: Path) -> tuple[dict[str, Any], bytes]:
    """Return the header in a file, with the bytes that it was read from."""
    try:
        raw = file.read_bytes()
        header = json.loads(raw)
    except FileNotFoundError:
        raise ManifestError(f"{file}: no such manifest") from None
    except OSError as error:
        raise ManifestError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise DamagedManifest(f"{file}: not JSON, so not what hashsweep wrote") from None
    if not isinstance(header, dict) or header.get("program") != "hashsweep":
        raise DamagedManifest(f"{file}: not a manifest of hashsweep")
    version = header.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ManifestError(f"{file}: written by a newer hashsweep; update this installation")
    try:
        _Header.model_validate(header)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise DamagedManifest(f"{file}: not what hashsweep wrote, at {place}") from None
    return header, raw


def read_findings(path: Path) -> Iterator[Finding]:
    """Yield the findings of a manifest in its order; raise ManifestError when they cannot be read."""
    file = folder_of(path) / PARQUET
    try:
        with pq.ParquetFile(file) as parquet:
            if not parquet.schema_arrow.equals(schema_of(Finding)):
                raise ManifestError(f"{file}: holds no findings as this version knows them")
            for batch in parquet.iter_batches(1000):
                yield from records_of(Finding, pa.Table.from_batches([batch]))
    except FileNotFoundError:
        raise ManifestError(f"{file}: missing") from None
    except (OSError, pa.ArrowException, ValueError, OverflowError) as error:
        raise ManifestError(f"{file}: cannot be read ({type(error).__name__})") from None


def first_seen(path: Path) -> dict[str, str]:
    """Return the run that first saw each finding of a manifest, by finding_id."""
    return {
        finding.finding_id: finding.first_seen_run
        for finding in read_findings(path)
        if finding.first_seen_run
    }
