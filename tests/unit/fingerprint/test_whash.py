"""wHash is that of imagehash to the last bit, also where nothing but the rounding of wavelets decides."""

import hypothesis.strategies as st
import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from scanner.fingerprint import whash as module
from scanner.fingerprint.whash import LUMA_METHOD, METHOD, whash
from tests.patterns import KINDS, noise
from tests.pictures import picture


def by_imagehash(pixels):
    return bytes.fromhex(str(imagehash.whash(Image.fromarray(pixels))))


def grounded(seed, height, width):
    """Return something on a flat ground, which more than half of the blocks show: the middle is tied."""
    random = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), random.integers(0, 256), np.uint8)
    top, left = random.integers(0, height), random.integers(0, width)
    within = pixels[top : top + max(1, height // 3), left : left + max(1, width // 3)]
    within[:] = random.integers(0, 256, within.shape)
    return pixels


@pytest.fixture
def rounded(monkeypatch):
    """Count the pictures whose bits rounding had to decide."""
    counted = []

    def lowest(small, tied):
        counted.append(small.shape)
        return kept(small, tied)

    kept = module._lowest
    monkeypatch.setattr(module, "_lowest", lowest)
    return counted


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.sampled_from([*KINDS, grounded]), st.integers(0, 2**32), st.integers(1, 300), st.integers(1, 300))
def test_any_picture_has_the_whash_of_imagehash(kind, seed, height, width):
    pixels = np.ascontiguousarray(kind(seed, height, width))
    assert whash(pixels) == by_imagehash(pixels)


@pytest.mark.parametrize(
    "size",
    [(640, 480), (480, 640), (8, 8), (7, 9), (1, 1), (1, 3000), (3000, 1), (15, 16), (16, 15), (1600, 900)],
    ids=str,
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_whash_is_that_of_imagehash_from_the_full_picture(size, mode):
    pixels = np.asarray(picture(7, (max(size[0], 9), max(size[1], 9))).resize(size).convert(mode))
    assert whash(pixels) == by_imagehash(pixels)


@pytest.mark.parametrize("seed", range(30))
def test_rounding_decides_as_in_the_wavelets_of_imagehash(seed, rounded):
    height, width = np.random.default_rng(seed).integers(8, 700, 2).tolist()
    pixels = grounded(seed, height, width)
    assert whash(pixels) == by_imagehash(pixels)
    assert len(rounded) == 1, "made so that the sums in the midst are equal"


@pytest.mark.parametrize("grey", [0, 1, 77, 200, 255])
@pytest.mark.parametrize("size", [(8, 8), (100, 70), (1030, 1300)], ids=str)
def test_a_flat_picture_has_the_whash_of_imagehash(grey, size, rounded):
    pixels = np.full(size, grey, np.uint8)
    assert whash(pixels) == by_imagehash(pixels)
    assert rounded


def test_two_equal_blocks_in_the_midst_are_told_apart_as_by_imagehash(rounded):
    """What most pictures with a tie have: no ground at all, only two sums that happen to be equal."""
    for seed in range(40):
        greys = np.random.default_rng(seed).permutation(64)
        greys[greys == 32] = 31
        pixels = np.kron(greys.reshape(8, 8), np.ones((16, 16))).astype(np.uint8)
        assert whash(pixels) == by_imagehash(pixels)
    assert len(rounded) == 40


def test_whole_numbers_decide_where_the_middle_is_clear(rounded):
    pixels = noise(1, 300, 400)
    assert whash(pixels) == by_imagehash(pixels)
    assert rounded == []


def test_the_methods_have_the_names_that_rows_carry():
    assert (METHOD, LUMA_METHOD) == ("whash/imagehash", "whash/luma")
