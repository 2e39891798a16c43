import hypothesis.strategies as st
import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from scanner.fingerprint.phash import METHOD, phash
from scanner.fingerprint.shrunk import shrunk
from tests.pictures import picture


def noise(seed, height, width):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def extremes(seed, height, width):
    """Return black and white alone: where the negative lobes overshoot."""
    return (noise(seed, height, width) > 128).astype(np.uint8) * np.uint8(255)


def by_pillow(rgb, side):
    return np.asarray(Image.fromarray(rgb).convert("L").resize((side, side), Image.Resampling.LANCZOS))


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    st.sampled_from([noise, extremes]),
    st.integers(0, 2**32),
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from([8, 9, 32]),
)
def test_any_picture_is_shrunk_as_pillow_shrinks_it(kind, seed, height, width, side):
    rgb = kind(seed, height, width)
    assert (shrunk(rgb, side) == by_pillow(rgb, side)).all()


@pytest.mark.parametrize(
    "size", [(1200, 1680), (32, 32), (32, 999), (999, 32), (1, 4000), (4000, 1), (2999, 4001)], ids=str
)
def test_large_and_odd_sizes_are_shrunk_as_pillow_shrinks_them(size):
    for kind in (noise, extremes):
        rgb = kind(5, *size)
        assert (shrunk(rgb, 32) == by_pillow(rgb, 32)).all()


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 200), st.integers(1, 200))
def test_the_layout_of_the_pixels_changes_nothing(seed, height, width):
    rgb = noise(seed, height, width)
    four = np.concatenate([rgb, noise(seed + 1, height, width)[:, :, :1]], axis=2)
    assert (shrunk(four, 32) == shrunk(rgb, 32)).all()
    grey = np.ascontiguousarray(rgb[:, :, 0])
    assert (shrunk(grey, 32) == by_pillow(grey, 32)).all()


@pytest.mark.parametrize("size", [(640, 480), (32, 32), (31, 33), (1, 1), (5, 700), (1600, 900)], ids=str)
def test_the_phash_is_that_of_imagehash_from_the_full_picture(size):
    image = picture(7, (max(size[0], 9), max(size[1], 9))).resize(size)
    assert phash(np.asarray(image)) == bytes.fromhex(str(imagehash.phash(image)))


def test_the_method_has_the_name_that_rows_carry():
    assert METHOD == "phash/imagehash"
