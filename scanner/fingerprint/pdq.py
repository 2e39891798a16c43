"""The only place where PDQ is computed, bit for bit as `pdqhash` 0.2.8 does, from the full picture.

The algorithm is that of the reference implementation of facebook/ThreatExchange (BSD): luma, two box
filters per axis, 64x64 samples, a quality from their differences, a 16x16 DCT, one bit per coefficient
above the median. Two ways lead to the samples: the reference's own float32 passes, whose order of
additions is kept exactly, and a linear form that takes about a fifteenth of the time. That one is used
where its distance from the passes cannot change a bit or the quality; everywhere else the passes decide.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.fingerprint.pdq_linear import sampled
from scanner.kernels import njit

METHOD = "pdq/full"

MIN_SIDE = 5
"""Pictures with a shorter side have the hash of zeros and quality 0."""

COEFFICIENT_ERROR = 0.02
"""How far a coefficient of the linear form may lie from that of the passes. Measured: 0.002 on pictures
like photographs, 0.04 on periodic ones of thousands of pixels a side, made so that rounding errors add up.
A bit changes only by the difference of two such errors: 0.003 was once not enough for 20,000 pictures."""

PERCENT_ERROR = 0.005
"""The same for a difference of two samples, in percent of 255; 0.001 was always enough."""

Floats = NDArray[np.float32]

_SCALE = float(np.float32(math.sqrt(2 / 64)))
_DCT = np.array(
    [[_SCALE * math.cos(math.pi / 2 / 64 * (i + 1) * (2 * j + 1)) for j in range(64)] for i in range(16)],
    np.float32,
)
_DCT_TRANSPOSED = np.ascontiguousarray(_DCT.T)


_EVEN = np.where(np.arange(16) % 2, np.float32(1), np.float32(-1))
_TRANSFORMS: dict[str, tuple[bool, Any]] = {
    "original": (False, np.ones((16, 16), np.float32)),
    "rotate90": (True, np.broadcast_to(_EVEN[:, None], (16, 16))),
    "rotate180": (False, np.outer(_EVEN, _EVEN)),
    "rotate270": (True, np.broadcast_to(_EVEN, (16, 16))),
    "flip_vertical": (False, np.broadcast_to(_EVEN[:, None], (16, 16))),
    "flip_horizontal": (False, np.broadcast_to(_EVEN, (16, 16))),
    "transpose": (True, np.ones((16, 16), np.float32)),
    "transverse": (True, np.outer(_EVEN, _EVEN)),
}
"""What becomes of the coefficients of a picture that is turned or mirrored: transposed?, then these signs.

Rotations are counter-clockwise, as in `pdqhash.compute_dihedral`, whose order this is."""

TRANSFORMS = tuple(_TRANSFORMS)
"""The names of a picture's eight orientations, the picture itself first."""


def pdq(rgb: NDArray[np.uint8]) -> tuple[bytes, int]:
    """Return the PDQ hash (32 bytes, bit 255 first, as in its hex text) and quality (0-100) of a picture.

    `rgb` is uint8[H, W, 3].
    """
    hashes, quality = pdq_transformed(rgb, TRANSFORMS[:1])
    return hashes[0], quality


