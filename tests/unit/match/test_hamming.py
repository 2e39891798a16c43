import threading

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scanner.match import hamming, hamming_join


def brute(queries, table, max_distance):
    bits = np.unpackbits(queries[:, None] ^ table[None], axis=2).sum(axis=2, dtype=np.int64)
    query, row = np.nonzero(bits <= max_distance)
    distance = bits[query, row]
    order = np.lexsort((row, distance, query))
    return query[order], row[order], distance[order]


def assert_equal(found, expected):
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def flip(rows, bits, random):
    """Flip exactly so many bits of each row."""
    flipped = np.unpackbits(rows, axis=1)
    chosen = random.permuted(np.tile(np.arange(flipped.shape[1]), (len(rows), 1)), axis=1)[:, :bits]
    np.put_along_axis(flipped, chosen, 1 - np.take_along_axis(flipped, chosen, 1), 1)
    return np.packbits(flipped, axis=1)


@st.composite
def problems(draw):
    width = draw(st.sampled_from([1, 7, 8, 16, 20, 24, 32, 40]))
    few = st.integers(0, 3)  # few different bytes give many near pairs
    shapes = st.tuples(st.integers(0, 12), st.just(width))
    queries = draw(hnp.arrays(np.uint8, shapes, elements=few))
    table = draw(hnp.arrays(np.uint8, shapes, elements=few))
    return queries, table, draw(st.integers(0, 8 * width))


@settings(max_examples=150, derandomize=True, deadline=None)
@given(problems())
def test_the_join_finds_what_looking_at_all_pairs_finds(problem):
    assert_equal(hamming_join(*problem), brute(*problem))


@pytest.mark.parametrize("max_distance", [0, 1, 15, 31, 64, 128, 255])
def test_pairs_at_the_distance_are_found_and_pairs_beyond_it_are_not(max_distance):
    random = np.random.default_rng(max_distance)
    table = random.integers(0, 256, (3000, 32), np.uint8)
    chosen = random.choice(3000, 40, replace=False)
    inside = flip(table[chosen], max_distance, random)
    outside = flip(table[chosen], max_distance + 1, random)
    query, row, distance = hamming_join(inside, table, max_distance)
    pairs = set(zip(query.tolist(), row.tolist(), distance.tolist(), strict=True))
    assert {(n, int(row), max_distance) for n, row in enumerate(chosen)} <= pairs
    query, row, _ = hamming_join(outside, table, max_distance)
    assert not set(zip(query.tolist(), row.tolist(), strict=True)) & set(enumerate(chosen.tolist()))


@pytest.mark.parametrize("extra", [-1, 0, 1, hamming.BLOCK_ROWS + 1])
def test_pairs_at_the_edges_of_blocks_and_chunks_are_found(extra):
    table = np.random.default_rng(1).integers(0, 256, (hamming.CHUNK_ROWS + extra, 16), np.uint8)
    block, last = hamming.BLOCK_ROWS, len(table) - 1
    edges = sorted({0, block - 1, block, last - block, last - 1, last})
    query, row, distance = hamming_join(table[edges], table, 0)
    assert query.tolist() == list(range(len(edges)))
    assert row.tolist() == edges
    assert not distance.any()


@pytest.mark.parametrize("room", [449_998, 450_000])
def test_a_scan_finds_all_pairs_or_says_that_they_are_too_many(room):
    random = np.random.default_rng(2)
    queries, table = (random.integers(0, 256, (rows, 8), np.uint8) for rows in (90, 5000))
    found = hamming.scanned_pairs(queries, table, 64, hamming.Bounds(5000, room))
    if room < 450_000:
        assert found is None
    else:
        assert_equal(found[:3], hamming_join(queries, table, 64))


@settings(max_examples=80, derandomize=True, deadline=None)
@given(problems(), st.integers(1, 12))
def test_a_scan_leaves_out_crowded_queries_and_names_them(problem, most):
    found = hamming.scanned_pairs(*problem, hamming.Bounds(most, 1 << 10))
    every = brute(*problem)
    crowded = np.flatnonzero(np.bincount(every[0], minlength=1) > most)
    kept = ~np.isin(every[0], crowded)
    assert found.crowded.tolist() == crowded.tolist()
    assert_equal(found[:3], tuple(each[kept] for each in every))


def test_more_pairs_than_there_is_room_for_are_all_found_in_order(monkeypatch):
    monkeypatch.setattr(hamming, "TOGETHER", 100_000)
    random = np.random.default_rng(2)
    queries = random.integers(0, 256, (90, 8), np.uint8)
    table = random.integers(0, 256, (5000, 8), np.uint8)
    found = hamming_join(queries, table, 64)
    assert len(found[0]) == 450_000 > 2 * hamming.TOGETHER
    assert_equal(found, brute(queries, table, 64))


