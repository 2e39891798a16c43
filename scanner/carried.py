"""The only place where matches with an earlier table are carried over to one with other entries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from scanner.config import Matching
from scanner.hashlist.delta import Delta, withdrawn_keys
from scanner.hashlist.table import HashTable
from scanner.match.join import finding_ids, join
from scanner.slices import read_match_table

pc: Any = pyarrow.compute  # its type stubs do not know chunked arrays

Matched = tuple[pa.Table, dict[str, int]]
"""Matches, and how many entries were left out by finding id."""

Tables = Callable[[Path], HashTable]
"""Opens a table, or gives one that is open."""

KIND = ("finding_id", "algorithm", "list", "classification", "entry_status")
"""Within these the nearest entries are kept."""


@dataclass(frozen=True)
class Carried:
    """What changed between two tables: the deltas of their lists; `table` and its snapshots are the later."""

    table: Path
    snapshots: tuple[tuple[str, str], ...]
    deltas: tuple[Delta, ...]
    matching: Matching


def carry_over(
    earlier: Path,
    fingerprints: pa.Table,
    added: Matched,
    carried: Carried,
    tables: Tables,
) -> Matched:
    """Return the matches of a part with the later table, as a join of all its fingerprints would give them.

    `earlier` are its matches with the earlier table, `added` those with the entries that were added since.
    Matches of withdrawn entries retire. Where an object has more entries than are kept, whose values alone
    say which these are, it is joined with the whole table again.
    """
    before, left_out = read_match_table(earlier)
    gone = withdrawn_keys(carried.deltas, before.select(["list", "member", "entry_id", "algorithm"]))
    both = pa.concat_tables([before.filter(pa.array(~gone)), added[0]])
    crowded = {*left_out, *added[1], *_crowded(both, carried.matching.max_entries_per_list)}
    left_out = {}
    if crowded:
        ids = pa.array(sorted(crowded))
        own = pa.array(finding_ids(fingerprints, range(len(fingerprints))), pa.string())
        again = fingerprints.filter(pc.is_in(own, ids))
        found = join(again, tables(carried.table), carried.matching)
        matches, left_out = found.of(range(len(again)))
        both = pa.concat_tables([both.filter(pc.invert(pc.is_in(both.column("finding_id"), ids))), matches])
    return _with_snapshots(both, carried.snapshots), left_out


def _crowded(matches: pa.Table, most: int) -> list[str]:
    """Return the objects that match more entries of a kind than are kept."""
    counted = matches.group_by([*KIND]).aggregate([([], "count_all")])
    ids: Any = counted.filter(pc.greater(counted.column("count_all"), most)).column("finding_id")
    return [*ids.to_pylist()]


def _with_snapshots(matches: pa.Table, snapshots: Sequence[tuple[str, str]]) -> pa.Table:
    """Return matches that name the present snapshot of their list: what an entry says is in it as before."""
    place = pc.index_in(matches.column("list"), pa.array([name for name, _ in snapshots], pa.string()))
    now = pc.take(pa.array([digest for _, digest in snapshots], pa.string()), place)
    number = matches.schema.get_field_index("snapshot")
    return matches.set_column(number, matches.schema.field("snapshot"), now)
