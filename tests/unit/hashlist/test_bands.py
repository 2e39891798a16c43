import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from scanner.hashlist.bands import MAX_BAND, Band, band_bits, band_index, permutation, plan

WIDTHS = (64, 128, 256)
SIZES = (1, 100_000, 3_500_000, 35_000_000, 10**9)


def words(count, bits, seed):
    return np.random.default_rng(seed).integers(0, 1 << 64, (count, bits // 64), np.uint64)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.sampled_from(WIDTHS), st.integers(0, 64), st.sampled_from(SIZES))
def test_a_plan_leaves_no_way_to_spread_the_distance_over_all_bands(bits, max_distance, values):
    bands = plan(bits, min(max_distance, bits), values)
    if bands:
        assert sum(band.allowance + 1 for band in bands) > min(max_distance, bits)
        places = [place for band in bands for place in range(band.first, band.first + band.width)]
        assert len(set(places)) == len(places)
        assert set(places) <= set(range(bits))
        assert all(0 < band.width <= MAX_BAND and band.allowance >= 0 for band in bands)


@pytest.mark.parametrize(("bits", "max_distance", "values"), [(256, 31, 100), (64, 30, 100_000), (64, 4, 1)])
def test_where_a_scan_costs_less_there_are_no_bands(bits, max_distance, values):
    assert plan(bits, max_distance, values) == ()


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("max_distance", [0, 4, 10, 31])
@pytest.mark.parametrize("values", [100, 3_000, 100_000, 200_000, 1_000_000, 3_500_000, 35_000_000])
def test_bands_take_at_most_78_bytes_a_value(bits, max_distance, values):
    bands = plan(bits, max_distance, values)
    taken = 4 * len(bands) + sum(4 * ((1 << band.width) + 1) for band in bands) / values
    assert taken <= 78


def test_larger_tables_have_wider_bands():
    widest = [max(band.width for band in plan(256, 31, values)) for values in SIZES[1:]]
    assert widest == sorted(widest)
    assert widest[0] < widest[-1]
    assert plan(256, 31, 3_500_000) == tuple(Band(16 * n, 16, 1) for n in range(16))


@pytest.mark.parametrize(("width", "allowance"), [(1, 0), (3, 3), (16, 1), (20, 2), (11, 4)])
def test_masks_are_all_differences_within_the_allowance_nearest_first(width, allowance):
    masks = Band(0, width, allowance).masks()
    counts = np.bitwise_count(masks)
    assert len(set(masks.tolist())) == len(masks)
    assert len(masks) == sum(math.comb(width, count) for count in range(allowance + 1))
    assert counts.max() <= allowance
    assert (np.diff(counts.astype(int)) >= 0).all()


@pytest.mark.parametrize("bits", WIDTHS)
def test_the_permutation_is_one_and_always_the_same(bits):
    assert sorted(permutation(bits).tolist()) == list(range(bits))
    assert permutation(bits) is permutation(bits)
    with pytest.raises(ValueError, match="read-only"):
        permutation(bits)[0] = 1


def test_the_permutation_of_tables_at_rest_never_changes():
    assert permutation(256)[:8].tolist() == [182, 110, 13, 123, 46, 95, 250, 112]
    assert permutation(64)[:8].tolist() == [22, 0, 30, 21, 42, 56, 61, 44]


def bucket_of(value, bits, band):
    """Return the bucket of a value, uint64[W], bit by bit."""
    places = permutation(bits)[band.first : band.first + band.width].tolist()
    return sum((int(value[place // 64]) >> place % 64 & 1) << n for n, place in enumerate(places))


@settings(derandomize=True, deadline=None, max_examples=30)
@given(
    st.sampled_from(WIDTHS), st.integers(1, 12), st.integers(0, 40), st.integers(0, 60), st.integers(0, 99)
)
def test_an_index_holds_every_row_in_its_bucket_ascending(bits, width, first, count, seed):
    values, band = words(count, bits, seed), Band(first, width, 0)
    index = band_index(values, bits, band)
    assert (index.starts[0], index.starts[-1], len(index.starts)) == (0, count, (1 << width) + 1)
    for bucket in range(1 << width):
        rows = index.rows[index.starts[bucket] : index.starts[bucket + 1]].tolist()
        assert rows == [row for row in range(count) if bucket_of(values[row], bits, band) == bucket]


@pytest.mark.parametrize("bits", WIDTHS)
def test_the_bits_of_all_bands_are_told_apart(bits):
    bands = plan(bits, 8, 10_000_000)
    masks = [band_bits(bits, band) for band in bands]
    assert [int(np.bitwise_count(mask).sum()) for mask in masks] == [band.width for band in bands]
    assert int(np.bitwise_count(np.bitwise_or.reduce(masks)).sum()) == sum(band.width for band in bands)
