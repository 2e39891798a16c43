"""The only place where a snapshot is read row group by row group, so that no list need fit into memory."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from scanner.errors import HashListError
from scanner.hashlist.entries import EntriesDigest
from scanner.hashlist.snapshot import REMEDY, Snapshot, purged_reason
from scanner.records import HashEntry, schema_of

Choice = Callable[[pa.Table], npt.NDArray[np.bool_]]
"""Says of some columns of entries which of the rows are wanted."""


def checked_entries(snapshot: Snapshot) -> Iterator[pa.Table]:
    """Yield the entries of a snapshot, sorted by key.

    Raises HashListError as `open_snapshot` does; that the entries are those imported is known at the end.
    """
    digest = EntriesDigest()
    with _opened(snapshot) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            digest.add(table)
            yield table
    if digest.hexdigest() != snapshot.digest:
        raise HashListError(f"{_path(snapshot)}: not what was imported (its digest differs); {REMEDY}")


def chosen_entries(
    snapshot: Snapshot, asked: Sequence[str], choose: Choice, columns: Sequence[str]
) -> Iterator[pa.Table]:
    """Yield some columns of the entries that are chosen by those `asked` for, where there are any.

    Raises HashListError when a page has decayed; that the snapshot is what was imported is not looked at.
    """
    with _opened(snapshot) as file:
        for number in range(file.num_row_groups):
            wanted = choose(file.read_row_group(number, [*asked]))
            if wanted.any():
                yield file.read_row_group(number, [*columns]).filter(pa.array(wanted))


def _path(snapshot: Snapshot) -> Path:
    return snapshot.path / "entries.parquet"


@contextlib.contextmanager
def _opened(snapshot: Snapshot) -> Iterator[pq.ParquetFile]:
    path = _path(snapshot)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if not file.schema_arrow.equals(schema_of(HashEntry), check_metadata=True):
                raise HashListError(f"{path}: not the entries of a list of this version; {REMEDY}")
            yield file
    except FileNotFoundError:
        purged = purged_reason(snapshot.path)
        words = f"missing; {REMEDY}" if purged is None else f"purged: {purged}"
        raise HashListError(f"{path}: {words}") from None
    except (OSError, pa.ArrowException) as error:
        raise HashListError(
            f"{path}: not a readable Parquet file ({type(error).__name__}); {REMEDY}"
        ) from None
