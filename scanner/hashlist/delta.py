"""The only place where two snapshots of a list are compared: which entries were added, and which withdrawn.

Both sides are read once, side by side in the order of their keys, so that neither need fit into memory.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from scanner.config import digest_of
from scanner.errors import HashListError, WorkspaceError
from scanner.hashlist.entries import KEY, EntriesDigest, matched_entries
from scanner.hashlist.header import header_of, read_header
from scanner.hashlist.sides import side_by_side
from scanner.hashlist.snapshot import Snapshot
from scanner.hashlist.stream import checked_entries
from scanner.records import HashEntry, schema_of
from scanner.workspace import Workspace, file_digest, json_bytes, make_folder, open_private, put_once

pc: Any = pyarrow.compute  # its type stubs do not know chunked arrays

LAYOUT = 1

REMEDY = "remove the delta's folder; the next rematch makes it again"

_HEADER: dict[str, type] = {"digest": str, "added": dict, "withdrawn": dict}

_WITHDRAWN = pa.schema([(name, pa.string()) for name in KEY])


@dataclass(frozen=True)
class Delta:
    """What changed in one list between two tables: entries that may be matched, by number and where.

    `added` holds those that are new or say something else, as a snapshot of their own, and `withdrawn` the
    keys of those that are no more or said something else, sorted; None where there are none.
    """

    list: str
    added: Snapshot | None
    withdrawn: Path | None
    added_entries: int
    withdrawn_entries: int


def delta_of(workspace: Workspace, earlier: Snapshot | None, later: Snapshot | None) -> Delta:
    """Return what changed from one snapshot of a list to another; None stands for a list that is not there.

    It is made where it is not at rest already. Raises HashListError for a damaged snapshot or delta, and
    WorkspaceError where it cannot be written.
    """
    snapshot = later or earlier
    if snapshot is None:
        raise ValueError("a delta is that of one snapshot at least")
    if earlier is None:
        return Delta(snapshot.list, snapshot, None, snapshot.counts["matched"], 0)
    digests = [None if one is None else one.digest for one in (earlier, later)]
    digest = digest_of({"layout": LAYOUT, "list": snapshot.list, "snapshots": digests})
    folder = workspace.deltas / snapshot.list / digest
    if not folder.exists():
        try:
            _put(folder, earlier, later)
        except OSError as error:
            raise WorkspaceError(f"{folder}: the delta cannot be written: {error.strerror}") from None
    return _opened(folder, snapshot)


def _opened(folder: Path, snapshot: Snapshot) -> Delta:
    header = read_header(folder / "delta.json", "delta", _HEADER, REMEDY)
    added, withdrawn = header["added"], header["withdrawn"]
    try:
        if header["digest"] != folder.name:
            raise HashListError(f"{folder}: holds another delta than its name says; {REMEDY}")
        if file_digest(folder / "withdrawn.parquet") != withdrawn["sha256"]:
            raise HashListError(f"{folder}: withdrawn.parquet is not what was written; {REMEDY}")
        counts = {"entries": added["entries"], "matched": added["entries"]}
        new = Snapshot(snapshot.list, added["digest"], folder, snapshot.imported_at, counts)
        return Delta(
            snapshot.list,
            new if added["entries"] else None,
            folder / "withdrawn.parquet" if withdrawn["entries"] else None,
            added["entries"],
            withdrawn["entries"],
        )
    except (OSError, KeyError):
        raise HashListError(f"{folder}: damaged; {REMEDY}") from None


def _put(folder: Path, earlier: Snapshot, later: Snapshot | None) -> None:
    """Write all files into a temporary folder, then give it the delta's name unless that is taken."""
    make_folder(folder.parent)
    temporary = Path(tempfile.mkdtemp(".tmp", f".{folder.name[:12]}.", folder.parent))
    try:
        facts = _write(temporary, earlier, later)
        put_once(temporary / "delta.json", json_bytes(header_of("delta", {"digest": folder.name, **facts})))
        temporary.rename(folder)
    except OSError:
        if not folder.exists():  # else somebody else made it meanwhile, from the same snapshots
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(folder: Path, earlier: Snapshot, later: Snapshot | None) -> dict[str, Any]:
    digest, entries, withdrawn = EntriesDigest(), 0, 0
    empty = schema_of(HashEntry).empty_table()
    gone_file, new_file = folder / "withdrawn.parquet", folder / "entries.parquet"
    with _writer(new_file, schema_of(HashEntry)) as new, _writer(gone_file, _WITHDRAWN) as gone:
        for before, after in side_by_side([_matched(earlier), _matched(later)], [empty, empty]):
            fresh, lost = _without(after, before), _without(before, after)
            digest.add(fresh)
            new.write_table(fresh)
            gone.write_table(lost.select(KEY).cast(_WITHDRAWN))
            entries, withdrawn = entries + len(fresh), withdrawn + len(lost)
    return {
        "added": {"entries": entries, "digest": digest.hexdigest()},
        "withdrawn": {"entries": withdrawn, "sha256": file_digest(gone_file)},
    }


@contextlib.contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    with open_private(path) as file:
        with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
            yield writer
        file.flush()
        os.fsync(file.fileno())


def _matched(snapshot: Snapshot | None) -> Iterator[pa.Table]:
    """Yield the entries that may be matched, sorted by key, as they are read."""
    for table in () if snapshot is None else checked_entries(snapshot):
        entries = matched_entries(table)
        if len(entries):
            yield entries


def _without(table: pa.Table, other: pa.Table) -> pa.Table:
    """Return the rows that do not stand in another table just as they are, as far as a match tells."""
    if not len(table) or not len(other):
        return table
    left, right = _told(table), _told(other)
    numbered = left.append_column("row", pa.array(np.arange(len(left))))
    missing = numbered.join(right, left.column_names, join_type="left anti").column("row")
    return table.take(np.sort(missing.to_numpy()))


def _told(entries: pa.Table) -> pa.Table:
    """Return what a match tells of entries, in columns that can be compared: nothing is a word of its own."""
    tags = entries.column("tags")
    columns: dict[str, Any] = {name: entries.column(name) for name in (*KEY, "value", "status")}
    for name in ("classification", "scheme"):
        column = entries.column(name)
        columns |= {name: pc.fill_null(column, ""), f"{name} missing": pc.is_null(column)}
    columns |= {"tags": pc.binary_join(tags, "\0"), "tag count": pc.list_value_length(tags)}
    return pa.table(columns)


def withdrawn_keys(deltas: Sequence[Delta], keys: pa.Table) -> npt.NDArray[np.bool_]:
    """Tell which match keys (list, member, entry_id, algorithm) are those of withdrawn entries.

    Memory is that of the keys and of one batch of withdrawn ones.
    """
    withdrawn = np.zeros(len(keys), bool)
    numbered = keys.append_column("row", pa.array(np.arange(len(keys))))
    for delta in deltas:
        own = numbered.filter(pc.equal(numbered.column("list"), delta.list))
        if delta.withdrawn is None or not len(own):
            continue
        with pq.ParquetFile(delta.withdrawn) as file:
            for batch in file.iter_batches():
                met = own.join(pa.Table.from_batches([batch]), [*KEY], join_type="left semi")
                withdrawn[met.column("row").to_numpy()] = True
    return withdrawn
