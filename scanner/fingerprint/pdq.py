"""The only place where PDQ is computed: bit for bit as `pdqhash` 0.2.8 does, or nearly so from luma alone.

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

from scanner.fingerprint.pdq_linear import sampled, sampled_luma
from scanner.fingerprint.pdq_passes import passed
from scanner.fingerprint.rows import rows_of
from scanner.kernels import njit

METHOD = "pdq/full"

LUMA_METHOD = "pdq/luma"
"""The name of hashes from a JPEG's own luma: within some bits of the reference, in less time."""

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


def pdq(pixels: NDArray[np.uint8]) -> tuple[bytes, int]:
    """Return the PDQ hash (32 bytes, bit 255 first, as in its hex text) and quality (0-100) of a picture.

    `pixels` is uint8[H, W, 3], or [H, W, 4] of which the fourth channel means nothing, or grey [H, W].
    """
    hashes, quality = pdq_transformed(pixels, TRANSFORMS[:1])
    return hashes[0], quality


def pdq_transformed(pixels: NDArray[np.uint8], transforms: Sequence[str]) -> tuple[list[bytes], int]:
    """Return the PDQ hashes of a picture in some of its `TRANSFORMS`, and its quality, from one transform.

    They are derived, as the reference derives them: the hash of a file that really was turned lies some bits
    from them, since the filters and the samples are not symmetric.
    """
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,), (4,)):
        raise ValueError(f"PDQ takes uint8[H, W], [H, W, 3] or 4, not {pixels.dtype}{list(pixels.shape)}")
    height, width = pixels.shape[:2]
    if height < MIN_SIDE or width < MIN_SIDE:
        return [bytes(32)] * len(transforms), 0
    rows, channels = rows_of(pixels)
    return _linear(rows, channels, transforms) or _reference(rows, channels, transforms)


def pdq_of_luma(
    plane: NDArray[np.uint8], height: int, width: int, scale: int, transforms: Sequence[str]
) -> tuple[list[bytes], int]:
    """Return what `pdq_transformed` does, nearly, from the luma that a JPEG holds: the method `pdq/luma`.

    `plane` is uint8[ceil(height/scale), ceil(width/scale)]: the picture's luma, perhaps at a smaller scale.
    It differs from the luma of decoded colours by their rounding and clipping, and by what scaling loses.
    """
    if min(height, width) < MIN_SIDE:
        return [bytes(32)] * len(transforms), 0
    rows, _ = rows_of(plane)
    return _judged(sampled_luma(rows, height, width, scale), transforms)


def _linear(
    rows: NDArray[np.uint8], channels: int, transforms: Sequence[str] = TRANSFORMS[:1]
) -> tuple[list[bytes], int] | None:
    """Return the answer of the linear form, or None where it is not certain to be the reference's."""
    samples = sampled(rows, channels)
    lowest, highest = (_quality(samples, error) for error in (-PERCENT_ERROR, PERCENT_ERROR))
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
    rows: NDArray[np.uint8], channels: int, transforms: Sequence[str] = TRANSFORMS[:1]
) -> tuple[list[bytes], int]:
    return _judged(passed(rows, channels), transforms)


def _judged(samples: Floats, transforms: Sequence[str]) -> tuple[list[bytes], int]:
    coefficients = _dct(samples, _DCT, _DCT_TRANSPOSED)
    all_turned = [_turned(coefficients, transform) for transform in transforms]
    return [_bits(turned, np.partition(turned, 127)[127]) for turned in all_turned], _quality(samples, 0.0)


def _quality(samples: Floats, error: float) -> int:
    return min(_gradients(samples, error) // 90, 100)


def _turned(coefficients: Floats, transform: str) -> Floats:
    """Return the 256 coefficients of a picture that was turned or mirrored."""
    transposed, signs = _TRANSFORMS[transform]
    turned: Floats = (coefficients.T if transposed else coefficients) * signs
    return turned.ravel()


def _bits(coefficients: Floats, median: np.float32) -> bytes:
    return np.packbits((coefficients > median)[::-1]).tobytes()


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
