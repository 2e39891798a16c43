"""How near unrelated photographs come to each other: the figure that stands beside the one of random bits."""

import numpy as np

from scanner.fingerprint import fingerprint
from scanner.match import measured
from tests.photographs import photographs

FILES = 154
"""What the packages hold; two of them are too flat to be matched."""


def test_unrelated_photographs_come_as_near_as_was_measured(tmp_path):
    seen = [fingerprint(path.read_bytes()) for path in photographs(tmp_path, FILES)]
    seen = [one for one in seen if one.pdq_quality >= 50]
    print(f"\n{len(seen)} photographs, {measured.PAIRS:,} pairs: distances in bits of the nearest")
    assert len(seen) == measured.PHOTOGRAPHS
    for algorithm, nearest in measured.NEAREST.items():
        values = np.array([np.frombuffer(getattr(one, algorithm), np.uint8) for one in seen])
        distances = np.bitwise_count(values[:, None] ^ values[None]).sum(axis=2, dtype=int)
        between = np.sort(distances[np.triu_indices(len(seen), 1)])
        print(f"{algorithm:>6}", *between[:12], "...", "half of them within", int(np.median(between)))
        kinds, counts = np.unique(between[between <= max(nearest)], return_counts=True)
        assert dict(zip(kinds.tolist(), counts.tolist(), strict=True)) == nearest
