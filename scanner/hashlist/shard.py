"""The only place for the files of one shard: a range of one algorithm's values, and their entries.

They are read through memory maps, so that all workers of a host share them.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.hashlist.postings import POSTINGS, SortedEntries
from scanner.workspace import file_digest, put_once

FILES = ("values.npy", "offsets.npy", "postings.arrow")


@dataclass(frozen=True)
class Shard:
    """Sorted entries (see `SortedEntries`), mapped; `first_entry` of them lie in the shards before."""

    values: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    postings: pa.Table
    first_entry: int


def write_shard(stem: Path, entries: SortedEntries) -> dict[str, Any]:
    """Write the files of a shard, whose names begin with `stem`; return what a table's header says of it."""
    contents = {
        "values.npy": _npy_bytes(entries.values),
        "offsets.npy": _npy_bytes(entries.offsets),
        "postings.arrow": _arrow_bytes(entries.postings),
    }
    for name, content in contents.items():
        put_once(_file(stem, name), content)
    return {
        "values": len(entries.values),
        "entries": len(entries.postings),
        "first": entries.values[0].tobytes().hex(),
        "last": entries.values[-1].tobytes().hex(),
        "files": {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in contents.items()
        },
    }


def _file(stem: Path, name: str) -> Path:
    return stem.with_name(f"{stem.name}.{name}")


def _npy_bytes(array: npt.NDArray[Any]) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=False)
    return sink.getvalue()


def _arrow_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def open_shard(stem: Path, header: dict[str, Any], width: int, first_entry: int) -> Shard:
    """Map a shard and check its sizes and shapes; raise ValueError in words when they are others."""
    for name in FILES:
        if _file(stem, name).stat().st_size != header["files"][name]["bytes"]:
            raise ValueError(f"{_shown(stem, name)} has another size than when it was built")
    values, offsets = (
        np.load(_file(stem, name), mmap_mode="r", allow_pickle=False)
        for name in ("values.npy", "offsets.npy")
    )
    with pa.memory_map(str(_file(stem, "postings.arrow"))) as source:
        postings = pa.ipc.open_file(source).read_all()
    count, entries = header["values"], header["entries"]
    if values.dtype != np.uint8 or values.shape != (count, width):
        raise ValueError(f"{_shown(stem, 'values.npy')} does not hold {count} values of {width} bytes")
    if (header["first"], header["last"]) != (values[0].tobytes().hex(), values[-1].tobytes().hex()):
        raise ValueError(f"{_shown(stem, 'values.npy')} does not hold the range that it was built with")
    if offsets.dtype != np.int64 or offsets.shape != (count + 1,) or offsets[-1] != entries:
        raise ValueError(f"{_shown(stem, 'offsets.npy')} does not lead to {entries} entries")
    if not postings.schema.equals(POSTINGS, check_metadata=True) or len(postings) != entries:
        raise ValueError(f"{_shown(stem, 'postings.arrow')} does not hold {entries} entries")
    return Shard(values, offsets, postings, first_entry)


def verify_shard(stem: Path, header: dict[str, Any]) -> None:
    """Read a whole shard; raise ValueError in words when a byte differs from what was built."""
    for name in FILES:
        if file_digest(_file(stem, name)) != header["files"][name]["sha256"]:
            raise ValueError(f"{_shown(stem, name)} is not what was built (its digest differs)")


def _shown(stem: Path, name: str) -> str:
    return f"{stem.parent.name}/{stem.name}.{name}"
