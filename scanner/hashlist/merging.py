"""The only place where it is decided which of several rows stands for an entry."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from scanner.hashlist.entries import KEY, is_matched, matched_entries, take_rows
from scanner.hashlist.row import ENDED
from scanner.hashlist.sides import RECORD
from scanner.records import HashEntry, schema_of

pc: Any = pyarrow.compute  # its type stubs know neither chunked arrays nor arrays of any type

Numbers = npt.NDArray[np.int64]

PLACE: list[tuple[str, pa.DataType]] = [("row", pa.int64()), ("record", pa.int64()), ("own", pa.bool_())]
"""Where an entry stands in its file: `row` in the order of rows, `record` equal for the hashes of a picture.

`own` is true for one entry of each row: a row that ends an entry under two ids makes two. Entries of an
earlier snapshot have no file: their numbers are below zero.
"""

ROWS = pa.schema([*schema_of(HashEntry), *PLACE])

EARLIER = -1
"""The record of all entries of an earlier snapshot."""


@dataclass(frozen=True)
class Merged:
    """Entries sorted by key, each once; how many rows said the same again, how many another value.

    `ended` holds the keys whose latest row ends the entry, which is left out. `standing` counts the rows of
    the file that stand for an entry, or for its end.
    """

    table: pa.Table
    ended: pa.Table
    duplicates: int
    replaced: int
    standing: int


@dataclass(frozen=True)
class Lost:
    """Entries that were matched and are no longer: all, and those that the list does not call withdrawn."""

    removed: int
    vanished: int


def earlier_rows(entries: pa.Table) -> pa.Table:
    """Return entries of an earlier snapshot as rows that stand before those of any file."""
    row = pa.array(np.arange(-len(entries), 0))
    record, own = pa.repeat(pa.scalar(EARLIER), len(entries)), pa.array(np.zeros(len(entries), bool))
    return pa.Table.from_arrays([*entries.columns, row, record, own], schema=ROWS)


def merge_rows(rows: pa.Table) -> Merged:
    """Sort rows by key and keep one row of each key, the latest: a list is a log of changes."""
    order = _order(rows, KEY)
    starts = _starts(take_rows(rows.select(KEY), order))
    key = np.cumsum(starts) - 1
    kept = np.flatnonzero(starts)
    if len(kept) < len(order):
        kept = _latest(key, take_rows(rows.select(["modified_at"]), order).column(0))
    others = np.delete(np.arange(len(order)), kept)
    same, replaced = _compared(rows, order[others], order[kept[key[others]]])
    latest = take_rows(rows, order[kept])
    return _merged(latest, _valued(latest.column("value")), same, replaced)


def _merged(latest: pa.Table, kept: Any, same: int, replaced: int) -> Merged:
    standing = pc.sum(latest.column("own")).as_py() or 0
    schema = schema_of(HashEntry)
    entries = pa.Table.from_arrays(latest.columns[: len(schema)], schema=schema)
    ended = entries.filter(pc.invert(kept)).select(KEY)
    table = entries.filter(kept) if len(ended) else entries
    return Merged(table, ended, same, replaced, standing)


def merge_records(rows: pa.Table, refused: pa.Table) -> Merged:
    """Merge the records of a file that says what became of entries with those of an earlier snapshot.

    The latest record of a member and id stands for all hashes of its picture: one that it no longer names is
    no longer an entry, and one that it withdraws leaves no value behind. But what a refused row of the file
    names (`refused`, by key) stays as it was: a value that cannot be read is no reason to forget another.
    """
    order = _order(rows, RECORD)
    starts = _starts(take_rows(rows.select(RECORD), order))
    group = np.cumsum(starts) - 1
    winners = _latest(group, take_rows(rows.select(["modified_at"]), order).column(0))
    record = rows.column("record").to_numpy()[order]
    stands = record == record[winners][group]
    keys = take_rows(rows.select(KEY), order)
    spared = (record == EARLIER) & ~stands & _named(keys, refused)
    if spared.any():
        spared &= ~_named(keys, keys.filter(pa.array(stands)))
    merged = merge_rows(take_rows(rows, np.sort(order[stands | spared])))
    others = rows.take(pa.array(np.sort(order[~(stands | spared) & (record != EARLIER)])))
    said = [*KEY, "value"]
    same = others.select(said).join(merged.table.select(said), said, join_type="left semi").num_rows
    table, ended = merged.table, merged.ended
    withdrawn = pc.is_in(table.column("status"), pa.array(ENDED))
    if pc.any(withdrawn).as_py():
        ended = pa.concat_tables([ended, table.filter(withdrawn).select(KEY)])
        table = table.filter(pc.invert(withdrawn))
    valued = pc.sum(_valued(others.column("value"))).as_py() or 0
    return Merged(table, ended, merged.duplicates + same, merged.replaced + valued - same, merged.standing)


def _named(keys: pa.Table, refused: pa.Table) -> npt.NDArray[np.bool_]:
    """Tell which keys are among the refused ones."""
    named = np.zeros(len(keys), bool)
    if len(refused):
        rows = keys.append_column("at", pa.array(np.arange(len(keys))))
        named[rows.join(refused.select(KEY), [*KEY], join_type="left semi").column("at").to_numpy()] = True
    return named


def _order(rows: pa.Table, names: tuple[str, ...]) -> Numbers:
    order: Numbers = pc.sort_indices(
        rows.select([*names, "row"]), sort_keys=[(name, "ascending") for name in (*names, "row")]
    ).to_numpy()
    return order


def _compared(table: pa.Table, rows: Numbers, winners: Numbers) -> tuple[int, int]:
    """Return how many rows have the value of the row that stands for them, and how many another."""
    values = table.select(["value"])
    here, there = (take_rows(values, numbers).column(0) for numbers in (rows, winners))
    both = pc.and_(_valued(here), _valued(there))
    same = pc.sum(pc.and_(both, pc.equal(here, there))).as_py() or 0
    return same, (pc.sum(both).as_py() or 0) - same


def _valued(values: Any) -> Any:
    return pc.greater(pc.binary_length(values), 0)


def _starts(keys: pa.Table) -> npt.NDArray[np.bool_]:
    """Return where a key differs from the one before."""
    starts = np.ones(len(keys), bool)
    starts[1:] = False
    for column in keys.columns:
        starts[1:] |= pc.not_equal(column[1:], column[:-1]).to_numpy()
    return starts


def _latest(key: Numbers, modified_at: Any) -> Numbers:
    """Return the place of the row that stands for each key; `key` counts the keys, rows in their order.

    Row by row, the next one replaces the one before unless both say when they were modified and the next
    one is the older. So the rows before the last that does not say it (a higher `turn`) play no part.
    """
    turn = np.cumsum(modified_at.is_null().to_numpy())
    moments = modified_at.cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
    order = np.lexsort((np.arange(len(key)), moments, turn, key))
    last = np.ones(len(key), bool)
    last[:-1] = key[1:] != key[:-1]  # lexsort leaves `key` itself as it is: it is sorted
    latest: Numbers = order[last]
    return latest


def lost_entries(earlier: pa.Table, later: pa.Table, ended: pa.Table) -> Lost:
    """Return how many entries that were matched earlier are gone, changed in value, or no longer matched.

    `ended` holds the keys of entries that the later list ends without keeping them.
    """
    columns = [*KEY, "value"]
    was, now = (matched_entries(table).select(columns) for table in (earlier, later))
    gone = was.join(now, columns, join_type="left anti")
    said = pa.concat_tables([later.filter(pc.invert(is_matched(later))).select(KEY), ended])
    return Lost(gone.num_rows, gone.join(said, [*KEY], join_type="left anti").num_rows)
