"""The only place for what was measured on real pictures: how near unrelated photographs come to each other.

`make bench` measures it again, on photographs from Debian packages (tests/photographs.py), and compares.
"""

PHOTOGRAPHS = 152
"""Photographs of different motifs, all of quality 50 or more."""

PAIRS = PHOTOGRAPHS * (PHOTOGRAPHS - 1) // 2

NEAREST = {
    "pdq": {76: 1},
    "phash": {14: 5, 16: 15},
    "dhash": {10: 3, 12: 3, 13: 8, 14: 9, 15: 15, 16: 20},
    "whash": {4: 1, 6: 9, 8: 41, 10: 77, 12: 168, 14: 275, 16: 496},
}
"""How many pairs lie at a distance in bits, up to the nearest of PDQ and the widest radius of the others.

Values that are degenerate match nothing, so their pairs are not counted (wHash has 4). The same photographs
as JPEG of quality 30 to 95, or half as wide, lie within 3 bits by dHash; by wHash at 0 to 2, and on a flat
ground anywhere, since there rounding alone decides.
"""


def measured_matches(algorithm: str, max_distance: int) -> int | None:
    """Return how many of the pairs lie within a distance; None where that was not measured."""
    counted = NEAREST.get(algorithm)
    if counted is None or max_distance > max(counted):
        return None
    return sum(pairs for distance, pairs in counted.items() if distance <= max_distance)
