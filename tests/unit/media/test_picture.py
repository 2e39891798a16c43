import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from scanner.config import Media
from scanner.media import picture as module
from scanner.media.picture import Unusable, opened
from scanner.media.sniff import sniff
from scanner.records import Outcome
from tests.pictures import animation, encoded, picture, pixel_bomb, png_chunk, png_of, rgb

SMALL = picture(9, (48, 40))
FORMATS = {
    "JPEG": {},
    "PNG": {},
    "GIF": {},
    "WEBP": {},
    "TIFF": {"compression": "tiff_lzw"},
    "BMP": {},
    "ICO": {"sizes": [(32, 32)]},
    "HEIF": {},
    "AVIF": {"speed": 10},
    "JPEG2000": {},
    "JXL": {"level": 90, "effort": 1},
    "PPM": {},
    "PCX": {},
    "SGI": {},
    "TGA": {"compression": "tga_rle"},
    "DDS": {},
}


def taken(data, caps):
    with opened(data, sniff(data), caps) as one:
        return one, [replace(view, pixels=view.pixels.copy()) for view in one.renderings()]


def attempted(data, caps):
    try:
        return [], [rendering.pixels.shape[2:] for rendering in taken(data, caps)[1]]
    except Unusable as refusal:
        return [refusal], []


@pytest.mark.parametrize("file_format", FORMATS)
def test_garbled_files_are_a_picture_or_unusable_and_nothing_else(file_format):
    random = np.random.default_rng(len(file_format))
    data = np.frombuffer(encoded(SMALL, file_format, **FORMATS[file_format]), np.uint8)
    for _ in range(60):
        garbled = data[: random.integers(20, data.size + 1)].copy()
        garbled[random.integers(0, garbled.size, random.integers(1, 12))] = random.integers(0, 256)
        refusals, modes = attempted(garbled.tobytes(), Media(max_pixels=1_000_000))
        assert set(modes) <= {(), (3,), (4,)}
        for refusal in refusals:
            assert refusal.outcome in (Outcome.UNDECODABLE, Outcome.TOO_LARGE)
            assert len(refusal.reason) < 80


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_size_is_checked_before_anything_is_decoded(file_format):
    data = encoded(SMALL, file_format, **FORMATS[file_format])
    with pytest.raises(Unusable) as refusal:
        taken(data, Media(max_pixels=100))
    assert refusal.value.outcome is Outcome.TOO_LARGE
    assert refusal.value.reason.endswith("100 pixels")


def test_a_picture_of_just_the_allowed_size_is_decoded():
    assert taken(encoded(SMALL, "PNG"), Media(max_pixels=48 * 40))[1]
    with pytest.raises(Unusable):
        taken(encoded(SMALL, "PNG"), Media(max_pixels=48 * 40 - 1))


def limits():
    return Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK


def test_limits_of_pillow_hold_while_a_picture_is_open_and_are_put_back():
    before = limits()
    data = encoded(SMALL, "PNG")
    with opened(data, sniff(data), Media(max_pixels=5000)):
        assert Image.MAX_IMAGE_PIXELS == 5000
    assert limits() == before
    with pytest.raises(Unusable):
        taken(pixel_bomb(), Media(max_pixels=5000))
    assert limits() == before


def test_only_the_plug_in_of_the_media_type_is_asked():
    data = encoded(SMALL, "PNG")
    with pytest.raises(Unusable), opened(data, sniff(encoded(SMALL, "JPEG")), Media()):
        pass


def test_no_plug_in_that_starts_programs_or_only_reads_headers_is_on_the_list():
    allowed = {name for names in module._OPENERS.values() for name in names} | set(module._LENIENT)
    Image.init()
    assert allowed <= set(Image.OPEN)
    assert set(Image.OPEN) - allowed <= {"EPS", "WMF", "MPEG", "BUFR", "GRIB", "HDF5", "FPX", "MIC", "IPTC"}


def test_the_primary_picture_of_a_heic_comes_first():
    data = animation((1, 2, 3), "HEIF", size=(64, 48), primary_index=2)
    _, renderings = taken(data, Media())
    assert [rendering.locator for rendering in renderings] == ["", "frame=0", "frame=1"]
    pixels = [rgb(rendering.pixels).astype(int) for rendering in renderings]
    assert np.abs(pixels[0] - np.asarray(picture(3, (64, 48)), int)).mean() < 20
    assert len(taken(data, Media(max_frames=1))[1]) == 1


def test_the_composite_of_a_layered_file_is_the_picture():
    image = np.asarray(SMALL)
    head = (
        b"8BPS\0\1" + bytes(6) + b"\0\3" + (40).to_bytes(4, "big") + (48).to_bytes(4, "big") + b"\0\x08\0\3"
    )
    layer = bytes(16) + bytes(2) + bytes(12) + bytes(4)  # no channels
    layers = b"\0\2" + layer + layer
    sections = bytes(8) + (4 + len(layers)).to_bytes(4, "big") + len(layers).to_bytes(4, "big") + layers
    data = head + sections + b"\0\0" + np.ascontiguousarray(image.transpose(2, 0, 1)).tobytes()
    one, renderings = taken(data, Media())
    assert one.frame_count == 1
    assert (rgb(renderings[0].pixels) == image).all()


def test_metadata_that_is_broken_does_not_hide_the_picture():
    data = png_of(8, 8, bytes(72), png_chunk(b"eXIf", b"MM\0*\0\0"))
    one, renderings = taken(data, Media())
    assert one.orientation is None
    assert len(renderings) == 1


def test_an_error_of_the_caller_is_not_taken_for_one_of_the_picture():
    data = encoded(SMALL, "PNG")
    with pytest.raises(ZeroDivisionError), opened(data, sniff(data), Media()) as one:
        assert next(one.renderings()).pixels.size // 0
    assert module._limiting.acquire(blocking=False)
    module._limiting.release()


def test_pixels_are_decoded_as_pillow_decodes_them():
    data = encoded(SMALL, "JPEG")
    _, renderings = taken(data, Media())
    assert (renderings[0].pixels == np.asarray(Image.open(io.BytesIO(data)))).all()


def test_a_jpeg_gives_its_luma_alone_where_that_is_wanted():
    data = encoded(picture(5, (1100, 1030)), "JPEG")
    one, (rendering,) = taken(data, Media(pdq="luma"))
    assert one.luma_alone
    assert (rendering.width, rendering.height, rendering.scale) == (1100, 1030, 4)
    assert rendering.pixels.shape == (258, 275)
    assert one.width, one.height == (1100, 1030)


FULL = {
    "another format": encoded(SMALL, "PNG"),
    "print colours": encoded(SMALL.convert("CMYK"), "JPEG"),
    "further pictures behind it": animation((1, 2), "MPO"),
    "a decoder that warns": encoded(SMALL, "JPEG")[:-2] + bytes(9) + b"\xff\xd9",
}


@pytest.mark.parametrize("name", FULL)
def test_what_has_no_luma_of_its_own_keeps_its_colours(name):
    one, renderings = taken(FULL[name], Media(pdq="luma"))
    assert not one.luma_alone
    assert [rendering.scale for rendering in renderings] == [None] * len(renderings)
    assert (renderings[0].pixels == taken(FULL[name], Media())[1][0].pixels).all()
