"""The only place where fingerprints meet the hash table, and where what is near becomes matches."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from scanner.config import Matching
from scanner.hashlist.postings import POSTINGS
from scanner.hashlist.table import AlgorithmTable, HashTable
from scanner.match.asked import OWN, Asked, Bytes, asked_of, distinct, others_of
from scanner.match.choice import Chosen, choose
from scanner.match.distances import max_distances
from scanner.match.hamming import Bounds
from scanner.match.near import BOUNDS, near_entries
from scanner.match.nearest import Near, nearest
from scanner.records import DIGESTS, Match, ObjectRef, record_of, schema_of

pc: Any = pyarrow.compute  # its type stubs do not know chunked arrays

Indices = npt.NDArray[np.int64]

ORIGINAL = "original"
"""The transform of what is neither turned nor mirrored."""


@dataclass(frozen=True)
class Found:
    """The matches of fingerprints, and which object each is of; of each object how many more there are."""

    fingerprints: pa.Table
    matches: pa.Table
    object: Indices
    left_out: Indices

    def of(self, objects: range) -> tuple[pa.Table, dict[str, int]]:
        """Return the matches of some objects, and how many entries were left out by finding id."""
        start, stop = np.searchsorted(self.object, [objects.start, objects.stop])
        crowded = objects.start + np.flatnonzero(self.left_out[objects.start : objects.stop])
        ids = finding_ids(self.fingerprints, crowded)
        left_out = dict(zip(ids, self.left_out[crowded].tolist(), strict=True))
        return self.matches.slice(start, stop - start), left_out


def nothing_found(fingerprints: pa.Table) -> Found:
    """Return what a join with nothing gives."""
    none = np.empty(0, np.int64)
    return Found(fingerprints, schema_of(Match).empty_table(), none, np.zeros(len(fingerprints), np.int64))


Answers = Callable[[str, Bytes], Near]
"""Says for an algorithm what lies near distinct queries, uint8[Q, W], ascending."""


def join(fingerprints: pa.Table, table: HashTable, matching: Matching, bounds: Bounds = BOUNDS) -> Found:
    """Return the matches of fingerprints, and how many entries were left out of each object.

    Digests match when they are equal, whatever became of the object. A PDQ matches within
    `pdq_max_distance` bits if its quality is at least `min_pdq_quality`, a pHash, dHash or wHash within its
    own distance if the PDQ beside it has that quality; none of them if it is degenerate. Per object,
    algorithm, and list with classification and status, at most `max_entries_per_list` entries are named,
    the nearest ones.

    Matches come by object, algorithm, list, distance, value and entry. The result for an object does not
    depend on the other objects, nor on how the table is divided, nor on the bounds of what is held at a time.
    """

    def answers(algorithm: str, queries: Bytes) -> Near:
        limit, per_list = near_limit(algorithm, matching), matching.max_entries_per_list
        shards = table.algorithms[algorithm].shards
        found = [near_entries(queries, shard, limit, per_list, bounds)[0] for shard in shards]
        return nearest(found, per_list)

    return matched(fingerprints, table, matching, answers)


def near_limit(algorithm: str, matching: Matching) -> int | None:
    """Return the distance in bits within which values match; None for those that match when equal."""
    return None if algorithm in DIGESTS else max_distances(matching)[algorithm]


def matched(fingerprints: pa.Table, table: HashTable, matching: Matching, answers: Answers) -> Found:
    """Return what `join` does, where it is known already what lies near the queries."""
    tables, objects = [schema_of(Match).empty_table()], [np.empty(0, np.int64)]
    left_out = np.zeros(len(fingerprints), np.int64)
    for algorithm, entries in table.algorithms.items():
        asked = asked_of(fingerprints, algorithm, matching.min_pdq_quality)
        queries, query = distinct(asked.values)
        chosen = choose(asked, query, answers(algorithm, queries), matching.max_entries_per_list)
        left_out[chosen.crowded] += chosen.left_out
        objects.append(chosen.object)
        tables.append(_matches(fingerprints, asked, chosen, _Known(algorithm, entries, matching)))
    joined = np.concatenate(objects)
    order = np.argsort(joined, kind="stable")
    return Found(fingerprints, pa.concat_tables(tables).take(order), joined[order], left_out)


@dataclass(frozen=True)
class _Known:
    """What is known of an algorithm: its entries, and how near they must be."""

    algorithm: str
    entries: AlgorithmTable
    matching: Matching


def _matches(fingerprints: pa.Table, asked: Asked, chosen: Chosen, known: _Known) -> pa.Table:
    objects, place = np.unique(chosen.object, return_inverse=True)
    ids = pa.array(finding_ids(fingerprints, objects), pa.string())
    entries, which = np.unique(chosen.entry, return_inverse=True)
    postings = _postings(known.entries, entries).take(which)
    count, limit = len(place), max_distances(known.matching)[known.algorithm]
    renderings = asked.object[chosen.asked], asked.rendering[chosen.asked]
    columns: dict[str, Any] = {
        "finding_id": ids.take(place),
        **{name: postings.column(name) for name in postings.column_names},
        "entry_status": postings.column("status"),
        "algorithm": pa.repeat(known.algorithm, count),
        "distance": pa.array(chosen.distance),
        "threshold": pa.repeat(limit, count),
        **_renderings(fingerprints, known.algorithm, *renderings),
    }
    schema = schema_of(Match)
    return pa.table([columns[field.name].cast(field.type) for field in schema], schema=schema)


def finding_ids(fingerprints: pa.Table, objects: Indices | range) -> list[str]:
    """Return what findings of some objects are called; the objects count the fingerprints."""
    rows = fingerprints.select(schema_of(ObjectRef).names).take(np.asarray(objects, np.int64)).to_pylist()
    return [record_of(ObjectRef, row, older=True).finding_id for row in rows]


def _postings(entries: AlgorithmTable, rows: Indices) -> pa.Table:
    """Return entries by their numbers, which ascend over all shards."""
    firsts = [shard.first_entry for shard in entries.shards]
    bounds = np.searchsorted(rows, [*firsts, entries.entries])
    shards = zip(entries.shards, bounds, bounds[1:], strict=False)
    return pa.concat_tables(
        shard.postings.select(_PLAIN_NAMES).take(rows[start:stop] - shard.first_entry).cast(_PLAIN)
        for shard, start, stop in shards
    )


_PLAIN_NAMES = [name for name in POSTINGS.names if name != "told"]
_PLAIN = pa.schema(
    [
        schema_of(Match).field("entry_status" if name == "status" else name).with_name(name)
        for name in _PLAIN_NAMES
    ]
)
"""The columns of postings as a match holds them."""


def _renderings(
    fingerprints: pa.Table,
    algorithm: str,
    objects: Indices,
    renderings: Indices,
) -> dict[str, Any]:
    """Return what matches say of the rendering that matched: where it is, how it was turned, its quality."""
    others = others_of(fingerprints).select(["locator", "transform", "pdq_quality"])
    own = renderings == OWN
    quality: Any = pa.nulls(len(own), pa.int64())
    if algorithm not in DIGESTS:
        quality = fingerprints.column("pdq_quality").take(objects)
    if own.all():
        return {
            "locator": pa.repeat("", len(own)),
            "transform": pa.repeat(ORIGINAL, len(own)),
            "quality": quality,
        }
    is_own = pa.array(own)
    other = others.take(pc.if_else(is_own, None, renderings))
    return {
        "locator": pc.fill_null(other.column("locator"), ""),
        "transform": pc.fill_null(other.column("transform"), ORIGINAL),
        "quality": pc.if_else(is_own, quality, other.column("pdq_quality")),
    }
