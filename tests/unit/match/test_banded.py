import threading

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from scanner.hashlist.bands import band_index, plan
from scanner.match import banded, hamming_join
from scanner.match.banded import banded_pairs
from scanner.match.hamming import Bounds
from tests.unit.match.test_hamming import assert_equal, flip

PLANNED = {
    (256, 31): (100_000, 3_500_000, 35_000_000),
    (64, 4): (5_000, 3_500_000),
    (64, 8): (5_000, 3_500_000),
}
"""Distances, and for how many values the bands are planned: narrow bands and wide ones."""

PAIRS = 10_016
"""Planted pairs of 0 to 31 bits, and as many of each distance elsewhere."""

ROOMY = Bounds(1 << 16, 1 << 18)

CASES = [(bits, distance, size) for (bits, distance), sizes in PLANNED.items() for size in sizes]


def rows(count, bits, seed, ones=None):
    """Return random values, uint8[count, bits/8], with so many one-bits each if that is said."""
    random = np.random.default_rng(seed)
    if ones is None:
        return random.integers(0, 256, (count, bits // 8), np.uint8)
    set_bits = random.permuted(np.tile(np.arange(bits) < ones, (count, 1)), axis=1)
    return np.packbits(set_bits, axis=1)


def words(values):
    return np.ascontiguousarray(values).view(np.uint64)


def joined(queries, table, planned, max_distance=None, bounds=ROOMY):
    bits, distance, size = planned
    indices = [band_index(words(table), bits, band) for band in plan(bits, distance, size)]
    assert indices
    limit = distance if max_distance is None else max_distance
    return banded_pairs(words(queries), words(table), bits, indices, limit, bounds)


@pytest.fixture(params=["by buckets", "one by one"])
def way(request, monkeypatch):
    monkeypatch.setattr(banded, "_is_dense", lambda queries, index: request.param == "by buckets")


@pytest.mark.parametrize("planned", CASES, ids=str)
@pytest.mark.parametrize("ones", [None, "half"])
def test_every_planted_pair_is_found_and_nothing_beyond_the_distance(way, planned, ones):
    bits, distance, _ = planned
    table = rows(2000, bits, 1, ones and bits // 2)
    random = np.random.default_rng(2)
    chosen = random.choice(2000, (distance + 3, PAIRS // 32))
    queries = np.concatenate([flip(table[chosen[away]], away, random) for away in range(distance + 3)])
    expected = hamming_join(queries, table, distance)
    found = joined(queries, table, planned)
    assert_equal(found[:3], expected)
    assert {*range(distance + 1)} == set(found.distance.tolist())
    assert found.candidates >= len(found.query)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.sampled_from(CASES),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 31),
    st.integers(0, 10),
    st.booleans(),
    st.integers(1, 40),
)
def test_the_bands_find_what_looking_at_all_pairs_finds(planned, asked, known, limit, spread, dense, most):
    bits, distance, _ = planned
    random = np.random.default_rng(asked + 100 * known + limit)
    centre = rows(1, bits, limit)
    queries, table = (
        np.concatenate(
            [flip(centre, int(random.integers(0, spread + 1)), random) for _ in range(count)] or [centre[:0]]
        )
        for count in (asked, known)
    )
    within = min(limit, distance)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(banded, "_is_dense", lambda queries, index: dense)
        found = joined(queries, table, planned, within, Bounds(most, 1 << 16))
    assert_uncrowded(found, hamming_join(queries, table, within), most)


@pytest.mark.parametrize(
    "count", [banded.BUCKET_ROOM - 1, banded.BUCKET_ROOM + 1, 2 * banded.BUCKET_ROOM + 5]
)
def test_a_bucket_of_any_size_is_seen_whole(way, count):
    table = np.zeros((count, 32), np.uint8)
    table[:, 30] = np.arange(count) % 251
    table[:, 31] = np.arange(count) // 251
    queries = np.zeros((2, 32), np.uint8)
    queries[1, 0] = 1
    assert_equal(joined(queries, table, (256, 31, 3_500_000))[:3], hamming_join(queries, table, 31))


def assert_uncrowded(found, every, most):
    """Assert that pairs are those of brute force but for crowded queries, which are named."""
    counts = np.bincount(every[0], minlength=1)
    crowded = np.flatnonzero(counts > most)
    assert found.crowded.tolist() == crowded.tolist()
    kept = ~np.isin(every[0], crowded)
    assert_equal(found[:3], tuple(each[kept] for each in every))


def test_more_pairs_than_there_is_room_for_are_no_result(way):
    table = np.zeros((100, 32), np.uint8)
    table[:, 0] = np.arange(100)
    query = np.zeros((1, 32), np.uint8)
    assert joined(query, table, (256, 31, 3_500_000), bounds=Bounds(100, 98)) is None
    assert len(joined(query, table, (256, 31, 3_500_000), bounds=Bounds(100, 100)).query) == 100


@pytest.mark.parametrize("most", [1, 20, 99])
def test_crowded_queries_make_room_for_the_others(way, most):
    table, queries = np.zeros((120, 32), np.uint8), np.zeros((60, 32), np.uint8)
    table[:100, 0] = np.arange(100)
    queries[:40, 1] = np.arange(40)
    table[100:] = rows(20, 256, 3)
    queries[40:] = table[100:]
    found = joined(queries, table, (256, 31, 3_500_000), bounds=Bounds(most, 50 * most))
    assert_uncrowded(found, hamming_join(queries, table, 31), most)
    assert found.crowded.tolist() == [*range(40)]
    assert found.query.tolist() == [*range(40, 60)]


@pytest.mark.parametrize(("asked", "known"), [(0, 50), (50, 0), (0, 0)])
def test_nothing_asked_or_nothing_known_finds_nothing(way, asked, known):
    found = joined(rows(asked, 256, 1), rows(known, 256, 2), (256, 31, 3_500_000))
    assert [len(each) for each in found[:4]] == [0, 0, 0, 0]
    assert found.candidates == 0


def test_many_queries_are_taken_bucket_by_bucket_and_few_one_by_one():
    index = band_index(words(rows(100_000, 256, 1)), 256, plan(256, 31, 1_000_000)[0])
    assert banded._is_dense(100_000, index)
    assert not banded._is_dense(10, index)


def test_threads_agree():
    table, queries = rows(3000, 256, 1), rows(300, 256, 2)
    queries[:100] = table[:100]
    indices = [band_index(words(table), 256, band) for band in plan(256, 31, 3_500_000)]
    answers = [None] * 4

    def work(number):
        answers[number] = banded_pairs(words(queries), words(table), 256, indices, 31, ROOMY)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        assert_equal(answer[:3], hamming_join(queries, table, 31))
