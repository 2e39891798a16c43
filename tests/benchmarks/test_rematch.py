"""Stored fingerprints and an updated list: what a rematch costs, and that its memory does not grow."""

import time

import numpy as np

from scanner.carried import Carried
from scanner.config import Matching
from scanner.hashlist.delta import delta_of
from scanner.hashlist.table import open_table
from scanner.joining import Join
from scanner.records import Match, table_of
from scanner.slices import put_matches
from scanner.workspace import Workspace
from tests.benchmarks.memory import measured
from tests.benchmarks.stored import Alone, Quiet, put_parts
from tests.benchmarks.tables import balanced, built, moved, put_list

ENTRIES, ADDED, WITHDRAWN, PLANTED = 3_500_000, 10_000, 10_000, 1_000
STORED, ROWS = (1_000_000, 5_000_000), 1_000
MATCHING = Matching()


def prepared(folder, stored):
    """Put stored fingerprints, and a list of which entries were added and withdrawn; say what that took."""
    folder.mkdir()
    workspace = Workspace(folder / "workspace").create()
    values, objects = balanced(ENTRIES + ADDED, 1), balanced(stored, 2)
    values[-PLANTED:] = moved(objects[:PLANTED], np.arange(PLANTED) % 32, 3)
    earlier = put_list(workspace, values[:-ADDED])
    later = put_list(workspace, values[WITHDRAWN:], first=WITHDRAWN)
    start = time.perf_counter()
    delta = delta_of(workspace, earlier, later)
    seconds = time.perf_counter() - start
    assert (delta.added_entries, delta.withdrawn_entries) == (ADDED, WITHDRAWN)
    added, _, _ = built(workspace, [delta.added])
    whole, building, _ = built(workspace, [later])
    put_matches(folder / "earlier.parquet", table_of(Match, []), {})
    parts = put_parts(folder / "parts", objects, ROWS, folder / "earlier.parquet")
    carried = Carried(whole.path, (("list", later.digest),), (delta,), MATCHING)
    return seconds, building, added.path, parts, carried


def rematched(folder, path, parts, carried):
    """Match stored fingerprints with the added entries; return the seconds."""
    start, said, table = time.perf_counter(), Quiet(), open_table(path)
    Join(table, MATCHING, folder / "joins", said, carried).run(Alone(table, MATCHING), parts)
    assert said.findings == PLANTED
    return time.perf_counter() - start


def test_stored_fingerprints_beside_added_entries(tmp_path):
    print(f"\n{ADDED:,} entries added to {ENTRIES:,} and as many withdrawn; parts of {ROWS:,} rows, one core")
    for stored in STORED:
        folder = tmp_path / str(stored)
        (comparing, building, *known), _ = measured(prepared, folder, stored)
        if stored == STORED[0]:
            rate = 2 * ENTRIES / comparing
            print(f"  snapshots compared in {comparing:.1f} s, {rate:,.0f} entries a second")
            print(f"  table of the whole later list built in {building:.1f} s")
        seconds, peak = measured(rematched, folder, *known)
        print(f"  {stored:>9,} stored: {seconds:.1f} s, {seconds / stored * 1e6:.1f} us each; {peak:.2f} GB")
