"""The only place where PDQ's 64x64 samples are computed as the linear map of the picture that they are.

Box filter, box filter and sampling are linear along each axis, so the samples are R·Y·Cᵀ with one 64xN
matrix for each side. Its rows are tents of about 2·N/64 weights, kept for the side lengths met last.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.kernels import njit


def sampled(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the samples, float32[64, 64], of RGB rows, uint8[H, 3·W]."""
    out = np.empty((64, 64), np.float32)
    _apply(rows, *_tents(rows.shape[0]), *_tents(rows.shape[1] // 3), out)
    return out


@lru_cache(maxsize=512)
def _tents(side: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return where each of the 64 tents begins, and its weights, float32[64, widest]; they sum to 1."""
    window = -(-side // 128)
    behind, ahead = window - (window + 2) // 2, (window + 2) // 2 - 1
    widest = min(2 * window - 1, side)
    starts, weights = np.zeros(64, np.int64), np.zeros((64, side))
    for sample in range(64):
        middle = int((sample + 0.5) * side / 64)
        first, last = max(0, middle - behind), min(side, middle + ahead + 1)
        for inner in range(first, last):
            left, right = max(0, inner - behind), min(side, inner + ahead + 1)
            weights[sample, left:right] += 1 / ((last - first) * (right - left))
        starts[sample] = min(max(0, first - behind), side - widest)
    kept = np.take_along_axis(weights, starts[:, None] + np.arange(widest), axis=1)
    return starts, kept.astype(np.float32)


@njit
def _apply(rows: Any, tops: Any, heights: Any, lefts: Any, widths: Any, out: Any) -> None:
    """Sum the rows under each tent with the colours still apart, then take luma and sum along the row."""
    width = rows.shape[1] // 3
    line, luma = np.empty(3 * width, np.float32), np.empty(width, np.float32)
    for i in range(64):
        line[:] = 0
        for k in range(heights.shape[1]):
            weight, row = heights[i, k], rows[tops[i] + k]
            for x in range(3 * width):
                line[x] += weight * np.float32(row[x])
        for j in range(width):
            luma[j] = (
                np.float32(0.299) * line[3 * j]
                + np.float32(0.587) * line[3 * j + 1]
                + np.float32(0.114) * line[3 * j + 2]
            )
        for j in range(64):
            total = np.float32(0)
            for k in range(widths.shape[1]):
                total += widths[j, k] * luma[lefts[j] + k]
            out[i, j] = total
