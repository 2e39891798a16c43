"""The only place where it stands how far apart values may lie and still match."""

from scanner.config import Matching
from scanner.records import DIGESTS


def max_distances(matching: Matching) -> dict[str, int]:
    """Return the greatest distance of a match in bits, inclusive, for every algorithm."""
    perceptual = {"pdq": matching.pdq_max_distance, "phash": matching.phash_max_distance}
    return dict.fromkeys(DIGESTS, 0) | perceptual
