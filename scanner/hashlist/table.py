"""The only place for the hash table: the matched entries of all lists, by value, in mapped shards.

A table is put once, under a digest of what it is made of: snapshots, distances, and its layout.
"""

import contextlib
import math
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from scanner import leftovers
from scanner.config import digest_of
from scanner.errors import HashListError, WorkspaceError
from scanner.hashlist.bands import permutation
from scanner.hashlist.building import Builder, Facts, plainly, works_of
from scanner.hashlist.header import header_of, read_header
from scanner.hashlist.postings import COMMON, meanings_of
from scanner.hashlist.ranges import Survey, survey
from scanner.hashlist.shard import Shard, open_shard, stem_of, verify_shard
from scanner.hashlist.snapshot import Snapshot
from scanner.records import ALGORITHM_BYTES, PERCEPTUAL
from scanner.workspace import Workspace, json_bytes, make_folder, put_once

LAYOUT = 4
"""Version of the files of a table; a new one makes new tables and leaves the old ones alone."""

SHARD_VALUES = 1 << 24
"""Entries of a shard, but see `ranges`: of PDQ, 512 MB of values and twice that by bands.

Whoever makes shards holds one, at 280 bytes an entry, and grows with no other number.
"""

REMEDY = "remove the table's folder; the next scan builds it again"

_KEY: dict[str, type] = {
    "layout": int,
    "shard_values": int,
    "snapshots": list,
    "max_distances": dict,
    "permutations": dict,
}
"""What a table's digest, and so its name, is made of."""

_HEADER = {
    **_KEY,
    "digest": str,
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
                    verify_shard(stem_of(self.path, algorithm, number), shard)


def build_table(
    workspace: Workspace,
    snapshots: Sequence[Snapshot],
    max_distances: Mapping[str, int],
    shard_values: int = SHARD_VALUES,
    builder: Builder = plainly,
) -> HashTable:
    """Return the table of these snapshots, built first where it is not there.

    `max_distances` are those of every perceptual algorithm, in bits; what else it holds is not looked at.
    Where more entries are to be matched than one shard holds, the builder makes the shards; else a plain loop
    does, since nobody else would have begun by the time it is done.

    Building twice at once is harmless: whoever is first puts the folder. Raises HashListError when a
    snapshot is damaged or when there is nothing to match, WorkspaceError when the table cannot be written.
    """
    chosen = sorted(snapshots, key=lambda snapshot: snapshot.list)
    key = _key(chosen, max_distances, shard_values)
    path = workspace.tables / digest_of(key)
    if not path.exists():
        found = survey(chosen)
        if not found.counts:
            raise HashListError(
                f"{workspace.root}: no list has an entry to match; import one: "
                "hashsweep lists import NAME FILE"
            )
        try:
            large = found.entries > shard_values
            _put_table(path, key, chosen, found, builder if large else plainly)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise WorkspaceError(f"{path}: the table cannot be written: {why}") from None
    return open_table(path)


def _key(
    snapshots: Sequence[Snapshot], max_distances: Mapping[str, int], shard_values: int
) -> dict[str, Any]:
    """Return what the files of a table depend on: the fields of its header that make up its digest."""
    return {
        "layout": LAYOUT,
        "shard_values": shard_values,
        "snapshots": [[snapshot.list, snapshot.digest] for snapshot in snapshots],
        "max_distances": {name: max_distances[name] for name in PERCEPTUAL},
        "permutations": _permutations(),
    }


def _permutations() -> dict[str, list[int]]:
    """Return the order of the bits of perceptual hashes by their width; bands are ranges of it."""
    widths = sorted({8 * ALGORITHM_BYTES[name] for name in PERCEPTUAL})
    return {str(bits): permutation(bits).tolist() for bits in widths}


def _put_table(
    path: Path, key: dict[str, Any], snapshots: Sequence[Snapshot], found: Survey, builder: Builder
) -> None:
    """Write all files into a temporary folder, then give it the table's name unless that is taken."""
    temporary = Path(tempfile.mkdtemp(".tmp", f".{path.name[:12]}.", path.parent))
    try:
        for algorithm in found.counts:
            make_folder(temporary / algorithm)
        work = works_of(temporary, snapshots, found, key["max_distances"], key["shard_values"])
        made: dict[str, dict[int, Facts]] = {algorithm: {} for algorithm in found.counts}
        with contextlib.closing(builder(work)) as shards:
            for one, facts in shards:
                made[one.algorithm][one.number] = facts
        leftovers.remove_files(temporary, [temporary], math.inf)  # of workers that died
        algorithms = {algorithm: _facts(algorithm, shards) for algorithm, shards in made.items()}
        sealed = {"digest": path.name, "algorithms": algorithms, "algorithms_digest": digest_of(algorithms)}
        put_once(temporary / "table.json", json_bytes(header_of("table", key | sealed)))
        temporary.rename(path)
        _sync(path.parent)
    except OSError:
        if not path.exists():  # else somebody else built it meanwhile, from the same entries
            raise
    finally:
        _remove(temporary)


def _facts(algorithm: str, made: Mapping[int, Facts]) -> dict[str, Any]:
    shards = [made[number] for number in range(len(made))]
    return {
        "width": ALGORITHM_BYTES[algorithm],
        "values": sum(shard["values"] for shard in shards),
        "entries": sum(shard["entries"] for shard in shards),
        "shards": shards,
    }


def _remove(temporary: Path) -> None:
    """Remove an unfinished table, if it is there: at once, for who still writes into it by its name."""
    gone = temporary.with_name(f"{temporary.name[:14]}{secrets.token_hex(4)}.tmp")
    with contextlib.suppress(OSError):
        temporary = temporary.rename(gone)
    shutil.rmtree(temporary, ignore_errors=True)


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
        if header["permutations"] != _permutations():
            raise ValueError("its bits are in another order than this version takes them")
        if digest_of({name: header[name] for name in _KEY}) != header["digest"]:
            raise ValueError("table.json is not the header of these snapshots and distances")
        snapshots = tuple((str(name), str(digest)) for name, digest in header["snapshots"])
        algorithms = {
            algorithm: _open_algorithm(path, algorithm, header)
            for algorithm in ALGORITHM_BYTES
            if algorithm in header["algorithms"]
        }
        return HashTable(header["digest"], path, snapshots, algorithms)


def _open_algorithm(path: Path, algorithm: str, header: dict[str, Any]) -> AlgorithmTable:
    shards: list[Shard] = []
    facts, max_distance = header["algorithms"][algorithm], header["max_distances"].get(algorithm)
    entries = values = 0
    for number, shard in enumerate(facts["shards"]):
        stem = stem_of(path, algorithm, number)
        shards.append(open_shard(stem, shard, facts["width"], max_distance, entries))
        entries += shard["entries"]
        values += shard["values"]
    if (facts["width"], facts["values"], facts["entries"]) != (ALGORITHM_BYTES[algorithm], values, entries):
        raise ValueError("table.json does not add up")
    for name in COMMON:
        words = [meanings_of(shard.postings, name) for shard in shards]
        if not all(known.equals(words[0]) for known in words):
            raise ValueError(f"the shards of {algorithm} do not mean the same by {name}")
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