@pytest.mark.parametrize("width", [1, 8, 32])
@pytest.mark.parametrize(("queries", "rows"), [(0, 0), (0, 5), (5, 0)])
def test_nothing_joined_with_anything_is_nothing(width, queries, rows):
    found = hamming_join(np.zeros((queries, width), np.uint8), np.zeros((rows, width), np.uint8), 8 * width)
    assert [array.shape for array in found] == [(0,)] * 3


def test_results_are_indices_of_64_and_distances_of_32_bits():
    for rows in (0, 3):
        found = hamming_join(np.zeros((1, 32), np.uint8), np.zeros((rows, 32), np.uint8), 0)
        assert [array.dtype for array in found] == [np.int64, np.int64, np.int32]


@pytest.mark.parametrize(
    ("queries", "table", "max_distance", "message"),
    [
        (np.zeros((1, 32), np.uint64), np.zeros((1, 32), np.uint8), 0, "queries: uint8 with two dimensions"),
        (np.zeros((1, 32), np.uint8), np.zeros(32, np.uint8), 0, "table: uint8 with two dimensions"),
        (np.zeros((1, 32), np.uint8), np.zeros((1, 8), np.uint8), 0, "32 bytes cannot be joined with 8"),
        (np.zeros((1, 0), np.uint8), np.zeros((1, 0), np.uint8), 0, "cannot be joined"),
        (np.zeros((1, 8), np.uint8), np.zeros((1, 8), np.uint8), -1, r"-1 is not within 0\.\.64 bits"),
        (np.zeros((1, 8), np.uint8), np.zeros((1, 8), np.uint8), 65, r"65 is not within 0\.\.64 bits"),
    ],
)
def test_arrays_that_cannot_be_joined_are_refused_in_words(queries, table, max_distance, message):
    with pytest.raises(ValueError, match=message):
        hamming_join(queries, table, max_distance)


def test_tables_in_any_memory_layout_give_the_same(tmp_path):
    random = np.random.default_rng(3)
    table = random.integers(0, 256, (5000, 32), np.uint8)
    queries = flip(table[::100], 20, random)
    expected = brute(queries, table, 31)
    np.save(tmp_path / "table.npy", table)
    odd = np.frombuffer(b"x" + table.tobytes(), np.uint8)[1:].reshape(table.shape)
    wide = np.zeros((5000, 50), np.uint8)
    wide[:, 9:41] = table
    for layout in (
        np.load(tmp_path / "table.npy", mmap_mode="r"),
        odd,
        np.asfortranarray(table),
        wide[:, 9:41],
    ):
        assert_equal(hamming_join(queries, layout, 31), expected)
    assert len(hamming._join_chunk.signatures) == 1


def test_neither_side_is_written_to():
    random = np.random.default_rng(4)
    queries, table = random.integers(0, 256, (2, 10, 32), np.uint8)
    before = queries.copy(), table.copy()
    hamming_join(queries, table, 200)
    assert_equal((queries, table), before)
    assert queries.flags.writeable
    assert table.flags.writeable


def test_the_join_agrees_with_faiss():
    random = np.random.default_rng(5)
    table = random.integers(0, 256, (20_000, 32), np.uint8)
    queries = np.concatenate([flip(table[n * 50 : n * 50 + 10], 20 + n, random) for n in range(20)])
    index = faiss.IndexBinaryFlat(256)
    index.add(table)
    limits, distances, rows = index.range_search(queries, 32)  # faiss leaves out the radius itself
    ours = hamming_join(queries, table, 31)
    theirs = np.repeat(np.arange(len(queries)), np.diff(limits.astype(np.int64))), rows, distances
    assert_equal(ours, [array[np.lexsort((rows, distances, theirs[0]))] for array in theirs])
    assert len(ours[0]) == 120


def test_joins_in_threads_do_not_disturb_each_other():
    random = np.random.default_rng(6)
    table = random.integers(0, 256, (4000, 32), np.uint8)
    parts = [flip(table[n : n + 50], 10, random) for n in range(0, 400, 100)]
    found = {}

    def join(number):
        found[number] = hamming_join(parts[number], table, 31)

    threads = [threading.Thread(target=join, args=(number,)) for number in range(len(parts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, part in enumerate(parts):
        assert_equal(found[number], brute(part, table, 31))
