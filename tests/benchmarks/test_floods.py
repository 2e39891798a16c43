"""Joins in which millions of values are equal, or very many nearly so, beside joins of distinct ones."""

import time

import numpy as np
import pyarrow.parquet as pq

from scanner.config import Matching
from scanner.joining import Join
from scanner.match.near import near_entries
from scanner.slices import read_match_table
from scanner.workspace import Workspace
from tests.benchmarks.memory import measured
from tests.benchmarks.stored import Alone, Quiet, put_parts
from tests.benchmarks.tables import RADIUS, balanced, built, moved, put_list

OBJECTS, ROWS = 2_000_000, 20_000
FLOOD, QUERIES, TABLE = 100_000, 20_000, 3_500_000
KEPT = 10


def joined(folder, equal, kept):
    """Join as many objects as entries, all equal or each equal to one."""
    folder.mkdir()
    matching = Matching(max_entries_per_list=kept)
    values = np.repeat(balanced(1, 1), OBJECTS, axis=0) if equal else balanced(OBJECTS, 1)
    workspace = Workspace(folder / "workspace").create()
    table, _, _ = built(workspace, [put_list(workspace, values)])
    parts = put_parts(folder / "parts", values, ROWS)
    start = time.perf_counter()
    Join(table, matching, folder / "joins", Quiet(), asked_parts=4).run(Alone(table, matching), parts)
    seconds = time.perf_counter() - start
    left_out = sum(sum(read_match_table(part.output)[1].values()) for part in parts)
    return seconds, sum(pq.read_metadata(part.output).num_rows for part in parts), left_out


def test_equal_values_on_both_sides(tmp_path):
    print(f"\n{OBJECTS:,} objects and as many entries, joined on one core; objects are read and matches put")
    cases = (("distinct", False, KEPT), ("all equal, one entry kept", True, 1), ("all equal", True, KEPT))
    first = 0.0
    for name, equal, kept in cases:
        (seconds, matches, left_out), peak = measured(joined, tmp_path / name, equal, kept)
        first = first or seconds
        print(
            f"  {name:<28}{seconds:6.1f} s {seconds / first:5.2f}x  {matches:>11,} matches, "
            f"{left_out:,} left out and told; {peak:.1f} GB"
        )


def near_each_other(folder, flooded):
    """Ask queries of a flood that came into a large table, or others where none did."""
    folder.mkdir()
    random = np.random.default_rng(5)
    entries, queries = balanced(TABLE, 1), balanced(QUERIES, 2)
    if flooded:
        centre = np.repeat(balanced(1, 3), FLOOD, axis=0)
        entries[:FLOOD] = moved(centre, random.integers(0, 12, FLOOD), 4)
        queries = moved(centre[:QUERIES], random.integers(3, 12, QUERIES), 5)
    workspace = Workspace(folder / "workspace").create()
    table, _, _ = built(workspace, [put_list(workspace, entries)])
    (shard,) = table.algorithms["pdq"].shards
    near_entries(queries[:100], shard, RADIUS, KEPT)
    start = time.perf_counter()
    near, compared = near_entries(np.unique(queries, axis=0), shard, RADIUS, KEPT)
    return time.perf_counter() - start, len(near.query), int(near.left_out.sum()), compared / QUERIES


def test_a_flood_of_nearly_equal_values_on_both_sides(tmp_path):
    print(f"\n{QUERIES:,} queries, {TABLE:,} entries; in a flood, {FLOOD:,} of them lie near each query")
    for name, flooded in (("no flood", False), ("flood", True)):
        (seconds, found, left_out, compared), peak = measured(near_each_other, tmp_path / name, flooded)
        print(
            f"  {name:<10}{seconds:7.1f} s  {found:,} entries found, {left_out:,} left out and told; "
            f"{compared:,.0f} compared a query; {peak:.1f} GB"
        )
