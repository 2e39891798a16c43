"""The only place that lays out pixels for the kernels: rows of bytes, and how many of them a pixel has."""

import numpy as np
from numpy.typing import NDArray


def rows_of(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Return pixels, uint8[H, W] or uint8[H, W, C], as uint8[H, C·W] with C, in place where they lie so."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    rows = np.ascontiguousarray(pixels).reshape(height, channels * width)
    rows.flags.writeable = False  # one type of argument for the kernels, whoever owns the pixels
    return rows, channels
