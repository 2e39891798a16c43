"""The only place for the files of a shard that group its values by bands, so that no join has to.

They are there where looking near values up costs less than a scan (`scanner.hashlist.bands.plan`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scanner.hashlist.arrays import file_of, map_array, npy_pieces, put_file, shown
from scanner.hashlist.bands import MAX_BAND, Band, BandIndex, band_index, plan

INDEX_FILES = ("rows.npy", "starts.npy")
"""uint32[m, N] and uint32[sum of 2^width + 1]: of m bands, the rows and the starts of `BandIndex`."""


def write_indices(stem: Path, values: npt.NDArray[np.uint8], max_distance: int) -> dict[str, Any]:
    """Write the indices of values, uint8[N, W] with W a multiple of 8, by the bands that cost least.

    Returns what a shard's header says of them: `bands` and `files`, both empty where a scan costs less.
    One index is held at a time, but for its starts.
    """
    bits = 8 * values.shape[1]
    bands = plan(bits, max_distance, len(values))
    if not bands:
        return {"bands": [], "files": {}}
    words = np.ascontiguousarray(values).view(np.uint64)
    words.flags.writeable = False  # as mapped ones are: compiled code is to meet one type only
    starts: list[npt.NDArray[np.uint32]] = []

    def rows() -> Iterator[npt.NDArray[np.uint32]]:
        for band in bands:
            index = band_index(words, bits, band)
            starts.append(index.starts)
            yield index.rows

    files = {
        "rows.npy": put_file(file_of(stem, "rows.npy"), npy_pieces("<u4", (len(bands), len(values)), rows()))
    }
    pieces = npy_pieces("<u4", (_starts(bands)[-1],), starts)
    files["starts.npy"] = put_file(file_of(stem, "starts.npy"), pieces)
    return {"bands": [[band.first, band.width, band.allowance] for band in bands], "files": files}


def open_indices(
    stem: Path, listed: list[list[int]], values: int, bits: int, max_distance: int
) -> tuple[BandIndex, ...]:
    """Map the indices of so many values by the bands that a header lists; raise ValueError in words."""
    bands = tuple(Band(*facts) for facts in listed)
    if not bands:
        return ()
    if not _find_all(bands, bits, max_distance):
        raise ValueError(f"{shown(stem, 'rows.npy')} would miss values within {max_distance} bits")
    where = _starts(bands)
    rows = map_array(
        stem,
        "rows.npy",
        np.uint32,
        (len(bands), values),
        f"does not hold {values} rows of {len(bands)} bands",
    )
    starts = map_array(
        stem, "starts.npy", np.uint32, (where[-1],), f"does not lead to the buckets of {len(bands)} bands"
    )
    indices = tuple(
        BandIndex(band, starts[first:stop], rows[number])
        for number, (band, first, stop) in enumerate(zip(bands, where, where[1:], strict=False))
    )
    if any((index.starts[0], index.starts[-1]) != (0, values) for index in indices):
        raise ValueError(f"{shown(stem, 'starts.npy')} does not lead to {values} rows")
    return indices


def _starts(bands: tuple[Band, ...]) -> list[int]:
    """Return where the starts of each band begin, and where those of the last one end."""
    sizes = [(1 << band.width) + 1 for band in bands]
    return [sum(sizes[:number]) for number in range(len(sizes) + 1)]


def _find_all(bands: tuple[Band, ...], bits: int, max_distance: int) -> bool:
    """Say whether bands lie apart within the bits, and allow for every pair within the distance."""
    free = 0
    for band in bands:
        if band.first < free or not 1 <= band.width <= MAX_BAND or not 0 <= band.allowance <= band.width:
            return False
        free = band.first + band.width
    return free <= bits and sum(band.allowance + 1 for band in bands) > max_distance
