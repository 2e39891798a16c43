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

OPEN = 8
"""More than the windows that hold one row where there are more rows than windows: twice the lobes."""

LONGEST_KEPT = 20_000
"""The longest side whose weights are kept for the next picture of that size: half a megabyte."""


def shrunk(pixels: NDArray[np.uint8], wide: int, tall: int) -> NDArray[np.uint8]:
    """Return uint8[tall, wide]: `Image.convert("L").resize((wide, tall), LANCZOS)` of a picture.

    `pixels` is uint8[H, W, 3], or [H, W, 4] of which the fourth channel means nothing, or grey [H, W].
    """
    rows, channels = rows_of(pixels)
    height, width = pixels.shape[:2]
    out = np.empty((tall, wide), np.uint8)
    # Since its version 13, Pillow begins with the axis on which much more is to be lost.
    columns_first = height > tall and height - tall > 2 * (width - wide)
    shrink = _along_columns_first if columns_first else _along_rows_first
    shrink(rows, channels, *_windows(width, wide), *_windows(height, tall), out)
    return out


def _windows(length: int, side: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return where each window begins and ends, int64[side, 2], and its weights, int32[side, longest]."""
    return _kept_windows(length, side) if length <= LONGEST_KEPT else _new_windows(length, side)


def _new_windows(length: int, side: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    if length == side:  # Pillow leaves an axis alone that keeps its length
        spans = np.arange(side)[:, None] + (0, 1)
        return spans, np.full((side, 1), 1 << BITS, np.int32)
    reach = LOBES * max(length / side, 1.0)
    spans = np.empty((side, 2), np.int64)
    weights = np.zeros((side, math.ceil(reach) * 2 + 1), np.int32)
    _fill(length, spans, weights)
    return spans, weights


_kept_windows = lru_cache(maxsize=256)(_new_windows)


@njit
def _fill(length: int, spans: Any, weights: Any) -> None:
    side = spans.shape[0]
    scale = length / side
    stretch = max(scale, 1.0)
    reach, narrowed = LOBES * stretch, 1.0 / stretch
    window = np.empty(weights.shape[1])
    for place in range(side):
        centre = (place + 0.5) * scale
        first, last = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), length)
        spans[place, 0], spans[place, 1] = first, last
        total = 0.0
        for at in range(last - first):
            window[at] = _lanczos((at + first - centre + 0.5) * narrowed)
            total += window[at]
        for at in range(last - first):
            weight = window[at] / total * (1 << BITS)
            weights[place, at] = int(weight - 0.5) if weight < 0 else int(weight + 0.5)


@njit
def _lanczos(x: float) -> float:
    return _sinc(x) * _sinc(x / LOBES) if -LOBES <= x < LOBES else 0.0


@njit
def _sinc(x: float) -> float:
    return math.sin(x * math.pi) / (x * math.pi) if x else 1.0


@njit
def _along_rows_first(
    rows: Any, channels: int, across: Any, across_weights: Any, down: Any, down_weights: Any, out: Any
) -> None:
    height, width, wide = rows.shape[0], rows.shape[1] // channels, out.shape[1]
    luma, narrow = np.empty(width, np.int32), np.empty((height, wide), np.uint8)
    for i in range(height):
        _luma(rows[i], channels, luma)
        _across(luma, across, across_weights, narrow[i])
    totals = np.empty(wide, np.int32)
    for place in range(out.shape[0]):
        totals[:] = 0
        first = down[place, 0]
        for k in range(down[place, 1] - first):
            for j in range(wide):
                totals[j] += np.int32(narrow[first + k, j]) * down_weights[place, k]
        for j in range(wide):
            out[place, j] = _rounded(totals[j])


@njit
def _along_columns_first(
    rows: Any, channels: int, across: Any, across_weights: Any, down: Any, down_weights: Any, out: Any
) -> None:
    """Add each row to the sums of the windows that it lies in; a window that ends becomes a row of `out`."""
    height, width, tall = rows.shape[0], rows.shape[1] // channels, out.shape[0]
    luma, totals = np.empty(width, np.int32), np.zeros((OPEN, width), np.int32)
    oldest = 0
    for i in range(height):
        _luma(rows[i], channels, luma)
        place = oldest
        while place < tall and down[place, 0] <= i:
            weight, total = down_weights[place, i - down[place, 0]], totals[place % OPEN]
            for j in range(width):
                total[j] += luma[j] * weight
            place += 1
        while oldest < tall and down[oldest, 1] == i + 1:
            total = totals[oldest % OPEN]
            for j in range(width):
                luma[j] = _rounded(total[j])
                total[j] = 0
            _across(luma, across, across_weights, out[oldest])
            oldest += 1


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
