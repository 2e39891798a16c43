"""The only place where headers of snapshots and tables are told from foreign, newer or damaged ones."""

from pathlib import Path
from typing import Any

from scanner.errors import HashListError, WorkspaceError
from scanner.records import SCHEMA_VERSION
from scanner.workspace import read_json


def header_of(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the header that says what a folder holds, and which version of us wrote it."""
    return {"kind": f"hashsweep.{kind}", "schema_version": SCHEMA_VERSION, **fields}


def read_header(path: Path, kind: str, fields: dict[str, type], remedy: str) -> dict[str, Any]:
    """Return a header whose fields have these types, or raise HashListError that ends with the remedy."""
    try:
        header = read_json(path)
    except WorkspaceError:
        raise HashListError(f"{path}: damaged; {remedy}") from None
    if header is None:
        raise HashListError(f"{path}: missing; {remedy}")
    if header.get("kind") != f"hashsweep.{kind}" or not isinstance(header.get("schema_version"), int):
        raise HashListError(f"{path}: not written by hashsweep; {remedy}")
    if header["schema_version"] > SCHEMA_VERSION:
        raise HashListError(f"{path}: written by a newer hashsweep; update this installation")
    if not all(isinstance(header.get(name), wanted) for name, wanted in fields.items()):
        raise HashListError(f"{path}: damaged; {remedy}")
    return header
