"""The only place where it is decided which values make up a shard, and where their entries are gathered.

A shard holds a range of values: those whose first 16 bits lie in a range. The values are counted by these
bits, and the counts cut where a shard is full; each shard is then made by itself of all snapshots, so that
the entries of one shard, and no more of each list than a row group, are in memory at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from scanner.hashlist.entries import entries_of, is_matched, matched_entries, values_of
from scanner.hashlist.meanings import MOST_MEMBERS
from scanner.hashlist.postings import SortedEntries, Words, encoded, sort_entries
from scanner.hashlist.snapshot import Snapshot
from scanner.hashlist.stream import checked_entries, chosen_entries
from scanner.records import ALGORITHM_BYTES

pc: Any = pyarrow.compute  # its type stubs do not know chunked arrays

PREFIXES = 1 << 16
"""How many different first 16 bits there are."""


MOST_TOLD = 1 << 16
"""Members that are told apart over all lists of a table."""


@dataclass(frozen=True)
class Survey:
    """What has to be known of all entries that may be matched before any shard is made.

    `counts` holds int64[PREFIXES] for each algorithm that has entries: how many by the first 16 bits of the
    value.
    """

    counts: Mapping[str, npt.NDArray[np.int64]]
    words: Words

    @property
    def entries(self) -> int:
        """How many entries there are to be matched."""
        return sum(int(counts.sum()) for counts in self.counts.values())


def survey(snapshots: Sequence[Snapshot]) -> Survey:
    """Read all snapshots, once and whole; raise HashListError when one is damaged."""
    counts: dict[str, npt.NDArray[np.int64]] = {}
    classifications: set[str] = set()
    members: set[str] = set()
    for snapshot in snapshots:
        own: set[str] = set()
        for table in map(matched_entries, checked_entries(snapshot)):
            classifications.update(filter(None, table.column("classification").unique().to_pylist()))
            if len(own) <= MOST_MEMBERS:
                own.update(map(str, table.column("member").unique().to_pylist()))
            for algorithm, width in ALGORITHM_BYTES.items():
                values = values_of(entries_of(table, algorithm).column("value"), width)
                if len(values):
                    counted = np.bincount(_prefixes(values), minlength=PREFIXES)
                    counts[algorithm] = counts.get(algorithm, 0) + counted
        if len(own) <= MOST_MEMBERS and len(members | own) < MOST_TOLD:
            members |= own
    return Survey(counts, Words(tuple(sorted(classifications)), tuple(sorted(members))))


def _prefixes(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    return values[:, 0].astype(np.int64) << 8 | values[:, 1]


def ranges(counts: npt.NDArray[np.int64], most: int) -> Iterator[range]:
    """Cut the first 16 bits of values into ranges that have entries, each up to `most` of them.

    Values that share their first 16 bits stay together even where they are more: of spread values they are
    one in 65,536, and the entries of one value, of which there may be any number, could not be parted anyway.
    """
    start = held = 0
    for prefix in np.flatnonzero(counts).tolist():
        count = int(counts[prefix])
        if held and held + count > most:
            yield range(start, prefix)
            start, held = prefix, 0
        held += count
    if held:
        yield range(start, len(counts))


def entries_within(
    snapshots: Sequence[Snapshot], algorithm: str, prefixes: range, words: Words
) -> SortedEntries:
    """Return the entries of one algorithm whose values begin with these 16 bits; some there must be.

    It depends on nothing else: whoever makes a shard, of whatever list, makes the same.
    """
    width = ALGORITHM_BYTES[algorithm]

    def within(table: pa.Table) -> npt.NDArray[np.bool_]:
        wanted = pc.and_(is_matched(table), pc.equal(table.column("algorithm"), algorithm))
        chosen: npt.NDArray[np.bool_] = wanted.to_numpy()
        found = _prefixes(values_of(table.column("value").filter(wanted), width))
        chosen[chosen] = (found >= prefixes.start) & (found < prefixes.stop)
        return chosen

    columns = ["value", "member", "entry_id", "classification", "scheme", "status", "tags"]
    values, pieces, source = [], [], []
    for number, snapshot in enumerate(snapshots):
        for table in chosen_entries(snapshot, ["algorithm", "status", "value"], within, columns):
            values.append(values_of(table.column("value"), width))
            pieces.append(encoded(table.drop_columns("value")))
            source.append(np.full(len(table), number, np.int32))
    named = [(snapshot.list, snapshot.digest) for snapshot in snapshots]
    joined = pa.concat_tables(pieces)
    return sort_entries(_joined(values), joined, _joined(source), named, words)


def _joined(pieces: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return the pieces as one, and leave none of them behind: they are as large again."""
    whole: npt.NDArray[Any] = np.concatenate(pieces)
    pieces.clear()
    return whole