def pdq_transformed(rgb: NDArray[np.uint8], transforms: Sequence[str]) -> tuple[list[bytes], int]:
    """Return the PDQ hashes of a picture in some of its `TRANSFORMS`, and its quality, from one transform.

    They are derived, as the reference derives them: the hash of a file that really was turned lies some bits
    from them, since the filters and the samples are not symmetric.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"PDQ takes uint8[H, W, 3], not {rgb.dtype}{list(rgb.shape)}")
    height, width, _ = rgb.shape
    if height < MIN_SIDE or width < MIN_SIDE:
        return [bytes(32)] * len(transforms), 0
    rows = np.ascontiguousarray(rgb).reshape(height, 3 * width)
    rows.flags.writeable = False  # one type of argument for the kernels, whoever owns the pixels
    return _linear(rows, transforms) or _reference(rows, transforms)


def _linear(
    rows: NDArray[np.uint8], transforms: Sequence[str] = TRANSFORMS[:1]
) -> tuple[list[bytes], int] | None:
    """Return the answer of the linear form, or None where it is not certain to be the reference's."""
    samples = sampled(rows)
    lowest, highest = (
        min(_gradients(samples, error) // 90, 100) for error in (-PERCENT_ERROR, PERCENT_ERROR)
    )
    if lowest != highest:
        return None
    coefficients, hashes = _dct(samples, _DCT, _DCT_TRANSPOSED), []
    for transform in transforms:
        turned = _turned(coefficients, transform)
        median, above = np.partition(turned, (127, 128))[127:129]
        if above - median <= 2 * COEFFICIENT_ERROR:
            return None
        hashes.append(_bits(turned, median))
    return hashes, lowest


def _reference(
    rows: NDArray[np.uint8], transforms: Sequence[str] = TRANSFORMS[:1]
) -> tuple[list[bytes], int]:
    samples = _passes(rows)
    coefficients = _dct(samples, _DCT, _DCT_TRANSPOSED)
    all_turned = [_turned(coefficients, transform) for transform in transforms]
    quality = min(_gradients(samples, 0.0) // 90, 100)
    return [_bits(turned, np.partition(turned, 127)[127]) for turned in all_turned], quality


def _turned(coefficients: Floats, transform: str) -> Floats:
    """Return the 256 coefficients of a picture that was turned or mirrored."""
    transposed, signs = _TRANSFORMS[transform]
    turned: Floats = (coefficients.T if transposed else coefficients) * signs
    return turned.ravel()


def _bits(coefficients: Floats, median: np.float32) -> bytes:
    return np.packbits((coefficients > median)[::-1]).tobytes()


def _passes(rows: NDArray[np.uint8]) -> Floats:
    """Return the 64x64 samples by the reference's passes over the whole picture."""
    height, width = rows.shape[0], rows.shape[1] // 3
    picture = np.empty((height, width), np.float32)
    _luma(rows, picture)
    if (height, width) == (64, 64):
        return picture
    between = np.empty_like(picture)
    for _ in range(2):
        _box_along_rows(picture, between, -(-width // 128))
        _box_along_columns(between, picture, -(-height // 128))
    middles = [((np.arange(64) + 0.5) * side / 64).astype(np.int64) for side in (height, width)]
    return np.ascontiguousarray(picture[np.ix_(*middles)])


@njit
def _luma(rows: Any, out: Any) -> None:
    for i in range(out.shape[0]):
        row, luma = rows[i], out[i]
        for j in range(out.shape[1]):
            luma[j] = np.float32(row[3 * j] * 0.299 + row[3 * j + 1] * 0.587 + row[3 * j + 2] * 0.114)


@njit
def _box_along_rows(values: Any, out: Any, window: int) -> None:
    """Average each row over a running window; sums are added to first, then subtracted from, in float32."""
    ahead = (window + 2) // 2 - 1
    for i in range(values.shape[0]):
        row, averages = values[i], out[i]
        total, inside = np.float32(0), 0
        for right in range(row.size + ahead):
            if right < row.size:
                total += row[right]
                inside += 1
            if right >= window:
                total -= row[right - window]
                inside -= 1
            if right >= ahead:
                averages[right - ahead] = total / np.float32(inside)


@njit
def _box_along_columns(values: Any, out: Any, window: int) -> None:
    """Do the same for all columns side by side."""
    height, width = values.shape
    ahead = (window + 2) // 2 - 1
    totals, inside = np.zeros(width, np.float32), 0
    for right in range(height + ahead):
        if right < height:
            for j in range(width):
                totals[j] += values[right, j]
            inside += 1
        if right >= window:
            for j in range(width):
                totals[j] -= values[right - window, j]
            inside -= 1
        if right >= ahead:
            for j in range(width):
                out[right - ahead, j] = totals[j] / np.float32(inside)


@njit
def _gradients(samples: Any, error: float) -> int:
    """Sum the differences of neighbours in whole percents of 255, each moved by an error beforehand."""
    total = 0
    for i in range(64):
        for j in range(64):
            if i < 63:
                total += _percent(samples[i, j] - samples[i + 1, j], error)
            if j < 63:
                total += _percent(samples[i, j] - samples[i, j + 1], error)
    return total


@njit
def _percent(difference: Any, error: float) -> int:
    exact = abs(difference * np.float32(100) / np.float32(255))
    return int(max(exact + error, 0.0))


@njit
def _dct(samples: Any, dct: Any, transposed: Any) -> Any:
    """Return the 16x16 coefficients D·A·Dᵀ, each summed in the order of the reference."""
    between, out = np.zeros((16, 64), np.float32), np.zeros((16, 16), np.float32)
    for i in range(16):
        for k in range(64):
            for j in range(64):
                between[i, j] += dct[i, k] * samples[k, j]
    for i in range(16):
        for k in range(64):
            for j in range(16):
                out[i, j] += between[i, k] * transposed[k, j]
    return out
