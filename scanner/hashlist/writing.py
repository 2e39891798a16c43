"""The only place that writes a snapshot: entries as they come, in a folder named by their digest."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from scanner.errors import HashListError
from scanner.hashlist.entries import Counts, EntriesDigest
from scanner.hashlist.header import header_of
from scanner.hashlist.snapshot import GROUP_ROWS, PURGED, being_written, read_snapshot
from scanner.hashlist.stream import checked_entries
from scanner.records import HashEntry, schema_of
from scanner.workspace import Workspace, json_bytes, link, make_folder, open_private, put_once, replace


def put_snapshot(workspace: Workspace, name: str, table: pa.Table, source: dict[str, Any]) -> str:
    """Keep merged entries that are all in memory as `SnapshotWriter` does; return their digest."""
    with SnapshotWriter(workspace, name) as writer:
        writer.add(table)
        return writer.put(source)


class SnapshotWriter:
    """Takes the merged entries of a list in their order, and puts them as a snapshot once they are all there.

    Until then they lie in a private file under a temporary name, which is removed when the context ends.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.counts = Counts()
        self._name, self._folder = name, workspace.lists / name
        self._path = workspace.lists / f".entries.{secrets.token_hex(8)}.tmp"
        self._digest = EntriesDigest()
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def __enter__(self) -> Self:
        with being_written(self._path):
            self._file = open_private(self._path)
            schema = schema_of(HashEntry)
            self._parquet = pq.ParquetWriter(self._file, schema, compression="zstd", write_page_checksum=True)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, pa.ArrowException):  # whoever left early left for a reason
            self._parquet.close()
        with contextlib.suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)

    def add(self, table: pa.Table) -> None:
        """Take in the next entries."""
        self.counts.add(table)
        self._digest.add(table)
        self._waiting.append(table)
        self._rows += len(table)
        if self._rows >= GROUP_ROWS:
            waiting = pa.concat_tables(self._waiting)
            whole = len(waiting) - len(waiting) % GROUP_ROWS
            for start in range(0, whole, GROUP_ROWS):
                self._write(waiting.slice(start, GROUP_ROWS))
            self._waiting, self._rows = [waiting.slice(whole)], len(waiting) - whole

    def _write(self, table: pa.Table) -> None:
        with being_written(self._path):
            self._parquet.write_table(table, row_group_size=GROUP_ROWS)

    def put(self, source: dict[str, Any]) -> str:
        """Keep the entries under their digest, which is returned; none come after them.

        `source` says where they came from, in plain values. An equal snapshot that is there and whole stays
        as it is; a damaged one is written anew.
        """
        if self._rows:
            self._write(pa.concat_tables(self._waiting))
        with being_written(self._path):
            self._parquet.close()
            self._file.flush()
            os.fsync(self._file.fileno())
        digest = self._digest.hexdigest()
        folder = self._folder / digest
        facts = {"list": self._name, "digest": digest, "counts": self.counts.to_dict(), "source": source}
        header = json_bytes(header_of("snapshot", facts))
        with being_written(folder):
            fresh = not (folder / "entries.parquet").exists()
            make_folder(folder)
            link(self._path, folder / "entries.parquet")
            (folder / PURGED).unlink(missing_ok=True)
            fresh = put_once(folder / "snapshot.json", header) and fresh
            if not fresh and not _whole(folder):
                self._path.rename(folder / "entries.parquet")
                replace(folder / "snapshot.json", header)
        return digest


def _whole(folder: Path) -> bool:
    try:
        for _ in checked_entries(read_snapshot(folder)):
            pass
    except HashListError:
        return False
    return True
