"""How near unrelated photographs come to each other: the figure that stands beside the one of random bits."""

import numpy as np

from scanner.config import Media
from scanner.fingerprint import fingerprint
from scanner.hashlist.values import degenerate
from scanner.match import measured
from scanner.records import OPTIONAL, PERCEPTUAL
from tests.photographs import photographs

FILES = 154
"""What the packages hold; two of them are too flat to be matched."""


def test_unrelated_photographs_come_as_near_as_was_measured(tmp_path):
    every = Media(also=OPTIONAL)
    seen = [fingerprint(path.read_bytes(), caps=every) for path in photographs(tmp_path, FILES)]
    seen = [one for one in seen if one.pdq_quality >= 50]
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
