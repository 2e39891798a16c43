"""The only place where PDQ's 64x64 samples are computed as the linear map of the picture that they are.

Box filter, box filter and sampling are linear along each axis, so the samples are R·Y·Cᵀ with one 64xN
matrix for each side. Its rows are tents of about 2·N/64 weights, kept for the side lengths met last. Of a
picture that was decoded at a smaller scale, each pixel bears the weights of all those that it stands for.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.kernels import njit


def sampled(rows: NDArray[np.uint8], channels: int) -> NDArray[np.float32]:
    """Return the samples, float32[64, 64], of rows, uint8[H, channels·W]."""
    height, width = rows.shape[0], rows.shape[1] // channels
    return _sampled(rows, channels, _tents(height, 1), _tents(width, 1))


def sampled_luma(plane: NDArray[np.uint8], height: int, width: int, scale: int) -> NDArray[np.float32]:
    """Return the samples of a picture from its luma at 1/`scale`, uint8[ceil(H/scale), ceil(W/scale)]."""
    return _sampled(plane, 1, _tents(height, scale), _tents(width, scale))


_Tents = tuple[NDArray[np.int64], NDArray[np.float32]]


def _sampled(rows: NDArray[np.uint8], channels: int, down: _Tents, across: _Tents) -> NDArray[np.float32]:
    out = np.empty((64, 64), np.float32)
    _apply(rows, channels, *down, *across, out)
    return out


@lru_cache(maxsize=512)
def _tents(side: int, scale: int) -> _Tents:
    """Return where each of the 64 tents begins, and its weights, float32[64, widest]; they sum to 1."""
    window = -(-side // 128)
    behind, ahead = window - (window + 2) // 2, (window + 2) // 2 - 1
    pixels = -(-side // scale)
    widest = min(2 + (2 * window - 3) // scale, pixels)
    starts, weights = np.zeros(64, np.int64), np.zeros((64, widest))
    for sample in range(64):
        middle = int((sample + 0.5) * side / 64)
        first, last = max(0, middle - behind), min(side, middle + ahead + 1)
        begin, end = max(0, first - behind), min(side, last + ahead)
        tent = np.zeros(end - begin)
        for inner in range(first, last):
            left, right = max(0, inner - behind), min(side, inner + ahead + 1)
            tent[left - begin : right - begin] += 1 / ((last - first) * (right - left))
        starts[sample] = min(begin // scale, pixels - widest)
        places = np.arange(begin, end) // scale - starts[sample]
        weights[sample] = np.bincount(places, tent, widest)
    return starts, weights.astype(np.float32)


@njit
def _apply(rows: Any, channels: int, tops: Any, heights: Any, lefts: Any, widths: Any, out: Any) -> None:
    """Sum the rows under each tent with the colours still apart, then take luma and sum along the row."""
    across = rows.shape[1]
    line, luma = np.empty(across, np.float32), np.empty(across // channels, np.float32)
    for i in range(64):
        line[:] = 0
        for k in range(heights.shape[1]):
            weight, row = heights[i, k], rows[tops[i] + k]
            for x in range(across):
                line[x] += weight * np.float32(row[x])
        if channels == 1:
            luma[:] = line
        elif channels == 3:
            _weigh(line, 3, luma)
        else:
            _weigh(line, 4, luma)
        for j in range(64):
            total = np.float32(0)
            for k in range(widths.shape[1]):
                total += widths[j, k] * luma[lefts[j] + k]
            out[i, j] = total


@njit
def _weigh(line: Any, channels: int, luma: Any) -> None:
    for j in range(luma.size):
        luma[j] = (
            np.float32(0.299) * line[channels * j]
            + np.float32(0.587) * line[channels * j + 1]
            + np.float32(0.114) * line[channels * j + 2]
        )
