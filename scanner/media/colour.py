"""The only place where pictures of any mode become 8-bit pixels: palettes, alpha, print colours, greys."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

BACKGROUND = (255, 255, 255)
"""What stands behind transparent pixels."""

Pixels = NDArray[np.uint8]
"""uint8[H, W, 3], or [H, W, 4] of which the fourth channel means nothing, or grey [H, W]."""

LINEAR = "linear_light"
"""Where a picture's `info` says that its values measure light, with no curve for the eye."""

_STRIP = 64
"""Rows that are looked at together where all at once would be one more copy of the picture."""

# A picture's rows lie behind one another then, and can be shared.
cast(Any, Image).core.set_use_block_allocator(1)


def pixels_of(image: Image.Image) -> tuple[Pixels, dict[str, Pixels]]:
    """Return a loaded picture's pixels, and by a name those of each other way in which programs see it.

    A picture that is not fully opaque is laid on white; `alpha=dropped` shows the colours that this hides,
    which is what programs that only take the first three channels see. Greys of more than 8 bits are scaled
    down; `grey=clipped` shows them cut off at 255, as Pillow's own conversion does and so the peers see them.
    Values of linear light stay as they are; `light=srgb` shows them on sRGB's curve, as viewers do.

    The pixels are the picture's own memory where they can be: they change with it.
    """
    pixels, others = _as_stored(image)
    if image.info.get(LINEAR):
        others = {**others, "light=srgb": _on_curve(pixels)}
    return pixels, others


def _as_stored(image: Image.Image) -> tuple[Pixels, dict[str, Pixels]]:
    if image.mode.startswith("I") or image.mode == "F":
        return _greys(image)
    if not image.has_transparency_data:
        return _shared(_eight_bits(image)), {}
    if image.mode == "La":
        image = image.convert("LA")
    coloured = image if image.mode == "RGBA" else image.convert("RGBA")
    dropped = _shared(coloured)
    if dropped[:, :, 3].min() == 255:
        return dropped, {}
    return _shared(_laid(coloured)), {"alpha=dropped": dropped}


def _on_curve(pixels: Pixels) -> Pixels:
    """Return what light looks like (IEC 61966-2-1)."""
    light = np.arange(256) / 255
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    shown: Pixels = np.rint(255 * curve).astype(np.uint8)[pixels]
    return shown


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return an opaque picture as RGB, or as grey where it has no colours."""
    if image.mode in ("RGB", "RGBX", "L"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _shared(image: Image.Image) -> Pixels:
    """Return the memory of a picture of mode L, or of one with colours, whose pixels have 4 bytes each."""
    values: Any = pa.array(cast(Any, image))
    if image.mode == "L":
        return np.asarray(values).reshape(image.height, image.width)
    return np.asarray(values.flatten()).reshape(image.height, image.width, 4)


def _laid(coloured: Image.Image) -> Image.Image:
    """Lay a picture of mode RGBA on the background."""
    laid = Image.new("RGB", coloured.size, BACKGROUND)
    for top, strip in _strips(coloured):
        laid.paste(strip.convert("RGB"), (0, top), strip.getchannel("A"))
    return laid


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield a picture in strips, from the top, with the row where each begins."""
    for top in range(0, image.height, _STRIP):
        yield top, image.crop((0, top, image.width, min(top + _STRIP, image.height)))


def _greys(image: Image.Image) -> tuple[Pixels, dict[str, Pixels]]:
    """Return 8 bits of deeper greys: the top byte of 16 bits, also where 32 bits or floats hold no more.

    32-bit and float pictures do not say which range they use. Values within 0-255 are taken as they are
    (floats within 0-1 times 255), values within 0-65535 as 16 bits, and any others are stretched from the
    darkest to the brightest. Floats that pass 1 or 255 are cut off there, where none is twice as much. What
    is no number is black.
    """
    grey, clipped = (np.empty((image.height, image.width), np.uint8) for _ in range(2))
    extremes = [_extremes(np.asarray(strip)) for _, strip in _strips(image)]
    low, high = min(low for low, _ in extremes), max(high for _, high in extremes)
    for top, strip in _strips(image):
        values = np.asarray(strip)
        grey[top : top + len(values)] = _scaled(values, low, high)
        clipped[top : top + len(values)] = np.nan_to_num(values, nan=0).clip(0, 255)
    return grey, {"grey=clipped": clipped}


def _extremes(values: NDArray[Any]) -> tuple[float, float]:
    numbers = _numbers(values)
    return float(numbers.min()), float(numbers.max())


def _numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _scaled(values: NDArray[Any], low: float, high: float) -> Pixels:
    """Return values of a picture that reaches from `low` to `high` in 8 bits."""
    if values.dtype.kind == "u":
        return (values.astype(np.uint16) >> 8).astype(np.uint8)
    floats = _numbers(values)
    beyond = 2 if values.dtype.kind == "f" else 1  # filters leave some pixels whiter than white
    if low < 0 or high > 65535:
        floats = (floats - low) * (255 / max(high - low, 1e-300))
    elif high > 255 * beyond:
        floats = floats / 256
    elif values.dtype.kind == "f" and high <= beyond:
        floats = floats * 255
    return floats.clip(max=255).astype(np.uint8)
