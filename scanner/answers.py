"""The only place for what a run's queries were answered: the entries near them, at rest.

One file for each block of queries and shard of the table, and of these one file for each algorithm: its
batches are blocks, so that it is sorted by query and looked up where it lies.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.errors import WorkspaceError
from scanner.hashlist.arrays import arrow_pieces
from scanner.match.asked import Bytes, distinct
from scanner.match.nearest import Near, nearest, ranges
from scanner.records import ALGORITHM_BYTES
from scanner.workspace import put_once

Indices = npt.NDArray[np.int64]

_JOINED = b"hashsweep.joined"


@dataclass(frozen=True)
class Joined:
    """What one join came to: how many queries asked, and how many values they were compared with."""

    queries: int
    candidates: int


def _schema(algorithm: str) -> pa.Schema:
    columns: dict[str, pa.DataType] = {"query": pa.binary(ALGORITHM_BYTES[algorithm])}
    return pa.schema(columns | dict.fromkeys(("entry", "kind", "distance", "left_out"), pa.int64()))


def put_answers(path: Path, algorithm: str, queries: Bytes, near: Near, joined: Joined) -> None:
    """Put what lies near distinct queries, uint8[Q, W]; one row for each query and entry."""
    metadata = {_JOINED: json.dumps([joined.queries, joined.candidates]).encode()}
    table = _table(algorithm, queries, near).replace_schema_metadata(metadata)
    put_once(path, arrow_pieces(table.schema, [table]))


def _table(algorithm: str, queries: Bytes, near: Near) -> pa.Table:
    asked = queries[near.query]
    width = pa.binary(ALGORITHM_BYTES[algorithm])
    values = pa.FixedSizeBinaryArray.from_buffers(width, len(asked), [None, pa.py_buffer(asked.tobytes())])
    numbers = (near.entry, near.kind, near.distance, near.left_out[near.query])
    return pa.table([values, *map(pa.array, numbers)], schema=_schema(algorithm))


def read_joined(path: Path) -> Joined:
    """Return what the join came to whose answers lie here."""
    with _opened(path) as file:
        return Joined(*json.loads((file.schema.metadata or {})[_JOINED]))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[pa.ipc.RecordBatchFileReader]:
    try:
        with pa.memory_map(str(path)) as source:
            yield pa.ipc.open_file(source)
    except FileNotFoundError:
        raise WorkspaceError(f"{path}: missing; run the same command again") from None
    except (OSError, pa.ArrowException, KeyError) as error:
        raise WorkspaceError(f"{path}: not the answers of a run ({type(error).__name__})") from None


def gather(blocks: Iterable[Sequence[Path]], algorithm: str, per_list: int, output: Path) -> None:
    """Put the answers of all blocks, each given by those of all shards, into one file."""
    schema = _schema(algorithm)
    put_once(output, arrow_pieces(schema, (_gathered(block, algorithm, per_list) for block in blocks)))


def _gathered(files: Sequence[Path], algorithm: str, per_list: int) -> pa.Table:
    """Return the nearest entries of one block's queries over all shards; memory holds those alone."""
    asked, pieces = [], []
    for file in files:
        with _opened(file) as opened:
            answers = opened.read_all().combine_chunks()
        asked.append(_queries(answers.column("query"), algorithm))
        pieces.append(answers)
    queries, number = distinct(np.concatenate(asked))
    near, start = [], 0
    for answers in pieces:
        numbers = number[start : start + len(answers)]
        start += len(answers)
        near.append(_near(answers, numbers, len(queries)))
    return _table(algorithm, queries, nearest(near, per_list))


def _queries(column: Any, algorithm: str) -> Bytes:
    width = ALGORITHM_BYTES[algorithm]
    chunks: list[Any] = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    rows = [
        np.frombuffer(chunk.buffers()[1], np.uint8)[chunk.offset * width :][: len(chunk) * width]
        for chunk in chunks
    ]
    return np.concatenate([np.empty(0, np.uint8), *rows]).reshape(-1, width)


def _near(answers: Any, query: Indices, queries: int) -> Near:
    entry, kind, distance, left_out = (
        answers.column(name).to_numpy() for name in ("entry", "kind", "distance", "left_out")
    )
    further = np.zeros(queries, np.int64)
    further[query] = left_out
    return Near(query, entry, kind, distance, further)


def near_queries(path: Path, algorithm: str, queries: Bytes) -> Near:
    """Return what lies near distinct queries, uint8[Q, W], ascending; only their own rows are touched."""
    pieces: list[tuple[Indices, Any]] = []
    asked = queries.view(f"S{queries.shape[1]}")[:, 0]
    with _opened(path) as file:
        for number in range(file.num_record_batches):
            batch = file.get_batch(number)
            if len(batch):
                pieces.append(_looked_up(asked, batch, algorithm))
        empty = pa.Table.from_batches([], file.schema)
        query = np.concatenate([np.empty(0, np.int64), *(query for query, _ in pieces)])
        rows = pa.concat_tables([empty, *(rows for _, rows in pieces)])
        return _near(rows, query, len(queries))


def _looked_up(asked: npt.NDArray[np.bytes_], batch: Any, algorithm: str) -> tuple[Indices, pa.Table]:
    """Return the rows of a batch that answer queries, and which query each answers."""
    known = _queries(batch.column("query"), algorithm).view(asked.dtype)[:, 0]
    within = np.arange(
        np.searchsorted(asked, known[0]), np.searchsorted(asked, known[-1], side="right"), dtype=np.int64
    )
    first = np.searchsorted(known, asked[within])
    counts = np.searchsorted(known, asked[within], side="right") - first
    rows = ranges(first, counts)
    return np.repeat(within, counts), pa.Table.from_batches([batch]).take(rows)
