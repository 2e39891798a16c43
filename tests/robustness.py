"""The only place where it is measured which altered copies each perceptual hash finds, and which it cannot.

Who prints it is tests/benchmarks/test_robustness.py, and who keeps it is docs/robustness.py.
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from scanner.config import Matching, Media
from scanner.fingerprint import fingerprint
from scanner.records import Fingerprint
from tests.alterations import ALTERATIONS

PHOTOGRAPHS = 154
"""What the packages of tests/photographs.py hold; those of too low a quality are then left out."""

MATCHING = Matching()


@dataclass(frozen=True)
class Algorithm:
    """One way to find a copy: settings of the scan, the hash that is compared, and its radius in bits."""

    name: str
    media: Media
    attribute: str
    radius: int


ALGORITHMS = (
    Algorithm("PDQ", Media(), "pdq", MATCHING.pdq_max_distance),
    Algorithm("PDQ, all transforms", Media(transforms="all"), "pdq", MATCHING.pdq_max_distance),
    Algorithm("PDQ, luma", Media(pdq="luma"), "pdq", MATCHING.pdq_max_distance),
    Algorithm("pHash", Media(), "phash", MATCHING.phash_max_distance),
    Algorithm("pHash, luma", Media(pdq="luma"), "phash", MATCHING.phash_max_distance),
    Algorithm("dHash", Media(also=("dhash", "whash")), "dhash", MATCHING.dhash_max_distance),
    Algorithm("wHash", Media(also=("dhash", "whash")), "whash", MATCHING.whash_max_distance),
)
"""One line each; a file is hashed once for all with the same settings."""


@dataclass(frozen=True)
class Measured:
    """Distances in bits of P photographs and their A altered copies by each of the K algorithms.

    `copies`, int[K, A, P], are those of the copies from their own originals; `found`, bool[K, A, P], says
    which lie within the radius and have the quality that matching asks for; `unrelated`, int[K, U], are those
    of each photograph, hashed as a scan does, from every other one, as a list has it, sorted; `pixels`,
    int[P], is how many pixels the originals have.
    """

    copies: np.ndarray
    found: np.ndarray
    unrelated: np.ndarray
    pixels: np.ndarray

    def recall(self, algorithm: int, alteration: int) -> float:
        """Return the share of the photographs whose altered copy is found."""
        return float(self.found[algorithm, alteration].mean())

    def bits(self, algorithm: int, alteration: int, percent: float) -> int:
        """Return within which distance so many of the altered copies lie."""
        return _percentile(self.copies[algorithm, alteration], percent)

    def apart(self, algorithm: int, percent: float) -> int:
        """Return within which distance so many of the unrelated pictures lie; 0 %: the nearest."""
        return _percentile(self.unrelated[algorithm], percent)


def _percentile(distances: np.ndarray, percent: float) -> int:
    return int(np.percentile(distances, percent, method="inverted_cdf"))


Rows = dict[Media, Fingerprint]


@dataclass(frozen=True)
class _Photograph:
    """One photograph: its rows, its pixels, what it looks like very small, and its K x A altered copies."""

    rows: Rows
    pixels: int
    small: np.ndarray
    copies: np.ndarray
    found: np.ndarray


def measured(photographs: Sequence[Path], processes: int = 2) -> Measured:
    """Hash photographs (PNG files) and their altered copies in some processes (1: in this one); compare them.

    Photographs of less quality than matching asks for are left out: no list should hold them.
    """
    if processes == 1:
        each = [one for one in map(_altered, photographs) if one is not None]
    else:
        context = multiprocessing.get_context(
            "spawn"
        )  # libraries here have threads, which a fork would break
        with ProcessPoolExecutor(processes, context) as pool:
            each = [one for one in pool.map(_altered, photographs) if one is not None]
    return Measured(
        np.stack([one.copies for one in each], axis=2),
        np.stack([one.found for one in each], axis=2),
        np.stack(list(_unrelated(each))),
        np.array([one.pixels for one in each]),
    )


def _altered(path: Path) -> _Photograph | None:
    original = _rows(path.read_bytes())
    if any((row.pdq_quality or 0) < MATCHING.min_pdq_quality for row in original.values()):
        return None
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    copies = np.empty((len(ALGORITHMS), len(ALTERATIONS)), int)
    found = np.empty(copies.shape, bool)
    for place, alteration in enumerate(ALTERATIONS):
        altered = _rows(alteration.file(picture))
        for number, algorithm in enumerate(ALGORITHMS):
            distances = _distances(altered[algorithm.media], original[algorithm.media], algorithm.attribute)
            copies[number, place] = min(distance for distance, _ in distances)
            found[number, place] = any(
                distance <= algorithm.radius and quality >= MATCHING.min_pdq_quality
                for distance, quality in distances
            )
    small = np.asarray(picture.convert("L").resize((16, 16)), float)
    small = (small - small.mean()) / small.std()
    return _Photograph(original, picture.width * picture.height, small, copies, found)


def _rows(data: bytes) -> Rows:
    return {media: fingerprint(data, caps=media) for media in {algorithm.media for algorithm in ALGORITHMS}}


def _distances(seen: Fingerprint, listed: Fingerprint, attribute: str) -> list[tuple[int, int]]:
    """Return how far each rendering that was seen lies from the value of a list, and its quality."""
    entry = int.from_bytes(getattr(listed, attribute))
    return [
        ((int.from_bytes(value) ^ entry).bit_count(), picture.pdq_quality or 0)
        for picture in (seen, *seen.others)
        if (value := getattr(picture, attribute)) is not None
    ]


def _unrelated(photographs: Sequence[_Photograph]) -> Iterator[np.ndarray]:
    """Yield the distances between different motifs, per algorithm."""
    pairs = [
        (one.rows, other.rows)
        for one in photographs
        for other in photographs
        if one is not other and not _mirrored(one.small, other.small)
    ]
    for algorithm in ALGORITHMS:
        media, attribute = algorithm.media, algorithm.attribute
        yield np.sort([min(_distances(one[media], other[media], attribute))[0] for one, other in pairs])


def _mirrored(one: np.ndarray, other: np.ndarray) -> bool:
    """Say whether one motif is seen twice, turned or mirrored: some of the stamps come so, and are copies."""
    turned = [np.rot90(side, quarters) for side in (other, other.T) for quarters in range(4)]
    return max(float((one * view).mean()) for view in turned) > 0.95


def table(data: Measured) -> str:
    """Return what was measured as aligned text."""
    names = "".join(f"{algorithm.name:>23}" for algorithm in ALGORITHMS)
    radii = "".join(f"{f'within {algorithm.radius} bits':>23}" for algorithm in ALGORITHMS)
    kinds = f"{'recall':>10}{'50 %':>7}{'95 %':>6}" * len(ALGORITHMS)
    lines = [
        f"{'':<36}{names}",
        f"{'':<36}{radii}",
        f"{f'{len(data.pixels)} photographs, altered':<36}{kinds}",
    ]
    for place, alteration in enumerate(ALTERATIONS):
        cells = (
            f"{data.recall(number, place):>10.1%}{data.bits(number, place, 50):>7}"
            f"{data.bits(number, place, 95):>6}"
            for number in range(len(ALGORITHMS))
        )
        lines.append(f"{alteration.title:<36}{''.join(cells)}")
    for words, percent in (("nearest", 0.0), ("1 % within", 1.0), ("half within", 50.0)):
        cells = (f"{data.apart(number, percent):>23}" for number in range(len(ALGORITHMS)))
        lines.append(f"{f'unrelated: {words}':<36}{''.join(cells)}")
    return "\n".join(lines)


def recalls(page: str) -> dict[tuple[str, str], int]:
    """Return the percentages of docs/robustness.md by alteration and algorithm."""
    head, _, *rows = page.partition("\n| altered copy |")[2].partition("\n\n")[0].splitlines()
    names = [name.partition(" within ")[0].strip() for name in head.strip("| ").split("|")]
    return {
        (title.strip(), name): int(cell.split("%")[0])
        for title, *cells in (row.strip("| ").split("|") for row in rows)
        for name, cell in zip(names, cells, strict=True)
    }
