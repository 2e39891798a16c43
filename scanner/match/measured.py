"""The only place for what was measured on real pictures: how near unrelated photographs come to each other.

`make bench` measures it again, on photographs from Debian packages (tests/photographs.py), and compares.
"""

PHOTOGRAPHS = 152
"""Photographs of different motifs, all of quality 50 or more."""

PAIRS = PHOTOGRAPHS * (PHOTOGRAPHS - 1) // 2

NEAREST = {"pdq": {76: 1}, "phash": {14: 5, 16: 15}}
"""How many pairs lie at a distance in bits, up to the nearest of PDQ and the widest radius of pHash."""


def measured_matches(algorithm: str, max_distance: int) -> int | None:
    """Return how many of the pairs lie within a distance; None where that was not measured."""
    counted = NEAREST.get(algorithm)
    if counted is None or max_distance > max(counted):
        return None
    return sum(pairs for distance, pairs in counted.items() if distance <= max_distance)
