"""Queries a second on one core against a table of PDQ values, beside faiss and python-threatexchange."""

import time

import faiss
import numpy as np
import pytest
from threatexchange.signal_type.pdq.pdq_faiss_matcher import PDQMultiHashIndex

from scanner.hashlist.bands import band_index, plan
from scanner.match.banded import banded_pairs
from scanner.match.near import BOUNDS

RADIUS, BITS = 31, 256
ENTRIES = 3_500_000
QUERIES = (10_000, 100_000, 1_000_000)
PLANTED = 10_000
FLAT_QUERIES, HASH_QUERIES = 300, 1_000
"""So many of the peers' queries are timed: theirs take turns of their own."""


def balanced(count, seed):
    """Return values of 128 one-bits each, as PDQ has them, uint8[count, 32]."""
    random = np.random.default_rng(seed)
    values = np.empty((count, 32), np.uint8)
    for start in range(0, count, 100_000):
        order = random.random((min(100_000, count - start), BITS), np.float32).argsort(axis=1)
        values[start : start + len(order)] = np.packbits(order < BITS // 2, axis=1)
    return values


def moved(values, distances, random):
    """Return values with so many bits flipped."""
    bits = np.unpackbits(values, axis=1)
    for row, distance in zip(bits, distances, strict=True):
        chosen = random.choice(BITS, distance, replace=False)
        row[chosen] ^= 1
    return np.packbits(bits, axis=1)


@pytest.fixture(scope="module")
def problem():
    """Return the table, the queries, and for some of these the row and the distance that was planted."""
    random = np.random.default_rng(7)
    table = balanced(ENTRIES, 1)
    queries = balanced(max(QUERIES), 2)
    rows = random.choice(ENTRIES, PLANTED, replace=False)
    distances = np.arange(PLANTED) % (RADIUS + 3)
    places = random.choice(min(QUERIES), PLANTED, replace=False)
    queries[places] = moved(table[rows], distances, random)
    return (
        table,
        queries,
        dict(zip(places.tolist(), zip(rows.tolist(), distances.tolist(), strict=True), strict=True)),
    )


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def told(name, rate, base, more=""):
    print(f"  {name:<44} {rate:10,.0f} {rate / base:7.1f}x  {more}".rstrip())


def test_the_join_beside_the_peers(problem):
    faiss.omp_set_num_threads(1)
    table, queries, planted = problem
    print(f"\n{ENTRIES:,} PDQ values within {RADIUS} bits on one core: queries a second")
    flat = faiss.IndexBinaryFlat(BITS)
    flat.add(table)
    _, seconds = timed(lambda: flat.range_search(queries[:FLAT_QUERIES], RADIUS + 1))
    base = FLAT_QUERIES / seconds
    told("faiss IndexBinaryFlat", base, base)
    index = PDQMultiHashIndex()
    _, seconds = timed(lambda: index.add((value.tobytes().hex() for value in table), range(len(table))))
    built = f"built in {seconds:.0f} s"
    asked = [value.tobytes().hex() for value in queries[:HASH_QUERIES]]
    _, seconds = timed(lambda: index.search(asked, RADIUS))
    told("python-threatexchange (faiss multi-hash)", HASH_QUERIES / seconds, base, built)
    words = table.view(np.uint64)
    bands = plan(BITS, RADIUS, ENTRIES)
    indices, seconds = timed(lambda: [band_index(words, BITS, band) for band in bands])
    built = f"grouped in {seconds:.0f} s"
    expected = {(query, row): away for query, (row, away) in planted.items() if away <= RADIUS}
    banded_pairs(queries[:10].view(np.uint64), words, BITS, indices, RADIUS, BOUNDS)  # both ways are compiled
    banded_pairs(queries[:100_000].view(np.uint64), words, BITS, indices, RADIUS, BOUNDS)
    for count in QUERIES:
        some = queries[:count].view(np.uint64)
        start = time.perf_counter()
        pairs = banded_pairs(some, words, BITS, indices, RADIUS, BOUNDS)
        rate = count / (time.perf_counter() - start)
        more = f"{built}; {pairs.candidates // count:,} compared a query"
        told(f"hashsweep, {count:,} queries", rate, base, more)
        found = zip(*(each.tolist() for each in pairs[:3]), strict=True)
        assert {(query, row): distance for query, row, distance in found} == expected
    beyond = PLANTED - len(expected)
    print(f"  all {len(expected):,} planted pairs of 0 to {RADIUS} bits were found, none of {beyond} beyond")
