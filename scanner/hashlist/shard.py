"""The only place for the files of one shard: a range of one algorithm's values, and their entries.

They are read through memory maps, so that all workers of a host share them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.hashlist.arrays import arrow_pieces, file_of, map_array, npy_pieces, put_file, shown
from scanner.hashlist.bands import BandIndex
from scanner.hashlist.indices import INDEX_FILES, open_indices, write_indices
from scanner.hashlist.postings import POSTINGS, SortedEntries
from scanner.workspace import file_digest

FILES = ("values.npy", "offsets.npy", "postings.arrow")
"""What every shard has; `INDEX_FILES` are there where its header lists bands."""


@dataclass(frozen=True)
class Shard:
    """Sorted entries (see `SortedEntries`), mapped; `first_entry` of them lie in the shards before.

    `indices` lead to all values within `max_distance` bits, inclusive; there are none where a scan costs
    less. Values that match exactly or not at all have no distance.
    """

    values: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    postings: pa.Table
    first_entry: int
    indices: tuple[BandIndex, ...] = ()
    max_distance: int | None = None


def stem_of(table: Path, algorithm: str, number: int) -> Path:
    """Return what the names of a shard's files begin with, in the folder of a table."""
    return table / algorithm / f"{number:05}"


def write_shard(stem: Path, entries: SortedEntries, max_distance: int | None) -> dict[str, Any]:
    """Write the files of a shard, whose names begin with `stem`; return what a table's header says of it.

    Their folder must be there. Writing them twice is harmless, at once or one after the other.
    """
    values, offsets = entries.values, entries.offsets
    contents = {
        "values.npy": npy_pieces("|u1", values.shape, [values]),
        "offsets.npy": npy_pieces("<i8", offsets.shape, [offsets]),
        "postings.arrow": arrow_pieces(entries.postings.schema, [entries.postings]),
    }
    files = {name: put_file(file_of(stem, name), pieces) for name, pieces in contents.items()}
    index = {"bands": [], "files": {}} if max_distance is None else write_indices(stem, values, max_distance)
    return {
        "values": len(values),
        "entries": len(entries.postings),
        "first": values[0].tobytes().hex(),
        "last": values[-1].tobytes().hex(),
        "bands": index["bands"],
        "files": files | index["files"],
    }


def open_shard(
    stem: Path, header: dict[str, Any], width: int, max_distance: int | None, first_entry: int
) -> Shard:
    """Map a shard and check its sizes and shapes; raise ValueError in words when they are others."""
    for name in _names(header):
        if file_of(stem, name).stat().st_size != header["files"][name]["bytes"]:
            raise ValueError(f"{shown(stem, name)} has another size than when it was built")
    count, entries = header["values"], header["entries"]
    said = f"does not hold {count} values of {width} bytes"
    values = map_array(stem, "values.npy", np.uint8, (count, width), said)
    if (header["first"], header["last"]) != (values[0].tobytes().hex(), values[-1].tobytes().hex()):
        raise ValueError(f"{shown(stem, 'values.npy')} does not hold the range that it was built with")
    said = f"does not lead to {entries} entries"
    offsets = map_array(stem, "offsets.npy", np.int64, (count + 1,), said)
    if offsets[-1] != entries:
        raise ValueError(f"{shown(stem, 'offsets.npy')} {said}")
    with pa.memory_map(str(file_of(stem, "postings.arrow"))) as source:
        batches = pa.ipc.open_file(source)
        postings = batches.read_all()
    fitting = postings.schema.equals(POSTINGS, check_metadata=True) and batches.num_record_batches == 1
    if not fitting or len(postings) != entries:
        raise ValueError(f"{shown(stem, 'postings.arrow')} does not hold {entries} entries")
    if max_distance is None:
        return Shard(values, offsets, postings, first_entry)
    indices = open_indices(stem, header["bands"], count, 8 * width, max_distance)
    return Shard(values, offsets, postings, first_entry, indices, max_distance)


def verify_shard(stem: Path, header: dict[str, Any]) -> None:
    """Read a whole shard; raise ValueError in words when a byte differs from what was built."""
    for name in _names(header):
        if file_digest(file_of(stem, name)) != header["files"][name]["sha256"]:
            raise ValueError(f"{shown(stem, name)} is not what was built (its digest differs)")


def _names(header: dict[str, Any]) -> tuple[str, ...]:
    return (*FILES, *INDEX_FILES) if header["bands"] else FILES
