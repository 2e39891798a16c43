"""The only place where pixels of any mode become RGB: palettes, alpha, print colours, 16 bits and floats."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BACKGROUND = (255, 255, 255)
"""What stands behind transparent pixels."""


def rgb_of(image: Image.Image) -> tuple[Image.Image, dict[str, Image.Image]]:
    """Return a loaded picture as RGB, and by a name each other way in which programs see it.

    A picture that is not fully opaque is laid on white; `alpha=dropped` shows the colours that this hides,
    which is what programs that only take the first three channels see. Greys of more than 8 bits are scaled
    down; `grey=clipped` shows them cut off at 255, as Pillow's own conversion does and so the peers see them.
    """
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        clipped = np.nan_to_num(values, nan=0).clip(0, 255).astype(np.uint8)
        return _as_rgb(_grey(values)), {"grey=clipped": _as_rgb(clipped)}
    if not image.has_transparency_data:
        return image.convert("RGB"), {}
    if image.mode == "La":
        image = image.convert("LA")
    coloured = image if image.mode == "RGBA" else image.convert("RGBA")
    dropped = coloured.convert("RGB")
    alpha = coloured.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return dropped, {}
    laid = Image.new("RGB", coloured.size, BACKGROUND)
    laid.paste(dropped, mask=alpha)
    return laid, {"alpha=dropped": dropped}


def _as_rgb(grey: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(grey).convert("RGB")


def _grey(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return 8 bits of deeper greys: the top byte of 16 bits, also where 32 bits or floats hold no more.

    32-bit and float pictures do not say which range they use. Values within 0-255 are taken as they are
    (floats within 0-1 times 255), values within 0-65535 as 16 bits, and any others are stretched from the
    darkest to the brightest. What is no number is black.
    """
    if values.dtype.kind == "u":
        return (values.astype(np.uint16) >> 8).astype(np.uint8)
    floats = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(floats.min()), float(floats.max())
    if low < 0 or high > 65535:
        floats = (floats - low) * (255 / max(high - low, 1e-300))
    elif high > 255:
        floats = floats / 256
    elif values.dtype.kind == "f" and high <= 1:
        floats = floats * 255
    return floats.astype(np.uint8)
