"""The only place where PDQ's 64x64 samples are computed as the reference does: by its passes, in float32.

Two box filters, each along rows and then along columns. A running sum adds the value that comes and then
subtracts the one that goes, and no other order gives the same last bits. The passes run one behind the other
down the picture, so that they hold the rows under their windows and never the picture: a sixteenth of it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.kernels import njit


def passed(rows: NDArray[np.uint8], channels: int) -> NDArray[np.float32]:
    """Return the samples, float32[64, 64], of rows, uint8[H, channels·W]."""
    height, width = rows.shape[0], rows.shape[1] // channels
    out = np.empty((64, 64), np.float32)
    if (height, width) == (64, 64):
        _unfiltered(rows, channels, out)
    else:
        _filtered(rows, channels, -(-height // 128), -(-width // 128), _middles(height), _middles(width), out)
    return out


def _middles(side: int) -> NDArray[np.int64]:
    return ((np.arange(64) + 0.5) * side / 64).astype(np.int64)


@njit
def _unfiltered(rows: Any, channels: int, out: Any) -> None:
    for i in range(64):
        _luma(rows[i], channels, out[i])


@njit
def _filtered(rows: Any, channels: int, tall: int, wide: int, downs: Any, acrosses: Any, out: Any) -> None:
    """Send each row through the four passes, `tall` and `wide` being the windows; keep the samples."""
    height, width = rows.shape[0], rows.shape[1] // channels
    ahead = (tall + 2) // 2 - 1
    luma, narrow = np.empty(width, np.float32), np.empty(width, np.float32)
    first_totals, second_totals = np.zeros(width, np.float32), np.zeros(width, np.float32)
    first_window, second_window = np.empty((tall, width), np.float32), np.empty((tall, width), np.float32)
    sample = 0
    for step in range(height + 2 * ahead):
        if step < height + ahead:
            if step < height:
                _luma(rows[step], channels, luma)
                _box_along_row(luma, narrow, wide)
            _box_along_columns(narrow, step, height, first_totals, first_window, luma)
        second = step - ahead
        if second < 0:
            continue
        if second < height:
            _box_along_row(luma, narrow, wide)
        _box_along_columns(narrow, second, height, second_totals, second_window, luma)
        while sample < 64 and downs[sample] == second - ahead:
            for j in range(64):
                out[sample, j] = luma[acrosses[j]]
            sample += 1


@njit
def _luma(row: Any, channels: int, out: Any) -> None:
    """Take luma as the reference does, in double precision; a grey stands for its three equal colours."""
    if channels == 1:
        _weigh(row, 1, 0, 0, out)
    elif channels == 3:
        _weigh(row, 3, 1, 2, out)
    else:
        _weigh(row, 4, 1, 2, out)


@njit
def _weigh(row: Any, channels: int, green: int, blue: int, out: Any) -> None:
    for j in range(out.size):
        at = channels * j
        out[j] = np.float32(row[at] * 0.299 + row[at + green] * 0.587 + row[at + blue] * 0.114)


@njit
def _box_along_row(values: Any, out: Any, window: int) -> None:
    """Average a row over a running window."""
    ahead = (window + 2) // 2 - 1
    total, inside = np.float32(0), 0
    for right in range(values.size + ahead):
        if right < values.size:
            total += values[right]
            inside += 1
        if right >= window:
            total -= values[right - window]
            inside -= 1
        if right >= ahead:
            out[right - ahead] = total / np.float32(inside)


@njit
def _box_along_columns(row: Any, step: int, height: int, totals: Any, window: Any, out: Any) -> None:
    """Move the running window of all columns on by one row, which past the last one is no row at all.

    `window` is a ring of the rows inside. The average is written once the window's middle is in the picture.
    """
    size, place = window.shape[0], step % window.shape[0]
    if step < height:
        for j in range(row.size):
            totals[j] += row[j]
    if step >= size:
        for j in range(row.size):
            totals[j] -= window[place, j]
    if step < height:
        window[place] = row
    if step >= (size + 2) // 2 - 1:
        inside = np.float32(min(step + 1, height) - max(step + 1 - size, 0))
        for j in range(row.size):
            out[j] = totals[j] / inside
