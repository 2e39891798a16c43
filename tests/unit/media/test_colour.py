import numpy as np
import pytest
from PIL import Image

from scanner.media.colour import rgb_of
from tests.pictures import picture

RAMP = np.tile(np.arange(256), (4, 1))


def grey(values):
    return np.asarray(rgb_of(Image.fromarray(values))[0])[:, :, 0]


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_16_bits_keep_their_top_byte(mode):
    order = ">u2" if mode == "I;16B" else "<u2"
    image = Image.frombytes(mode, (256, 4), (RAMP * 256 + 255).astype(order).tobytes())
    assert (np.asarray(rgb_of(image)[0])[:, :, 1] == RAMP).all()


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


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_deeper_greys_are_also_seen_as_the_peers_see_them(kind):
    values = (RAMP * 3 + 0.5).astype(kind)
    clipped = rgb_of(Image.fromarray(values))[1]["grey=clipped"]
    assert (np.asarray(clipped) == np.asarray(Image.fromarray(values).convert("RGB"))).all()


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
    laid, others = rgb_of(picture(1, (60, 40)).convert(mode))
    assert (laid.mode, laid.size, others) == ("RGB", (60, 40), {})


@pytest.mark.parametrize("mode", ["RGBA", "RGBa", "LA", "La", "PA"])
def test_transparent_pixels_are_laid_on_white(mode):
    image = picture(1, (60, 40)).convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    through = {"La": "LA", "PA": "P"}
    laid, others = rgb_of(
        image.convert(through.get(mode, mode)).convert(mode) if mode != "PA" else palette_alpha()
    )
    assert laid.getpixel((5, 5)) == (255, 255, 255)
    assert (laid.mode, others["alpha=dropped"].mode) == ("RGB", "RGB")


def palette_alpha():
    image = picture(1, (60, 40)).quantize(8).convert("PA")
    image.putalpha(0)
    return image


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa"])
def test_an_alpha_channel_that_hides_nothing_gives_no_second_rendering(mode):
    assert rgb_of(picture(1, (60, 40)).convert("RGBA").convert(mode))[1] == {}


def test_half_transparent_pixels_are_half_white():
    image = Image.new("RGBA", (8, 8), (100, 0, 200, 128))
    laid, others = rgb_of(image)
    assert np.abs(np.subtract(laid.getpixel((1, 1)), (177, 127, 227))).max() <= 1
    assert others["alpha=dropped"].getpixel((1, 1)) == (100, 0, 200)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_colour_that_stands_for_transparency_is_alpha(mode):
    image = Image.new(mode, (8, 8), 0)
    image.info["transparency"] = (0, 0, 0) if mode == "RGB" else 0
    laid, others = rgb_of(image)
    assert laid.getpixel((1, 1)) == (255, 255, 255)
    assert others["alpha=dropped"].getpixel((1, 1)) == (0, 0, 0)
