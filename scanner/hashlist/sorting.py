"""The only place where more rows than fit into memory are sorted: in runs on disk, each sorted by itself."""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute

from scanner.errors import WorkspaceError
from scanner.hashlist.entries import take_rows
from scanner.workspace import open_private

pc: Any = pyarrow.compute

RUN_ROWS = 400_000
RUN_BYTES = 96 << 20
"""What is sorted at once; sorting takes about four times its room."""

BATCH_ROWS = 16_384
BATCH_BYTES = 4 << 20
"""What is read of a run at a time; there may be dozens of runs."""


class SortedRows:
    """Rows of one schema that come in any order and go sorted, in a private file for each run.

    The files hold values; they are removed when the context ends, and by age where a kill prevents that.
    """

    def __init__(self, folder: Path, schema: pa.Schema, order: Sequence[str]) -> None:
        self.schema = schema
        self._folder, self._order = folder, [(name, "ascending") for name in order]
        self._pending: list[pa.Table] = []
        self._rows = self._bytes = 0
        self._runs: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for path in self._runs:
            path.unlink(missing_ok=True)

    def add(self, table: pa.Table) -> None:
        """Take in some rows."""
        self._pending.append(table)
        self._rows += len(table)
        self._bytes += table.nbytes
        if self._rows >= RUN_ROWS or self._bytes >= RUN_BYTES:
            self._put()

    def sides(self) -> list[Iterator[pa.Table]]:
        """Return the sorted runs, each as tables; no rows are added after that."""
        if not self._runs:
            return [iter([self._sorted()])]
        if self._rows:
            self._put()
        return [_tables(path) for path in self._runs]

    def _sorted(self) -> pa.Table:
        table = pa.concat_tables([self.schema.empty_table(), *self._pending])
        self._pending, self._rows, self._bytes = [], 0, 0
        order: Any = pc.sort_indices(table, sort_keys=self._order).to_numpy()
        return table if (order == np.arange(len(order))).all() else take_rows(table, order)

    def _put(self) -> None:
        table = self._sorted()
        rows = min(BATCH_ROWS, max(1, len(table) * BATCH_BYTES // max(table.nbytes, 1)))
        path = self._folder / f".rows.{secrets.token_hex(8)}.tmp"
        try:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            with open_private(path) as file, pa.ipc.new_file(file, self.schema, options=options) as writer:
                self._runs.append(path)
                writer.write_table(table, max_chunksize=rows)
        except OSError as error:
            raise WorkspaceError(f"{path}: cannot be written: {error.strerror}") from None


def _tables(path: Path) -> Iterator[pa.Table]:
    with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
        for number in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(number)])
