import hypothesis.strategies as st
import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from scanner.fingerprint.phash import METHOD, phash
from scanner.fingerprint.shrunk import LONGEST_KEPT, _kept_windows, shrunk
from tests.pictures import picture


def noise(seed, height, width):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def extremes(seed, height, width):
    """Return black and white alone: where the negative lobes overshoot."""
    return (noise(seed, height, width) > 128).astype(np.uint8) * np.uint8(255)


def by_pillow(pixels, *size):
    return np.asarray(Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.LANCZOS))


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    st.sampled_from([noise, extremes]),
    st.integers(0, 2**32),
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from([(8, 8), (9, 8), (32, 32), (64, 64)])
    | st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_any_picture_is_shrunk_as_pillow_shrinks_it(kind, seed, height, width, size):
    rgb = kind(seed, height, width)
    assert (shrunk(rgb, *size) == by_pillow(rgb, *size)).all()


@pytest.mark.parametrize("height", [47, 48, 49, 50, 51])
@pytest.mark.parametrize("size", [(9, 8), (8, 9), (20, 8), (40, 30)], ids=str)
def test_the_axis_that_goes_first_is_chosen_as_pillow_chooses_it(height, size):
    """One axis is rounded to whole greys before the other: the order shows in the pixels."""
    wide, tall = size
    for width in (wide + (height - tall) // 2 + more for more in (-1, 0, 1)):
        rgb = extremes(3, height, width)
        assert (shrunk(rgb, *size) == by_pillow(rgb, *size)).all()


@pytest.mark.parametrize(
    "size", [(1200, 1680), (32, 32), (32, 999), (999, 32), (1, 4000), (4000, 1), (2999, 4001)], ids=str
)
def test_large_and_odd_sizes_are_shrunk_as_pillow_shrinks_them(size):
    for kind in (noise, extremes):
        rgb = kind(5, *size)
        for side in (32, 1 << min(size).bit_length() - 1):
            assert (shrunk(rgb, side, side) == by_pillow(rgb, side, side)).all()


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 200), st.integers(1, 200))
def test_the_layout_of_the_pixels_changes_nothing(seed, height, width):
    rgb = noise(seed, height, width)
    four = np.concatenate([rgb, noise(seed + 1, height, width)[:, :, :1]], axis=2)
    assert (shrunk(four, 32, 32) == shrunk(rgb, 32, 32)).all()
    grey = np.ascontiguousarray(rgb[:, :, 0])
    assert (shrunk(grey, 32, 32) == by_pillow(grey, 32, 32)).all()


def test_a_long_side_is_shrunk_as_pillow_shrinks_it_and_its_weights_are_not_kept():
    _kept_windows.cache_clear()
    rgb = noise(5, 1, LONGEST_KEPT + 1)
    assert (shrunk(rgb, 8, 1) == by_pillow(rgb, 8, 1)).all()
    assert _kept_windows.cache_info().currsize == 1, "those of the short side"


@pytest.mark.parametrize("size", [(640, 480), (32, 32), (31, 33), (1, 1), (5, 700), (1600, 900)], ids=str)
def test_the_phash_is_that_of_imagehash_from_the_full_picture(size):
    image = picture(7, (max(size[0], 9), max(size[1], 9))).resize(size)
    assert phash(np.asarray(image)) == bytes.fromhex(str(imagehash.phash(image)))


def test_the_method_has_the_name_that_rows_carry():
    assert METHOD == "phash/imagehash"
