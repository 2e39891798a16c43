"""Queries a second on one core against tables of PDQ values, beside faiss and python-threatexchange."""

import resource
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import pytest
from threatexchange.signal_type.pdq.pdq_faiss_matcher import PDQMultiHashIndex

from scanner.hashlist.bands import band_index, plan
from scanner.hashlist.snapshot import active_snapshots
from scanner.hashlist.stream import checked_entries, chosen_entries
from scanner.hashlist.table import open_table
from scanner.match.banded import banded_pairs
from scanner.match.hamming import scanned_pairs
from scanner.match.near import BOUNDS, near_entries
from scanner.match.nearest import nearest
from scanner.workspace import Workspace
from tests.benchmarks.tables import BITS, RADIUS, balanced, built, moved, put_list

LIST = 3_500_000
LISTS = 10
"""So many lists of `LIST` values are the larger table."""

QUERIES = (10_000, 100_000, 1_000_000)
PLANTED = 10_000
FLAT_QUERIES, HASH_QUERIES = 300, 2_000
"""So many of the peers' queries are timed: theirs take turns of their own."""

KEPT = 10


@dataclass(frozen=True)
class Problem:
    """The values of the first list, the queries, and of some of these which row was planted how near."""

    folder: Path
    first: np.ndarray
    queries: np.ndarray
    planted: dict[int, tuple[int, int]]

    def table(self, name, lists):
        """Return the table of so many lists, and say what it took where it is not there yet."""
        workspace = Workspace(self.folder / "workspace").create()
        new = not (self.folder / name).exists()
        snapshots = [self._snapshot(workspace, number) for number in range(lists)]
        table, seconds, size = built(workspace, snapshots)
        if new:
            (self.folder / name).touch()
            each = size / (lists * LIST)
            _, verifying = timed(table.verify)
            print(
                f"  table built in {seconds:.0f} s, {each:.1f} bytes a value, read whole in {verifying:.1f} s"
            )
        return table

    def _snapshot(self, workspace, number):
        if not (workspace.lists / f"l{number}").exists():
            values = self.first if number == 0 else balanced(LIST, 100 + number)
            return put_list(workspace, values, f"l{number}")
        return active_snapshots(workspace)[number]


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    random = np.random.default_rng(7)
    table, queries = balanced(LIST, 1), balanced(max(QUERIES), 2)
    rows = random.choice(LIST, PLANTED, replace=False)
    distances = np.arange(PLANTED) % (RADIUS + 3)
    places = random.choice(min(QUERIES), PLANTED, replace=False)
    queries[places] = moved(table[rows], distances, 3)
    planted = zip(rows.tolist(), distances.tolist(), strict=True)
    folder = tmp_path_factory.mktemp("join")
    yield Problem(folder, table, queries, dict(zip(places.tolist(), planted, strict=True)))
    shutil.rmtree(folder, ignore_errors=True)


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def told(name, rate, base, more=""):
    print(f"  {name:<44} {rate:10,.0f} {rate / base:7.1f}x  {more}".rstrip())


def joined(path, queries):
    """Return what is near queries in a table that is opened for it, and how many values were compared."""
    shards = open_table(path).algorithms["pdq"].shards
    found = [near_entries(queries, shard, RADIUS, KEPT) for shard in shards]
    return nearest([near for near, _ in found], KEPT), sum(compared for _, compared in found)


def checked(problem, near, table, count):
    """Return how many planted pairs were found: all within the radius, and nothing else."""
    expected = {query: away for query, (_, away) in problem.planted.items() if away <= RADIUS}
    assert max(expected) < count
    assert dict(zip(near.query.tolist(), near.distance.tolist(), strict=True)) == expected
    values = np.concatenate([shard.values for shard in table.algorithms["pdq"].shards])
    rows = [problem.planted[query][0] for query in near.query.tolist()]
    assert (values[near.entry] == problem.first[rows]).all()
    return len(expected)


def measured(problem, table, base=None):
    """Say how fast a table answers; return the queries a second of the most queries."""
    for count in QUERIES:
        (near, compared), seconds = timed(lambda some=problem.queries[:count]: joined(table.path, some))
        rate = count / seconds
        told(f"hashsweep, {count:,} queries", rate, base or rate, f"{compared // count:,} compared a query")
        found = checked(problem, near, table, count)
    print(f"  all {found:,} planted pairs of 0 to {RADIUS} bits were found, none of {PLANTED - found} beyond")
    return rate


