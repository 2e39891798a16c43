import numpy as np
import pytest
from PIL import Image

from scanner.media.colour import _STRIP, LINEAR, pixels_of
from tests.pictures import picture, rgb

RAMP = np.tile(np.arange(256), (4, 1))


def grey(values):
    return pixels_of(Image.fromarray(values))[0]


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_16_bits_keep_their_top_byte(mode):
    order = ">u2" if mode == "I;16B" else "<u2"
    image = Image.frombytes(mode, (256, 4), (RAMP * 256 + 255).astype(order).tobytes())
    assert (pixels_of(image)[0] == RAMP).all()


@pytest.mark.parametrize(
    "values",
    [
        RAMP.astype(np.int32),
        (RAMP * 256 + 7).astype(np.int32),
        RAMP.astype(np.float32),
        (RAMP * 256 + 7).astype(np.float32),
        ((RAMP + 0.5) / 255.5).astype(np.float32),
        (RAMP * 1e6 + 5e5).astype(np.int32),
        (RAMP - 128.0).astype(np.float32),
        (RAMP * 1e30).astype(np.float32),
    ],
)
def test_deeper_greys_are_brought_to_8_bits(values):
    assert np.abs(grey(values).astype(int) - RAMP).max() <= 1


@pytest.mark.parametrize("white", [1, 255])
@pytest.mark.parametrize("beyond", [1.001, 1.5, 1.99])
def test_floats_that_pass_white_a_little_are_cut_off_there(white, beyond):
    values = RAMP * (white / 255) + white * 1e-4
    values[2, 7] = white * beyond
    shown = grey(values.astype(np.float32)).astype(int)
    assert shown[2, 7] == 255
    assert (shown[0] == RAMP[0]).all()


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_deeper_greys_are_also_seen_as_the_peers_see_them(kind):
    values = (RAMP * 3 + 0.5).astype(kind)
    clipped = pixels_of(Image.fromarray(values))[1]["grey=clipped"]
    assert (clipped == np.asarray(Image.fromarray(values).convert("L"))).all()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_black(odd):
    values = RAMP.astype(np.float32)
    values[0, 9] = odd
    assert grey(values)[0, 9] == 0
    assert (grey(values)[1] == RAMP[1]).all()


def test_a_flat_negative_picture_has_one_colour():
    assert len(np.unique(grey(np.full((4, 4), -3, np.int32)))) == 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"])
def test_pictures_without_alpha_have_one_rendering(mode):
    image = picture(1, (60, 40)).convert(mode)
    pixels, others = pixels_of(image)
    assert (rgb(pixels) == np.asarray(image.convert("RGB"))).all()
    assert others == {}


@pytest.mark.parametrize("mode", ["RGBA", "RGBa", "LA", "La", "PA"])
def test_transparent_pixels_are_laid_on_white(mode):
    image = picture(1, (60, 40)).convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    through = {"La": "LA", "PA": "P"}
    laid, others = pixels_of(
        image.convert(through.get(mode, mode)).convert(mode) if mode != "PA" else palette_alpha()
    )
    assert (rgb(laid) == 255).all()
    assert others["alpha=dropped"].shape == (40, 60, 4)


def palette_alpha():
    image = picture(1, (60, 40)).quantize(8).convert("PA")
    image.putalpha(0)
    return image


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa"])
def test_an_alpha_channel_that_hides_nothing_gives_no_second_rendering(mode):
    image = picture(1, (60, 40)).convert("RGBA").convert(mode)
    pixels, others = pixels_of(image)
    assert (rgb(pixels) == np.asarray(image.convert("RGBA").convert("RGB"))).all()
    assert others == {}


def test_half_transparent_pixels_are_half_white():
    image = Image.new("RGBA", (8, 8), (100, 0, 200, 128))
    laid, others = pixels_of(image)
    assert np.abs(np.subtract(rgb(laid)[1, 1], (177, 127, 227), dtype=int)).max() <= 1
    assert (rgb(others["alpha=dropped"]) == (100, 0, 200)).all()


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_colour_that_stands_for_transparency_is_alpha(mode):
    image = Image.new(mode, (8, 8), 0)
    image.info["transparency"] = (0, 0, 0) if mode == "RGB" else 0
    laid, others = pixels_of(image)
    assert (rgb(laid) == 255).all()
    assert (rgb(others["alpha=dropped"]) == 0).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBX", "L", "RGBA"])
@pytest.mark.parametrize("width", [1, 5, 64])
def test_a_picture_of_8_bits_is_hashed_where_it_lies(mode, width):
    image = picture(1, (width, 40)).convert(mode)
    pixels, _ = pixels_of(image)
    image.paste((0, 9, 99) if image.mode != "L" else 77, (0, 0, width, 40))
    assert (rgb(pixels)[39, 0] == ((0, 9, 99) if image.mode != "L" else 77)).all()


@pytest.mark.parametrize("height", [1, _STRIP - 1, _STRIP, _STRIP + 1, 3 * _STRIP])
def test_strips_make_a_picture_that_is_whole(height):
    random = np.random.default_rng(height)
    rgba = random.integers(0, 256, (height, 7, 4), np.uint8)
    image = Image.fromarray(rgba)
    laid = Image.new("RGB", image.size, "white")
    laid.paste(image.convert("RGB"), mask=image.getchannel("A"))
    assert (rgb(pixels_of(image)[0]) == np.asarray(laid)).all()
    deep = random.integers(0, 65536, (height, 7), np.int32)
    deep[0, 0], deep[-1, -1] = 0, 65535
    assert (pixels_of(Image.fromarray(deep))[0] == (deep >> 8)).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_values_of_light_are_also_shown_on_the_curve_of_srgb(mode):
    image = Image.fromarray(RAMP.astype(np.uint8)).convert(mode)
    image.info[LINEAR] = True
    pixels, others = pixels_of(image)
    assert (rgb(pixels)[:, :, 1] == RAMP).all()
    shown = rgb(others["light=srgb"])[0, :, 2].astype(int)
    light = np.where(shown <= 10, shown / 255 / 12.92, ((shown / 255 + 0.055) / 1.055) ** 2.4)
    assert np.abs(light * 255 - RAMP[0]).max() < 1.2
    assert list(shown[[0, 1, 55, 255]]) == [0, 13, 128, 255]
