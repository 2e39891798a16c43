"""The only place for the hash table: the matched entries of all lists, by value, in mapped shards.

A table is put once, under a digest of the snapshots that it is made of and of its layout.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from scanner.config import digest_of
from scanner.errors import HashListError, WorkspaceError
from scanner.hashlist.entries import entries_of, matched_entries
from scanner.hashlist.header import header_of, read_header
from scanner.hashlist.postings import sort_entries
from scanner.hashlist.shard import Shard, open_shard, verify_shard, write_shard
from scanner.hashlist.snapshot import Snapshot, open_snapshot
from scanner.records import ALGORITHM_BYTES
from scanner.workspace import Workspace, json_bytes, put_once

LAYOUT = 2
"""Version of the files of a table; a new one makes new tables and leaves the old ones alone."""

SHARD_VALUES = 1_000_000
"""Distinct values in a shard: 32 MB of PDQ."""

REMEDY = "remove the table's folder; the next scan builds it again"

_HEADER: dict[str, type] = {
    "layout": int,
    "shard_values": int,
    "digest": str,
    "snapshots": list,
    "algorithms": dict,
    "algorithms_digest": str,
}


@dataclass(frozen=True)
class AlgorithmTable:
    """The entries of one algorithm: how many distinct values of `width` bytes, how many entries, where."""

    width: int
    values: int
    entries: int
    shards: tuple[Shard, ...]


@dataclass(frozen=True)
class HashTable:
    """A mapped table. `snapshots` are (list, digest); the postings' list indices count them."""

    digest: str
    path: Path
    snapshots: tuple[tuple[str, str], ...]
    algorithms: dict[str, AlgorithmTable]

    def verify(self) -> None:
        """Read every byte; raise HashListError unless the table is what was built."""
        header = _read(self.path)
        with _checked(self.path):
            for algorithm, facts in header["algorithms"].items():
                for number, shard in enumerate(facts["shards"]):
                    verify_shard(_stem(self.path, algorithm, number), shard)


def build_table(
    workspace: Workspace, snapshots: Sequence[Snapshot], shard_values: int = SHARD_VALUES
) -> HashTable:
    """Return the table of these snapshots, built first where it is not there.

    Building twice at once is harmless: whoever is first puts the folder. Raises HashListError when a
    snapshot is damaged or when there is nothing to match, WorkspaceError when the table cannot be written.
    """
    chosen = sorted(snapshots, key=lambda snapshot: snapshot.list)
    named = [[snapshot.list, snapshot.digest] for snapshot in chosen]
    path = workspace.tables / _digest(named, shard_values)
    if not path.exists():
        entries = [matched_entries(open_snapshot(snapshot)) for snapshot in chosen]
        if not any(len(table) for table in entries):
            raise HashListError(
                f"{workspace.root}: no list has an entry to match; import one: "
                "hashsweep lists import NAME FILE"
            )
        try:
            _put_table(path, named, entries, shard_values)
        except OSError as error:
            raise WorkspaceError(f"{path}: the table cannot be written: {error.strerror}") from None
    return open_table(path)


def _digest(snapshots: list[list[str]], shard_values: int) -> str:
    return digest_of({"layout": LAYOUT, "shard_values": shard_values, "snapshots": snapshots})


def _put_table(path: Path, snapshots: list[list[str]], entries: list[pa.Table], shard_values: int) -> None:
    """Write all files into a temporary folder, then give it the table's name unless that is taken."""
    temporary = Path(tempfile.mkdtemp(".tmp", f".{path.name[:12]}.", path.parent))
    try:
        algorithms = {}
        for algorithm in ALGORITHM_BYTES:
            chosen = [entries_of(table, algorithm) for table in entries]
            if any(len(table) for table in chosen):
                algorithms[algorithm] = _put_algorithm(temporary, algorithm, chosen, snapshots, shard_values)
        facts = {
            "layout": LAYOUT,
            "shard_values": shard_values,
            "digest": path.name,
            "snapshots": snapshots,
            "algorithms": algorithms,
            "algorithms_digest": digest_of(algorithms),
        }
        put_once(temporary / "table.json", json_bytes(header_of("table", facts)))
        temporary.rename(path)
        _sync(path.parent)
    except OSError:
        if not path.exists():  # else somebody else built it meanwhile, from the same entries
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put_algorithm(
    folder: Path,
    algorithm: str,
    tables: list[pa.Table],
    snapshots: list[list[str]],
    shard_values: int,
) -> dict[str, Any]:
    width = ALGORITHM_BYTES[algorithm]
    entries = sort_entries(tables, snapshots, width)
    starts = range(0, len(entries.values), shard_values)
    shards = [
        write_shard(_stem(folder, algorithm, number), entries.between(start, start + shard_values))
        for number, start in enumerate(starts)
    ]
    return {
        "width": width,
        "values": len(entries.values),
        "entries": len(entries.postings),
        "shards": shards,
    }


def _stem(folder: Path, algorithm: str, number: int) -> Path:
    return folder / algorithm / f"{number:05}"


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_table(path: Path) -> HashTable:
    """Map a table; raise HashListError unless its header and its files' sizes are as they were built.

    The bytes of the files are for `HashTable.verify`: a run looks at them once, its workers need not.
    """
    header = _read(path)
    with _checked(path):
        snapshots = tuple((str(name), str(digest)) for name, digest in header["snapshots"])
        if _digest([list(pair) for pair in snapshots], header["shard_values"]) != header["digest"]:
            raise ValueError("table.json is not the header of these snapshots")
        algorithms = {
            algorithm: _open_algorithm(path, algorithm, header["algorithms"][algorithm])
            for algorithm in ALGORITHM_BYTES
            if algorithm in header["algorithms"]
        }
        return HashTable(header["digest"], path, snapshots, algorithms)


def _open_algorithm(path: Path, algorithm: str, facts: dict[str, Any]) -> AlgorithmTable:
    shards: list[Shard] = []
    entries = values = 0
    for number, header in enumerate(facts["shards"]):
        shards.append(open_shard(_stem(path, algorithm, number), header, facts["width"], entries))
        entries += header["entries"]
        values += header["values"]
    if (facts["width"], facts["values"], facts["entries"]) != (ALGORITHM_BYTES[algorithm], values, entries):
        raise ValueError("table.json does not add up")
    return AlgorithmTable(facts["width"], values, entries, tuple(shards))


def _read(path: Path) -> dict[str, Any]:
    header = read_header(path / "table.json", "table", _HEADER, REMEDY)
    if header["layout"] != LAYOUT:
        raise HashListError(f"{path}: has a layout that this version does not read; {REMEDY}")
    if header["digest"] != path.name:
        raise HashListError(f"{path}: holds another table than its name says; {REMEDY}")
    if digest_of(header["algorithms"]) != header["algorithms_digest"]:
        raise HashListError(f"{path}: table.json names other files than were built; {REMEDY}")
    return header


@contextlib.contextmanager
def _checked(path: Path) -> Iterator[None]:
    """Turn whatever a damaged table leads to into a HashListError that says what to do."""
    try:
        yield
    except OSError as error:
        raise HashListError(f"{path}: {error.filename} cannot be read ({error.strerror}); {REMEDY}") from None
    except pa.ArrowException:
        raise HashListError(f"{path}: a file of entries cannot be read; {REMEDY}") from None
    except (KeyError, TypeError, AttributeError, IndexError):
        raise HashListError(f"{path}: table.json is damaged; {REMEDY}") from None
    except ValueError as error:
        raise HashListError(f"{path}: {error}; {REMEDY}") from None
