"""The only place that divides the bits of values into bands, by which near ones are found without a scan.

Of two values that differ in at most r bits, divided into bands with allowances a so that the sum of a + 1 is
more than r, at least one band differs in no more bits than its allowance: if every band differed in at least
a + 1, the whole would differ in more than r (the pigeonhole argument; Norouzi et al., "Fast search in Hamming
space with multi-index hashing", 2012). So each value is looked up in the few buckets of each band that lie
within its allowance, and everything found there is compared whole.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.kernels import njit

MAX_BAND = 24
"""Bits of the widest band: its buckets' starts take 64 MB."""

MAX_MASKS = 4096
"""Buckets that one band is looked up in, at most."""

MAX_BYTES = 78
"""Bytes that the bands of a value take on disk, at most: with 32 bytes of PDQ they are 110."""

VISIT_NANOSECONDS = 14.0
CANDIDATE_NANOSECONDS = 0.45
SCANNED_NANOSECONDS = 0.3
"""Roughly what a bucket that is looked up, a value in it, and a value of a whole scan cost.

They only choose between bands and a scan: no result depends on them."""


@dataclass(frozen=True)
class Band:
    """Which bits of a permuted value belong to a band, and in how many of them near values may differ."""

    first: int
    width: int
    allowance: int

    def masks(self) -> NDArray[np.uint32]:
        """Return what turns a band's value into each one within its allowance."""
        chosen = (
            sum(1 << bit for bit in bits)
            for count in range(self.allowance + 1)
            for bits in combinations(range(self.width), count)
        )
        return np.fromiter(chosen, np.uint32)


@cache
def permutation(bits: int) -> NDArray[np.int64]:
    """Return the one order in which all tables take the bits of a value: neighbours in it are not related.

    The bits of real hashes are not independent; contiguous bands would meet more candidates.
    """
    order = np.random.Generator(np.random.PCG64(bits)).permutation(bits).astype(np.int64)
    order.flags.writeable = False
    return order


@cache
def plan(bits: int, max_distance: int, values: int) -> tuple[Band, ...]:
    """Return the bands that cost least for one query among so many values; none where a scan costs less."""
    best: tuple[Band, ...] = ()
    least = values * SCANNED_NANOSECONDS
    most = min(MAX_BYTES // 4, int(least / VISIT_NANOSECONDS))
    for widest in range(1, MAX_BAND + 1):
        for bands in _divisions(bits, max_distance, most, widest):
            cost = sum(_cost(band, values) for band in bands)
            if cost < least and _bytes(bands, values) <= MAX_BYTES * values:
                best, least = bands, cost
    return best


def _cost(band: Band, values: int) -> float:
    masks = sum(math.comb(band.width, count) for count in range(band.allowance + 1))
    return masks * (VISIT_NANOSECONDS + values / float(1 << band.width) * CANDIDATE_NANOSECONDS)


def _bytes(bands: tuple[Band, ...], values: int) -> int:
    """Return how large the rows and the starts of these bands are."""
    return sum(4 * (values + (1 << band.width) + 1) for band in bands)


def _divisions(bits: int, max_distance: int, most: int, widest: int) -> Iterator[tuple[Band, ...]]:
    """Yield ways to divide the bits into up to so many bands: some with one difference more than others.

    Bits that no band needs are left over.
    """
    for count in range(1, min(max_distance + 1, bits, most) + 1):
        lower, more = divmod(max_distance + 1, count)
        fewer = count - more
        for wide in range(1, widest + 1) if more else (0,):
            narrow, longer = divmod(min(bits - more * wide, fewer * widest), fewer)
            if narrow < 1:
                break
            widths = [wide] * more + [narrow + 1] * longer + [narrow] * (fewer - longer)
            allowances = [lower] * more + [lower - 1] * fewer
            if all(math.comb(*pair) <= MAX_MASKS for pair in zip(widths, allowances, strict=True)):
                firsts = accumulate(widths, initial=0)
                yield tuple(Band(*facts) for facts in zip(firsts, widths, allowances, strict=False))


@dataclass(frozen=True)
class BandIndex:
    """Values by one of their bands: those of bucket b are `rows[starts[b]:starts[b + 1]]`, ascending.

    `starts` is uint32[2^width + 1] and `rows` uint32[N].
    """

    band: Band
    starts: NDArray[np.uint32]
    rows: NDArray[np.uint32]


def band_index(values: NDArray[np.uint64], bits: int, band: Band) -> BandIndex:
    """Return the index of values, uint64[N, ceil(bits/64)], by a band."""
    of_rows = np.empty(len(values), np.uint32)
    _band_values(values, permutation(bits)[band.first : band.first + band.width], of_rows)
    starts, rows = np.zeros((1 << band.width) + 1, np.uint32), np.empty(len(values), np.uint32)
    _group(of_rows, starts, rows)
    return BandIndex(band, starts, rows)


def band_bits(bits: int, band: Band) -> NDArray[np.uint64]:
    """Return the words that have ones where a value has the bits of a band."""
    words = np.zeros(-(-bits // 64), np.uint64)
    for bit in permutation(bits)[band.first : band.first + band.width].tolist():
        words[bit >> 6] |= np.uint64(1 << (bit & 63))
    return words


@njit
def _band_values(words: Any, bits: Any, out: Any) -> None:
    for row in range(words.shape[0]):
        value = np.uint64(0)
        for place in range(bits.size):
            bit = bits[place]
            value |= (words[row, bit >> 6] >> np.uint64(bit & 63) & np.uint64(1)) << np.uint64(place)
        out[row] = np.uint32(value)


@njit
def _group(of_rows: Any, starts: Any, rows: Any) -> None:
    """Sort rows by their buckets, by counting them first; `starts` comes in as zeros."""
    for row in range(of_rows.size):
        starts[of_rows[row] + 1] += np.uint32(1)
    for bucket in range(starts.size - 1):
        starts[bucket + 1] += starts[bucket]
    place = starts[:-1].copy()
    for row in range(of_rows.size):
        bucket = of_rows[row]
        rows[place[bucket]] = row
        place[bucket] += np.uint32(1)
