"""The only place where a picture is made small and grey, bit for bit as Pillow does for imagehash.

Pillow's luma is 16-bit integer arithmetic (Convert.c, ITU-R 601), its resampling a Lanczos window of three
lobes whose weights are rounded to 22 bits and applied along one axis, rounded to 8 bits, then along the other
(Resample.c). Here luma and the first of these happen in one pass over the rows, so that the full picture is
never copied.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.fingerprint.rows import rows_of
from scanner.kernels import njit

LOBES = 3
BITS = 22  # 32 less 8 of the pixels and 2 of the lobes that are negative


def shrunk(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return uint8[side, side]: `Image.convert("L").resize((side, side), LANCZOS)` of a picture.

    `pixels` is uint8[H, W, 3], or [H, W, 4] of which the fourth channel means nothing, or grey [H, W].
    """
    rows, channels = rows_of(pixels)
    height, width = pixels.shape[:2]
    out = np.empty((side, side), np.uint8)
    # Since its version 13, Pillow begins with the axis on which much more is to be lost.
    tall = height > side and height - side > 2 * (width - side)
    shrink = _along_columns_first if tall else _along_rows_first
    shrink(rows, channels, *_windows(width, side), *_windows(height, side), out)
    return out


@lru_cache(maxsize=128)
def _windows(length: int, side: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return where each window begins and ends, int64[side, 2], and its weights, int32[side, longest]."""
    if length == side:  # Pillow leaves an axis alone that keeps its length
        spans = np.arange(side)[:, None] + (0, 1)
        return spans, np.full((side, 1), 1 << BITS, np.int32)
    scale = length / side
    stretch = max(scale, 1.0)
    reach = LOBES * stretch
    spans = np.empty((side, 2), np.int64)
    weights = np.zeros((side, math.ceil(reach) * 2 + 1), np.int32)
    for place in range(side):
        centre = (place + 0.5) * scale
        first, last = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), length)
        window = [_lanczos((at - centre + 0.5) / stretch) for at in range(first, last)]
        total = sum(window)
        spans[place] = first, last
        for at, weight in enumerate(window):
            weights[place, at] = math.floor(abs(weight / total) * (1 << BITS) + 0.5) * (
                1 if weight > 0 else -1
            )
    return spans, weights


def _lanczos(x: float) -> float:
    return _sinc(x) * _sinc(x / LOBES) if -LOBES <= x < LOBES else 0.0


def _sinc(x: float) -> float:
    return math.sin(x * math.pi) / (x * math.pi) if x else 1.0


@njit
def _along_rows_first(
    rows: Any, channels: int, across: Any, across_weights: Any, down: Any, down_weights: Any, out: Any
) -> None:
    height, width, side = rows.shape[0], rows.shape[1] // channels, out.shape[0]
    luma, narrow = np.empty(width, np.int32), np.empty((height, side), np.uint8)
    for i in range(height):
        _luma(rows[i], channels, luma)
        _across(luma, across, across_weights, narrow[i])
    totals = np.empty(side, np.int32)
    for place in range(side):
        totals[:] = 0
        first = down[place, 0]
        for k in range(down[place, 1] - first):
            for j in range(side):
                totals[j] += np.int32(narrow[first + k, j]) * down_weights[place, k]
        for j in range(side):
            out[place, j] = _rounded(totals[j])


@njit
def _along_columns_first(
    rows: Any, channels: int, across: Any, across_weights: Any, down: Any, down_weights: Any, out: Any
) -> None:
    height, width, side = rows.shape[0], rows.shape[1] // channels, out.shape[0]
    luma, totals = np.empty(width, np.int32), np.zeros((side, width), np.int32)
    for i in range(height):
        _luma(rows[i], channels, luma)
        for place in range(side):
            if down[place, 0] <= i < down[place, 1]:
                weight = down_weights[place, i - down[place, 0]]
                for j in range(width):
                    totals[place, j] += luma[j] * weight
    for place in range(side):
        for j in range(width):
            luma[j] = _rounded(totals[place, j])
        _across(luma, across, across_weights, out[place])


@njit
def _luma(row: Any, channels: int, out: Any) -> None:
    if channels == 1:
        for j in range(out.size):
            out[j] = np.int32(row[j])
    elif channels == 3:
        _weigh(row, 3, out)
    else:
        _weigh(row, 4, out)


@njit
def _weigh(row: Any, channels: int, out: Any) -> None:
    for j in range(out.size):
        weighted = (
            np.uint32(row[channels * j]) * np.uint32(19595)
            + np.uint32(row[channels * j + 1]) * np.uint32(38470)
            + np.uint32(row[channels * j + 2]) * np.uint32(7471)
        )
        out[j] = np.int32((weighted + np.uint32(0x8000)) >> np.uint32(16))


@njit
def _across(luma: Any, spans: Any, weights: Any, out: Any) -> None:
    for place in range(out.size):
        first, count = spans[place, 0], spans[place, 1] - spans[place, 0]
        window, weighted = luma[first : first + count], weights[place, :count]
        total = np.int32(0)
        for k in range(count):
            total += window[k] * weighted[k]
        out[place] = _rounded(total)


@njit
def _rounded(total: Any) -> Any:
    """Return a sum in 22 bits as 8 bits, cut off at both ends."""
    value = (total + np.int32(1 << (BITS - 1))) >> np.int32(BITS)
    return max(0, min(255, value))
