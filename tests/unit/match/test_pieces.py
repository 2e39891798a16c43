import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.match.hamming import hamming_join
from scanner.match.pieces import Problem, pieces
from scanner.records import PERCEPTUAL
from tests.unit.hashlist import lists
from tests.unit.match.test_hamming import flip
from tests.unit.match.test_join import entry, table_of

CENTRE = {algorithm: lists.value(algorithm, 0) for algorithm in PERCEPTUAL}


def cluster(algorithm, count, start=0):
    return [lists.near(CENTRE[algorithm], 1 + seed % 2, seed) for seed in range(start, start + count)]


def problem(algorithm, entries, queries, max_pairs, shard_values=1000, max_distance=4):
    """Return the join of a cluster of queries with a cluster of entries and some that lie elsewhere."""
    values = [*cluster(algorithm, entries), *(lists.value(algorithm, n) for n in range(1, 6))]
    table = table_of(
        *(entry(algorithm, value, f"e{n}") for n, value in enumerate(values)), shard_values=shard_values
    ).algorithms[algorithm]
    asked = np.frombuffer(b"".join(cluster(algorithm, queries, 50)), np.uint8).reshape(queries, -1)
    return Problem(asked, table, max_distance, max_pairs)


def triples(query, value, distance, first=0):
    return zip(query.tolist(), (value + first).tolist(), distance.tolist(), strict=True)


def expected(given_problem, askers):
    """Return all (asker, query, value, distance) that one plain join finds."""
    values = np.concatenate([shard.values for shard in given_problem.table.shards])
    pairs = [*triples(*hamming_join(given_problem.queries, values, given_problem.max_distance))]
    return sorted((asker, *pair) for asker in askers for pair in pairs if pair[0] in asker)


def found(given_problem, askers):
    """Return the same from the pieces, and how many pairs each piece has."""
    starts = np.cumsum([0, *(len(shard.values) for shard in given_problem.table.shards)])
    numbers = {
        id(shard): int(start) for shard, start in zip(given_problem.table.shards, starts, strict=False)
    }
    pairs, sizes = [], []
    for batch, near in pieces(given_problem, askers):
        sizes.append(len(near.query))
        for pair in triples(near.query, near.value, near.distance, numbers[id(near.shard)]):
            pairs += [(asker, *pair) for asker in batch if pair[0] in asker]
    return sorted(pairs), sizes


@settings(max_examples=80, derandomize=True, deadline=None)
@given(
    st.sampled_from(PERCEPTUAL),
    st.integers(0, 12),
    st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=3).map(tuple), max_size=8, unique=True),
    st.integers(1, 40),
    st.integers(1, 20),
)
def test_pieces_hold_each_pair_once_whatever_their_room(algorithm, entries, askers, max_pairs, shard_values):
    given_problem = problem(algorithm, entries, 6, max_pairs, shard_values)
    pairs, sizes = found(given_problem, askers)
    assert pairs == expected(given_problem, askers)
    most_of_one_value = max((len(set(asker)) for asker in askers), default=0)
    assert max(sizes, default=0) <= max(max_pairs, most_of_one_value)


@pytest.mark.parametrize("max_pairs", [10, 200, 1000])
def test_a_cluster_is_never_held_whole(max_pairs):
    given_problem = problem("pdq", 100, 60, max_pairs)
    pairs, sizes = found(given_problem, [(n,) for n in range(60)])
    assert len(pairs) > 5 * max_pairs
    assert max(sizes) <= max_pairs
    assert sum(sizes) == len(pairs)


def test_with_room_enough_all_are_asked_at_once():
    given_problem = problem("pdq", 100, 60, 1 << 20)
    assert len([*pieces(given_problem, [(n,) for n in range(60)])]) == 1


def test_batches_grow_again_behind_a_crowd():
    askers = [(n,) for n in range(64)]
    crowd = problem("pdq", 100, 8, 400)
    alone = np.frombuffer(b"".join(lists.value("pdq", 1000 + n) for n in range(56)), np.uint8)
    queries = np.concatenate([crowd.queries, alone.reshape(56, 32)])
    taken = [len(batch) for batch, _ in pieces(Problem(queries, crowd.table, 4, 400), askers)]
    assert sum(taken) == 64
    assert taken[:2] == [4, 4]
    assert len(taken) < 8


def test_equal_values_are_found_by_pieces_too():
    table = table_of(*(entry("md5", lists.value("md5", n), f"e{n}") for n in range(20)), shard_values=7)
    queries = np.frombuffer(b"".join(lists.value("md5", n) for n in range(10, 30)), np.uint8).reshape(-1, 16)
    near = [
        near
        for _, near in pieces(Problem(queries, table.algorithms["md5"], None, 3), [(n,) for n in range(20)])
    ]
    assert sorted(query for piece in near for query in piece.query.tolist()) == list(range(10))


def banded_problem(algorithm, max_distance, built_for, shard_values):
    """Return queries at every distance around entries of a table that is large enough for bands."""
    random = np.random.default_rng(max_distance)
    known = [lists.value(algorithm, n) for n in range(6000)]
    width = len(known[0])
    entries = [entry(algorithm, value, f"e{n}") for n, value in enumerate(known)]
    table = table_of(*entries, shard_values=shard_values, max_distances={algorithm: built_for})
    rows = np.frombuffer(b"".join(known), np.uint8).reshape(-1, width)
    near = [flip(random.choice(rows, 4), away, random) for away in range(max_distance + 3)]
    return Problem(np.concatenate(near), table.algorithms[algorithm], max_distance, 1 << 16)


@pytest.mark.parametrize(("algorithm", "built_for"), [("pdq", 31), ("phash", 4), ("pdq", 12)])
@pytest.mark.parametrize("shard_values", [3000, 10_000])
@pytest.mark.parametrize("closer", [0, 3])
def test_a_table_with_bands_gives_what_a_scan_of_it_gives(algorithm, built_for, shard_values, closer):
    given_problem = banded_problem(algorithm, built_for - closer, built_for, shard_values)
    assert all(shard.indices for shard in given_problem.table.shards)
    askers = [(n,) for n in range(len(given_problem.queries))]
    pairs, _ = found(given_problem, askers)
    assert pairs == expected(given_problem, askers)
    assert len(pairs) >= 4 * (built_for - closer + 1)


def test_a_wider_distance_than_the_table_was_built_for_is_scanned():
    given_problem = banded_problem("phash", 6, 4, 10_000)
    askers = [(n,) for n in range(len(given_problem.queries))]
    assert found(given_problem, askers)[0] == expected(given_problem, askers)
