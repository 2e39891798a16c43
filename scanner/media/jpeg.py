"""The only place where JPEG pixels are decoded by libjpeg-turbo itself: as Pillow has them, in less time.

Pillow moves every pixel once more, out of its own layout; at 2 megapixels that is a third of its time.
"""

from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

VERSION = f"simplejpeg {simplejpeg.__version__}"

LEAST_SIDE = 256
"""A luma plane is decoded at a smaller scale while both of its sides keep so many pixels."""

SCALES = (8, 4, 2, 1)
"""The scales whose inverse transforms are fast (jidctred.c); the largest that will do is taken."""

_CHANNELS = {"YCbCr": "RGB", "Gray": "GRAY"}


def pixels_of_jpeg(data: bytes, width: int, height: int) -> NDArray[np.uint8] | None:
    """Return the pixels of a JPEG, uint8[H, W, 3] or grey [H, W]; None where Pillow has to be asked.

    That is where anything is odd: other colours than YCbCr or grey, another size than expected, or as much as
    a warning of the decoder. What comes back is what Pillow would give, byte for byte.
    """
    return _decoded(data, width, height, _CHANNELS)


def luma_of_jpeg(data: bytes, width: int, height: int) -> tuple[NDArray[np.uint8], int] | None:
    """Return the luma of a JPEG at 1/scale, uint8[ceil(H/scale), ceil(W/scale)], and that scale.

    None where `pixels_of_jpeg` has none. The chroma planes are read past, but never transformed.
    """
    scale = next(scale for scale in SCALES if scale == 1 or min(width, height) >= LEAST_SIDE * scale)
    at_least = {"min_height": -(-height // scale), "min_width": -(-width // scale)}
    plane = _decoded(data, width, height, dict.fromkeys(_CHANNELS, "GRAY"), **at_least)
    return None if plane is None else (plane, scale)


def _decoded(
    data: bytes, width: int, height: int, channels: dict[str, str], **scaling: Any
) -> NDArray[np.uint8] | None:
    try:
        found_height, found_width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if (found_width, found_height) != (width, height) or colours not in channels:
            return None
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, channels[colours], **scaling)
    except ValueError:
        return None
    return pixels[:, :, 0] if channels[colours] == "GRAY" else pixels
