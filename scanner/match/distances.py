"""The only place where it stands how far apart values may lie and still match."""

from scanner.config import Matching
from scanner.records import DIGESTS, PERCEPTUAL


def max_distances(matching: Matching) -> dict[str, int]:
    """Return the greatest distance of a match in bits, inclusive, for every algorithm."""
    perceptual = {name: getattr(matching, f"{name}_max_distance") for name in PERCEPTUAL}
    return dict.fromkeys(DIGESTS, 0) | perceptual
