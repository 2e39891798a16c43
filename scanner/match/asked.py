"""The only place that says which values of fingerprints ask for matches."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from scanner.hashlist.entries import values_of
from scanner.hashlist.postings import value_order
from scanner.hashlist.values import are_degenerate
from scanner.records import ALGORITHM_BYTES, DIGESTS, Picture, schema_of

pc: Any = pyarrow.compute  # its type stubs do not know chunked arrays

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]

OWN = -1
"""The rendering that is the picture itself, or the object for digests."""


@dataclass(frozen=True)
class Asked:
    """The values of one algorithm that may match, uint8[R, W]: parallel arrays, by object.

    `object` counts the fingerprints, ascending; `rendering` is OWN or counts all `others` of theirs.
    """

    values: Bytes
    object: Indices
    rendering: Indices


def asked_of(fingerprints: pa.Table, algorithm: str, min_quality: int) -> Asked:
    """Return what asks of one algorithm.

    Digests ask whatever became of the object; a perceptual hash asks if the PDQ beside it has the quality
    and if it is not degenerate. Raises ValueError for values of another width.
    """
    rows, values = _asking(fingerprints, algorithm, min_quality)
    if algorithm in DIGESTS:
        return Asked(values, rows, np.full(len(rows), OWN))
    renderings, more = _asking(others_of(fingerprints), algorithm, min_quality)
    objects = np.concatenate([rows, _objects_of_others(fingerprints)[renderings]])
    renderings = np.concatenate([np.full(len(rows), OWN), renderings])
    order = np.lexsort((renderings, objects))
    return Asked(np.concatenate([values, more])[order], objects[order], renderings[order])


def others_of(fingerprints: pa.Table) -> pa.Table:
    """Return all further renderings of fingerprints as rows of their own."""
    chunks: list[Any] = fingerprints.column("others").chunks
    flat = [pa.Table.from_struct_array(chunk.flatten()) for chunk in chunks]
    return pa.concat_tables(flat) if flat else schema_of(Picture).empty_table()


def _objects_of_others(fingerprints: pa.Table) -> Indices:
    counts = pc.list_value_length(fingerprints.column("others")).to_numpy()
    return np.repeat(np.arange(len(counts)), counts)


def _asking(pictures: pa.Table, algorithm: str, min_quality: int) -> tuple[Indices, Bytes]:
    """Return the rows whose value may match, and the values."""
    width = ALGORITHM_BYTES[algorithm]
    if algorithm not in pictures.column_names:  # written before there was such a hash
        return np.empty(0, np.int64), np.empty((0, width), np.uint8)
    column: Any = pictures.column(algorithm)
    wanted = pc.is_valid(column)
    if algorithm not in DIGESTS:
        good = pc.greater_equal(pictures.column("pdq_quality"), min_quality)
        wanted = pc.and_(wanted, pc.fill_null(good, False))
    rows = np.flatnonzero(wanted.to_numpy())
    try:
        values = values_of(column.filter(wanted), width)
    except ValueError:
        raise ValueError(f"{algorithm}: a fingerprint is not {width} bytes long") from None
    if algorithm in DIGESTS:
        return rows, values
    telling = ~are_degenerate(algorithm, values)
    return rows[telling], values[telling]


def distinct(values: Bytes) -> tuple[Bytes, Indices]:
    """Return the distinct rows of uint8[N, W], ascending by their bytes, and which of them each row is."""
    order = value_order(values)
    ordered = values[order]
    first = np.ones(len(values), bool)
    first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    number = np.empty(len(values), np.int64)
    number[order] = np.cumsum(first) - 1
    return ordered[first], number
