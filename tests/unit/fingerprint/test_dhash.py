import hypothesis.strategies as st
import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from scanner.fingerprint.dhash import LUMA_METHOD, METHOD, dhash
from tests.patterns import KINDS
from tests.pictures import picture


def by_imagehash(pixels):
    return bytes.fromhex(str(imagehash.dhash(Image.fromarray(pixels))))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.sampled_from(KINDS), st.integers(0, 2**32), st.integers(1, 300), st.integers(1, 300))
def test_any_picture_has_the_dhash_of_imagehash(kind, seed, height, width):
    pixels = np.ascontiguousarray(kind(seed, height, width))
    assert dhash(pixels) == by_imagehash(pixels)


@pytest.mark.parametrize(
    "size", [(640, 480), (480, 640), (9, 8), (8, 9), (1, 1), (1, 3000), (3000, 1), (1600, 900)], ids=str
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_dhash_is_that_of_imagehash_from_the_full_picture(size, mode):
    pixels = np.asarray(picture(7, (max(size[0], 9), max(size[1], 9))).resize(size).convert(mode))
    assert dhash(pixels) == by_imagehash(pixels)


def test_the_first_bit_is_of_the_first_row_and_says_that_it_grows_brighter():
    pixels = np.zeros((8, 9), np.uint8)
    pixels[0] = [0, 1, 1, 0, 0, 0, 0, 0, 9]
    assert dhash(pixels).hex() == "8100000000000000"


def test_the_methods_have_the_names_that_rows_carry():
    assert (METHOD, LUMA_METHOD) == ("dhash/imagehash", "dhash/luma")
