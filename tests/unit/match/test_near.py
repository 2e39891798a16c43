"""Entries near queries: bounded by what a query keeps, however many lie near it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.match.hamming import Bounds, hamming_join
from scanner.match.near import BOUNDS, near_entries
from scanner.match.nearest import nearest, ranks
from scanner.records import PERCEPTUAL
from tests.unit.hashlist import lists
from tests.unit.match.test_hamming import flip
from tests.unit.match.test_join import entry, table_of

CENTRE = {algorithm: lists.value(algorithm, 0) for algorithm in PERCEPTUAL}


def cluster(algorithm, count, start=0):
    return [lists.near(CENTRE[algorithm], 1 + seed % 2, seed) for seed in range(start, start + count)]


def rows_of(values, width):
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, width)


def crowd(algorithm, entries, queries, shard_values=1000):
    """Return a cluster of entries and some that lie elsewhere, and a cluster of queries."""
    values = [*cluster(algorithm, entries), *(lists.value(algorithm, n) for n in range(1, 6))]
    values += values[:1] * 7  # one that very many entries have
    known = [entry(algorithm, value, f"e{n}", f"list{n % 2}") for n, value in enumerate(values)]
    asked = sorted({*cluster(algorithm, queries, 50)})
    table = table_of(*known, shard_values=shard_values).algorithms[algorithm]
    return table, rows_of(asked, table.width)


def expected(table, queries, max_distance, per_list):
    """Return (query, entry, distance) of the nearest entries of each list, and how many are left out."""
    kept, left_out = [], [0] * len(queries)
    for query in range(len(queries)):
        found = []
        for shard in table.shards:
            _, values, distances = hamming_join(queries[query : query + 1], shard.values, max_distance)
            for value, distance in zip(values.tolist(), distances.tolist(), strict=True):
                for row in range(shard.offsets[value], shard.offsets[value + 1]):
                    name = shard.postings.column("list")[int(row)].as_py()
                    found.append((distance, shard.first_entry + row, name))
        for name in {name for *_, name in found}:
            own = sorted(one for one in found if one[2] == name)
            kept += [(query, row, distance) for distance, row, _ in own[:per_list]]
            left_out[query] += len(own[per_list:])
    return sorted(kept), left_out


def found(table, queries, max_distance, per_list, bounds=BOUNDS):
    near = nearest(
        [near_entries(queries, shard, max_distance, per_list, bounds)[0] for shard in table.shards], per_list
    )
    columns = (near.query.tolist(), near.entry.tolist(), near.distance.tolist())
    return sorted(zip(*columns, strict=True)), near.left_out.tolist()


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.sampled_from(PERCEPTUAL),
    st.integers(0, 12),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(1, 20),
    st.builds(Bounds, st.integers(1, 20), st.integers(20, 60)),
)
def test_the_nearest_entries_are_those_of_brute_force_whatever_the_shards_and_the_bounds(
    algorithm, entries, queries, per_list, shard_values, bounds
):
    table, asked = crowd(algorithm, entries, queries, shard_values)
    assert found(table, asked, 4, per_list, bounds) == expected(table, asked, 4, per_list)


def test_what_is_compared_is_counted():
    table, asked = crowd("pdq", 40, 20)
    (shard,) = table.shards
    alone = near_entries(asked, shard, 4, 3, Bounds(1, 1 << 20))[1]
    together = near_entries(asked, shard, 4, 3)[1]
    assert together == len(asked) * len(shard.values)
    assert alone >= together  # each of them is compared again by itself


def test_near_pairs_are_never_held_all_at_once(monkeypatch):
    table, asked = crowd("pdq", 100, 60)
    sizes = []
    real = np.unique

    def noted(rows, **options):
        sizes.append(len(rows))
        return real(rows, **options)

    monkeypatch.setattr(np, "unique", noted)
    found(table, asked, 4, 2, Bounds(100, 300))
    assert sum(sizes) > 4 * 300
    assert max(sizes) <= 300


def test_equal_values_are_found_in_all_shards():
    table = table_of(*(entry("md5", lists.value("md5", n), f"e{n}") for n in range(20)), shard_values=7)
    queries = rows_of(sorted(lists.value("md5", n) for n in range(10, 30)), 16)
    pairs, left_out = found(table.algorithms["md5"], queries, None, 5)
    assert len(pairs) == 10
    assert sum(left_out) == 0


@pytest.mark.parametrize(("algorithm", "built_for"), [("pdq", 31), ("phash", 4), ("pdq", 12)])
@pytest.mark.parametrize("shard_values", [3000, 10_000])
@pytest.mark.parametrize("asked_for", ["as built", "closer", "wider"])
def test_a_table_with_bands_gives_what_a_scan_of_it_gives(algorithm, built_for, shard_values, asked_for):
    max_distance = built_for + {"as built": 0, "closer": -3, "wider": 2}[asked_for]
    random = np.random.default_rng(max_distance)
    known = [lists.value(algorithm, n) for n in range(6000)]
    entries = [entry(algorithm, value, f"e{n}") for n, value in enumerate(known)]
    tables = table_of(*entries, shard_values=shard_values, max_distances={algorithm: built_for})
    table = tables.algorithms[algorithm]
    assert all(shard.indices for shard in table.shards)
    rows = rows_of(known, table.width)
    queries = np.concatenate([flip(random.choice(rows, 4), away, random) for away in range(max_distance + 3)])
    pairs, left_out = found(table, queries, max_distance, 50)
    assert (pairs, left_out) == expected(table, queries, max_distance, 50)
    assert len(pairs) >= 4 * (max_distance + 1)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=20))
def test_ranks_count_the_equal_rows_before(keys):
    first, second = (np.array([key[n] for key in keys], np.int64) for n in (0, 1))
    assert ranks(first, second).tolist() == [keys[:place].count(key) for place, key in enumerate(keys)]
