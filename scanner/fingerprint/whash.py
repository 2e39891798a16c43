"""The only place where wHash is computed: bit for bit as the imagehash package does, without its wavelets.

imagehash shrinks a picture to 2^n pixels a side, the most that its shorter side holds and at least 8, takes
the mean away, and compares the 8x8 lowest Haar coefficients with their median. Those are the sums of 8x8
blocks times a constant, so that whole numbers tell which of them lie above: the wavelets, which take ten
times as long as everything else, are not needed. Only where the two sums in the midst are equal does the
rounding of the wavelets decide (7 of 154 photographs, those on a flat ground most of all). There the same
additions are done in the same order, block by block: imagehash itself would take more than 2 GB for a flat
picture of 100 megapixels.

The picture is not shrunk any further first: from 64 pixels a side, 21 of the 154 photographs would have
another hash, most of them by 2 bits and one by 21, to save 4 ms of 7 at 1,600 pixels.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.fingerprint.shrunk import shrunk
from scanner.kernels import njit

METHOD = "whash/imagehash"

LUMA_METHOD = "whash/luma"
"""The name of hashes from a JPEG's own luma, perhaps at a smaller scale: within some bits of imagehash's."""

SIDE = 8
"""Blocks a side, one bit each."""

HALF = math.sqrt(0.5)
"""What PyWavelets weighs each of two neighbours with, in float64."""


def whash(pixels: NDArray[np.uint8]) -> bytes:
    """Return the 64-bit wHash of a picture as 8 bytes, equal to imagehash's hex text.

    `pixels` is what `shrunk` takes.
    """
    side = max(SIDE, 1 << min(pixels.shape[:2]).bit_length() - 1)
    small = shrunk(pixels, side, side)
    totals = _totals(small)
    median, above = np.partition(totals.ravel(), (31, 32))[31:33]
    if median < above:
        return np.packbits(totals > median).tobytes()
    lowest = _lowest(small, totals == median)
    return np.packbits(lowest > np.median(lowest)).tobytes()


@njit
def _totals(small: Any) -> Any:
    """Return the sums of the blocks, int64[8, 8]."""
    block = small.shape[0] // SIDE
    totals = np.zeros((SIDE, SIDE), np.int64)
    for i in range(small.shape[0]):
        for place in range(SIDE):
            total = np.int64(0)
            for pixel in small[i, place * block : (place + 1) * block]:
                total += pixel
            totals[i // block, place] += total
    return totals


@njit
def _lowest(small: Any, tied: Any) -> Any:
    """Return the lowest coefficients without the mean, float64[8, 8]: of tied blocks to the last bit.

    A block is taken apart to its lowest coefficient, put together again from that without the mean, and taken
    apart once more. Of the other blocks nothing but their order counts, which no rounding changes.
    """
    block = small.shape[0] // SIDE
    lowest, part = np.empty((SIDE, SIDE)), np.empty((block, block))
    for i in range(SIDE):
        for j in range(SIDE):
            _load(small, i, j, part)
            _apart(part)
            lowest[i, j] = part[0, 0]
    _apart(lowest)
    lowest[0, 0] = 0.0
    _together(lowest)
    for i in range(SIDE):
        for j in range(SIDE):
            if tied[i, j]:
                _load(small, i, j, part)
                _apart(part)
                part[0, 0] = lowest[i, j]
                _together(part)
                _apart(part)
                lowest[i, j] = part[0, 0]
    return lowest


@njit
def _load(small: Any, i: int, j: int, part: Any) -> None:
    side = part.shape[0]
    for row in range(side):
        for column in range(side):
            part[row, column] = small[i * side + row, j * side + column] / 255.0


@njit
def _apart(square: Any) -> None:
    """Replace a square by its Haar coefficients, each of them where its four pixels begin."""
    step = 1
    while step < square.shape[0]:
        for i in range(0, square.shape[0], 2 * step):
            for j in range(0, square.shape[0], 2 * step):
                a, b = HALF * square[i, j], HALF * square[i, j + step]
                c, d = HALF * square[i + step, j], HALF * square[i + step, j + step]
                left, right, left_change, right_change = c + a, d + b, a - c, b - d
                square[i, j] = HALF * right + HALF * left
                square[i, j + step] = HALF * left - HALF * right
                square[i + step, j] = HALF * right_change + HALF * left_change
                square[i + step, j + step] = HALF * left_change - HALF * right_change
        step *= 2


@njit
def _together(square: Any) -> None:
    """Undo `_apart`, as far as rounding allows."""
    step = square.shape[0] // 2
    while step:
        for i in range(0, square.shape[0], 2 * step):
            for j in range(0, square.shape[0], 2 * step):
                a, b = HALF * square[i, j], HALF * square[i, j + step]
                c, d = HALF * square[i + step, j], HALF * square[i + step, j + step]
                left, right, left_change, right_change = a + b, a - b, c + d, c - d
                square[i, j] = HALF * left + HALF * left_change
                square[i, j + step] = HALF * right + HALF * right_change
                square[i + step, j] = HALF * left - HALF * left_change
                square[i + step, j + step] = HALF * right - HALF * right_change
        step //= 2
