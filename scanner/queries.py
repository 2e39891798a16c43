"""The only place for the queries of a run at rest: the distinct values that its objects ask for, in blocks.

What a bucket holds a million times is asked for once. Parts of the inventory are gone through some at a time,
and their distinct values put sorted; a block is a range of values, merged from all of these files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.errors import WorkspaceError
from scanner.hashlist.arrays import npy_pieces
from scanner.hashlist.ranges import ranges
from scanner.match.asked import Bytes, asked_of, distinct
from scanner.records import ALGORITHM_BYTES
from scanner.workspace import put_once, read_parquet

Counts = dict[str, npt.NDArray[np.int64]]
"""How many queries there are of each algorithm, by their first PREFIX_BITS bits."""

PREFIX_BITS = 12

BLOCK_QUERIES = 1 << 20
"""Queries of a block, unless more share their first bits: enough that a join goes through a shard once."""


@dataclass(frozen=True)
class AskWork:
    """Fingerprints of some parts that are asked about a table, and the stem of the files of their queries."""

    name: str
    table: Path
    fingerprints: tuple[Path, ...]
    output: Path


@dataclass(frozen=True)
class Block:
    """The queries of one algorithm whose first bits lie in a range, and how many there are at most."""

    algorithm: str
    prefixes: range
    queries: int


def ask(work: AskWork, algorithms: Sequence[str], min_quality: int) -> Counts:
    """Put the distinct queries of some parts, unless that was done before; return how many there are."""
    files = {algorithm: queries_file(work.output, algorithm) for algorithm in algorithms}
    if not all(file.exists() for file in files.values()):
        fingerprints = read_fingerprint_tables(work.fingerprints)
        for algorithm, file in files.items():
            queries, _ = distinct(asked_of(fingerprints, algorithm, min_quality).values)
            put_once(file, npy_pieces("|u1", queries.shape, [queries]))
    return {algorithm: _counted(_mapped(file, algorithm)) for algorithm, file in files.items()}


def queries_file(stem: Path, algorithm: str) -> Path:
    """Return where the queries of one algorithm belong."""
    return stem.with_name(f"{stem.name}.{algorithm}.npy")


def read_fingerprint_tables(files: Sequence[Path]) -> pa.Table:
    """Return the fingerprints of some parts as one table; what an older one lacks is null."""
    tables = [read_parquet(file) for file in files]
    return pa.concat_tables(tables, promote_options="default").combine_chunks()


def _mapped(file: Path, algorithm: str) -> Bytes:
    """Map queries, read-only; raise WorkspaceError unless they are what was put."""
    try:
        queries: Bytes = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise WorkspaceError(f"{file}: not the queries of a run ({type(error).__name__})") from None
    if queries.dtype != np.uint8 or queries.shape[1:] != (ALGORITHM_BYTES[algorithm],):
        raise WorkspaceError(f"{file}: not the queries of a run")
    return queries


def _counted(queries: Bytes) -> npt.NDArray[np.int64]:
    prefixes = queries[:, 0].astype(np.int64) << 4 | queries[:, 1] >> 4
    return np.bincount(prefixes, minlength=1 << PREFIX_BITS)


def blocks(counts: Mapping[str, npt.NDArray[np.int64]], most: int) -> Iterator[Block]:
    """Cut the queries of each algorithm into blocks of up to so many."""
    for algorithm, counted in counts.items():
        for prefixes in ranges(counted, most):
            yield Block(algorithm, prefixes, int(counted[prefixes.start : prefixes.stop].sum()))


def queries_of(files: Sequence[Path], algorithm: str, prefixes: range) -> Bytes:
    """Return the distinct queries of a block, uint8[Q, W], ascending."""
    pieces = [_within(_mapped(file, algorithm), prefixes) for file in files]
    joined = np.concatenate(pieces)
    return joined if len(pieces) == 1 else distinct(joined)[0]


def _within(queries: Bytes, prefixes: range) -> Bytes:
    """Return the rows whose first bits lie in a range; they are sorted, so little else is touched."""
    width = queries.shape[1]
    known = queries.view(f"S{width}")[:, 0]
    bounds = [
        np.searchsorted(known, np.bytes_((prefix << 4).to_bytes(2, "big").ljust(width, b"\0")))
        if prefix >> PREFIX_BITS == 0
        else len(known)
        for prefix in (prefixes.start, prefixes.stop)
    ]
    return queries[bounds[0] : bounds[1]]
