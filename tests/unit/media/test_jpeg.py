import io

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from scanner.media.jpeg import luma_of_jpeg, pixels_of_jpeg
from tests.pictures import encoded, picture, truncated
from tests.samples import ARITHMETIC_JPEG

PHOTO = picture(31, (211, 157))
ORDINARY = [
    {},
    {"quality": 30},
    {"quality": 95, "subsampling": 0},
    {"subsampling": 1},
    {"subsampling": 2},
    {"progressive": True},
    {"optimize": True, "restart_marker_blocks": 3},
    {"exif": b"Exif\0\0"},
]
GREY = PHOTO.convert("L")


def by_pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("options", ORDINARY, ids=str)
def test_an_ordinary_jpeg_has_the_pixels_that_pillow_gives_it(options):
    data = encoded(PHOTO, "JPEG", **options)
    assert (pixels_of_jpeg(data, 211, 157) == by_pillow(data)).all()


@pytest.mark.parametrize("options", [{}, {"quality": 30}, {"progressive": True}], ids=str)
def test_an_ordinary_grey_jpeg_stays_grey(options):
    data = encoded(GREY, "JPEG", **options)
    pixels = pixels_of_jpeg(data, 211, 157)
    assert pixels.shape == (157, 211)
    assert (pixels == by_pillow(data)).all()


def test_a_jpeg_of_arithmetic_coding_is_an_ordinary_one():
    assert b"\xff\xc9" in ARITHMETIC_JPEG  # its frame: sequential, arithmetic (ITU-T T.81, table B.1)
    assert (pixels_of_jpeg(ARITHMETIC_JPEG, 96, 72) == by_pillow(ARITHMETIC_JPEG)).all()
    assert luma_of_jpeg(ARITHMETIC_JPEG, 96, 72)[0].shape == (72, 96)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(5, 100), st.sampled_from([0, 1, 2]))
def test_any_size_and_quality_has_the_pixels_that_pillow_gives_it(width, height, quality, subsampling):
    data = encoded(PHOTO.resize((width, height)), "JPEG", quality=quality, subsampling=subsampling)
    assert (pixels_of_jpeg(data, width, height) == by_pillow(data)).all()


ODD = {
    "another size": (encoded(PHOTO, "JPEG"), 210, 157),
    "print colours": (encoded(PHOTO.convert("CMYK"), "JPEG"), 211, 157),
    "colours that are not converted": (encoded(PHOTO, "JPEG", keep_rgb=True), 211, 157),
    "no last marker": (encoded(PHOTO, "JPEG")[:-2], 211, 157),
    "half a file": (truncated(encoded(PHOTO, "JPEG")), 211, 157),
    "no jpeg": (b"words", 211, 157),
    "nothing": (b"", 211, 157),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("way", [pixels_of_jpeg, luma_of_jpeg])
def test_what_is_odd_is_left_to_pillow(name, way):
    assert way(*ODD[name]) is None


def draft(data, scale):
    """Return what Pillow has libjpeg give of the luma at a smaller scale."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", (image.width // scale, image.height // scale))
        return np.asarray(image)


@pytest.mark.parametrize(
    ("size", "scale"),
    [
        ((211, 157), 1),
        ((511, 5000), 1),
        ((512, 512), 2),
        ((1023, 600), 2),
        ((1024, 1301), 4),
        ((2047, 1060), 4),
        ((2048, 2100), 8),
        ((9001, 8192), 8),
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_luma_is_decoded_at_the_smallest_scale_that_keeps_256_pixels(size, scale, mode):
    data = encoded(PHOTO.convert(mode).resize(size, Image.Resampling.BILINEAR), "JPEG")
    plane, found = luma_of_jpeg(data, *size)
    assert (found, plane.shape) == (scale, (-(-size[1] // scale), -(-size[0] // scale)))
    assert (plane == draft(data, scale)).all()


@pytest.mark.parametrize("options", ORDINARY, ids=str)
def test_luma_is_that_of_the_file_before_its_colours_are_mixed(options):
    data = encoded(PHOTO, "JPEG", **options)
    plane, _ = luma_of_jpeg(data, 211, 157)
    with Image.open(io.BytesIO(data)) as image:
        image.draft("YCbCr", None)
        assert (plane == np.asarray(image)[:, :, 0]).all()


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.integers(20, 4000), st.binary(min_size=1, max_size=6))
def test_garbled_jpegs_have_the_pixels_that_pillow_gives_them_or_none(at, noise):
    data = encoded(PHOTO, "JPEG")
    garbled = data[:at] + noise + data[at + len(noise) :]
    pixels = pixels_of_jpeg(garbled, 211, 157)
    if pixels is not None:
        assert (pixels == by_pillow(garbled)).all()
