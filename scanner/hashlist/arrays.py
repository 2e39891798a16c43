"""The only place where the files of a table are written, array by array, and mapped again."""

import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.workspace import put_once

Array = npt.NDArray[Any]


def file_of(stem: Path, name: str) -> Path:
    """Return a file of a shard, whose files' names begin with `stem`."""
    return stem.with_name(f"{stem.name}.{name}")


def shown(stem: Path, name: str) -> str:
    """Return how errors name a file of a shard."""
    return f"{stem.parent.name}/{stem.name}.{name}"


def put_file(path: Path, pieces: Iterable[memoryview]) -> dict[str, Any]:
    """Write a file piece by piece into a folder that is there; return its size and digest.

    They are those of the pieces, as a table's header holds them, also where the file was there before: that
    it holds the same is seen when the table is verified.
    """
    digest, size = hashlib.sha256(), 0

    def noted() -> Iterator[memoryview]:
        nonlocal size
        for piece in pieces:
            digest.update(piece)
            size += piece.nbytes
            yield piece

    written = noted()
    put_once(path, written, make_parents=False)  # a table that was given up must not come back
    for _ in written:  # what was not taken, since the file was there
        pass
    return {"bytes": size, "sha256": digest.hexdigest()}


def npy_pieces(kind: npt.DTypeLike, shape: tuple[int, ...], arrays: Iterable[Array]) -> Iterator[memoryview]:
    """Yield a NumPy file of this type and shape, whose content is that of the arrays, one after the other."""
    sink = io.BytesIO()
    described = np.lib.format.dtype_to_descr(np.dtype(kind))
    facts = {"descr": described, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(sink, facts)
    yield sink.getbuffer()
    for array in arrays:
        yield np.ascontiguousarray(array, kind).reshape(-1).view(np.uint8).data


class _Pieces(io.RawIOBase):
    """A file that is never written: what would be is kept where it lies, uncopied."""

    def __init__(self) -> None:
        self.pieces: list[memoryview] = []

    def writable(self) -> bool:
        """Say yes: Arrow asks."""
        return True

    def write(self, piece: Any) -> int:
        """Keep a piece, bytes or a buffer of Arrow's, which stays as it is."""
        self.pieces.append(memoryview(piece))
        return self.pieces[-1].nbytes


def arrow_pieces(schema: pa.Schema, tables: Iterable[pa.Table]) -> Iterator[memoryview]:
    """Yield an Arrow file of one batch of rows for each table, held one after the other.

    The indices of a column with a dictionary must mean the same in all.
    """
    sink = _Pieces()
    with pa.PythonFile(sink, "w") as file, pa.ipc.new_file(file, schema) as writer:
        for table in tables:
            writer.write_table(table.combine_chunks())
            yield from sink.pieces
            sink.pieces.clear()
    yield from sink.pieces


def map_array(stem: Path, name: str, kind: npt.DTypeLike, shape: tuple[int, ...], what: str) -> Array:
    """Map an array of a shard; raise ValueError that says what it does not do, unless it has this shape."""
    array: Array = np.load(file_of(stem, name), mmap_mode="r", allow_pickle=False)
    if array.dtype != kind or array.shape != shape or not array.flags.c_contiguous:
        raise ValueError(f"{shown(stem, name)} {what}")
    return array
