"""How near unrelated photographs come to each other, beside random bits; and how near copies of one stay."""

import numpy as np
import pytest

from scanner.config import Matching, Media
from scanner.fingerprint import fingerprint
from scanner.hashlist.values import degenerate
from scanner.match import measured
from scanner.match.distances import max_distances
from scanner.records import OPTIONAL, PERCEPTUAL
from tests.photographs import encoded, photographs

FILES = 154
"""What the packages hold; two of them are too flat to be matched."""

COPIES = {
    "JPEG 30": {"quality": 30},
    "JPEG 70": {"quality": 70},
    "JPEG 95": {"quality": 95},
    "half as wide": {"form": "PNG", "scale": 0.5},
    "half as wide, JPEG 50": {"quality": 50, "scale": 0.5},
}
EVERY = Media(also=OPTIONAL)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Return the photographs that can be matched, with their fingerprints."""
    paths = photographs(tmp_path_factory.mktemp("photographs"), FILES)
    seen = [(path, fingerprint(path.read_bytes(), caps=EVERY)) for path in paths]
    return [(path, one) for path, one in seen if one.pdq_quality >= 50]


def test_unrelated_photographs_come_as_near_as_was_measured(known):
    seen = [one for _, one in known]
    print(f"\n{len(seen)} photographs, {measured.PAIRS:,} pairs: distances in bits of the nearest")
    assert len(seen) == measured.PHOTOGRAPHS
    assert tuple(measured.NEAREST) == PERCEPTUAL
    for algorithm, nearest in measured.NEAREST.items():
        saying = [value for one in seen if not degenerate(algorithm, value := getattr(one, algorithm))]
        values = np.array([np.frombuffer(value, np.uint8) for value in saying])
        distances = np.bitwise_count(values[:, None] ^ values[None]).sum(axis=2, dtype=int)
        between = np.sort(distances[np.triu_indices(len(values), 1)])
        print(f"{algorithm:>6}", *between[:12], "...", "half of them within", int(np.median(between)), end="")
        print(f"; {len(seen) - len(saying)} say too little")
        kinds, counts = np.unique(between[between <= max(nearest)], return_counts=True)
        assert dict(zip(kinds.tolist(), counts.tolist(), strict=True)) == nearest


@pytest.mark.parametrize("name", COPIES)
def test_copies_stay_within_the_distances(known, name):
    print(f"\n{name}: of {len(known)} photographs, within the default distance; the furthest")
    copies = [fingerprint(encoded(path, **COPIES[name]), caps=EVERY) for path, _ in known]
    found = {}
    for algorithm in PERCEPTUAL:
        values = [[getattr(one, algorithm) for one in side] for side in ([one for _, one in known], copies)]
        apart = [bits(*pair) for pair in zip(*values, strict=True)]
        limit = max_distances(Matching())[algorithm]
        found[algorithm] = sum(distance <= limit for distance in apart)
        print(f"{algorithm:>6} {found[algorithm]:4} within {limit:2} bits; {max(apart)}")
    assert min(found["phash"], found["dhash"]) >= 0.99 * len(known)
    assert found["whash"] >= 0.8 * len(known)


def bits(one, other):
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