def test_the_join_beside_the_peers_and_with_ten_times_as_many_entries(problem):
    faiss.omp_set_num_threads(1)
    queries = problem.queries
    print(
        f"\n{LIST:,} PDQ values within {RADIUS} bits on one core: queries a second, with opening and results"
    )
    flat = faiss.IndexBinaryFlat(BITS)
    flat.add(problem.first)
    _, seconds = timed(lambda: flat.range_search(queries[:FLAT_QUERIES], RADIUS + 1))
    base = FLAT_QUERIES / seconds
    told("faiss IndexBinaryFlat", base, base)
    multi = faiss.IndexBinaryMultiHash(BITS, 16, 16)  # 16 bands with one flip each lose no pair of 31 bits
    multi.nflip = 1
    _, building = timed(lambda: multi.add(problem.first))
    _, seconds = timed(lambda: multi.range_search(queries[:HASH_QUERIES], RADIUS + 1))
    told("faiss IndexBinaryMultiHash", HASH_QUERIES / seconds, base, f"built in {building:.0f} s")
    index = PDQMultiHashIndex()
    _, building = timed(lambda: index.add((value.tobytes().hex() for value in problem.first), range(LIST)))
    asked = [value.tobytes().hex() for value in queries[:HASH_QUERIES]]
    _, seconds = timed(lambda: index.search(asked, RADIUS))
    told("python-threatexchange", HASH_QUERIES / seconds, base, f"built in {building:.0f} s")
    small = problem.table("small", 1)
    joined(small.path, queries[:10]), joined(small.path, queries[:10_000])  # all ways are compiled
    rate = measured(problem, small, base)
    print(f"{LISTS * LIST:,} PDQ values, as {LISTS} lists")
    large = problem.table("large", LISTS)
    slower = rate / measured(problem, large)
    print(
        f"  {LISTS} times as many take {slower:.1f} times as long; at most {_peak():.1f} GB, files included"
    )


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def test_two_threads_beside_one(problem):
    table = problem.table("small", 1)
    halves = np.array_split(problem.queries, 2)
    joined(table.path, problem.queries[:10_000])
    _, alone = timed(lambda: [joined(table.path, half) for half in halves])
    with ThreadPoolExecutor(2) as threads:
        _, together = timed(lambda: [*threads.map(lambda half: joined(table.path, half), halves)])
    print(f"\ntwo threads, each {len(halves[0]):,} queries: {alone / together:.2f} times as fast as one")


def test_what_a_pass_over_a_list_costs(problem):
    problem.table("small", 1)
    snapshot = active_snapshots(Workspace(problem.folder / "workspace"))[0]
    asked = ["algorithm", "status", "value"]
    _, whole = timed(lambda: sum(len(table) for table in checked_entries(snapshot)))
    none = chosen_entries(snapshot, asked, lambda table: np.zeros(len(table), bool), asked)
    _, searched = timed(lambda: sum(len(table) for table in none))
    print(
        f"\nentries a second on one core:\n  {LIST / whole / 1e6:.1f} million read and checked, for a table"
        f"\n  {LIST / searched / 1e6:.1f} million looked through, for each shard"
    )


@pytest.mark.parametrize("queries", [100, 10_000])
def test_where_bands_cost_less_than_a_scan(queries, tmp_path):
    print(f"\nmicroseconds a query, {queries:,} queries of 256 bits within {RADIUS}, by values of the table")
    print(f"  {'values':>9}{'scan':>9}{'bands':>9}  chosen when a table is built")
    asked = balanced(queries, 3).view(np.uint64)
    for count in (1_000, 3_000, 10_000, 30_000, 100_000, 300_000):
        values = balanced(count, 4)
        bands = plan(BITS, RADIUS, count)
        shown = bands or plan(BITS, RADIUS, 30_000)
        indices = [band_index(values.view(np.uint64), BITS, band) for band in shown]

        def scanned(values=values):
            return scanned_pairs(asked.view(np.uint8), values, RADIUS, BOUNDS)

        def banded(values=values, indices=indices):
            return banded_pairs(asked, values.view(np.uint64), BITS, indices, RADIUS, BOUNDS)

        times = []
        for way in (scanned, banded):
            way()
            times.append(min(timed(way)[1] for _ in range(3)) / queries * 1e6)
        print(f"  {count:9,}{times[0]:9.1f}{times[1]:9.1f}  {'bands' if bands else 'scan'}")
