"""The only place where the shards of a table are made: each by itself, so that anybody may make it.

A shard depends on its `ShardWork` alone, and lies where that says: whoever makes it, and however often, the
same files come of it. The plain loop is the definition of right.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanner.errors import HashListError
from scanner.hashlist.postings import Words
from scanner.hashlist.ranges import Survey, entries_within, ranges
from scanner.hashlist.shard import stem_of, write_shard
from scanner.hashlist.snapshot import Snapshot

Facts = dict[str, Any]
"""What a table's header says of a shard."""


@dataclass(frozen=True)
class ShardWork:
    """All that making one shard takes: `entries` of one algorithm, whose first 16 bits are `prefixes`.

    `folder` is that of the unfinished table; the algorithm's own folder in it is there. `max_distance`, in
    bits, is None for values that match exactly or not at all.
    """

    folder: Path
    algorithm: str
    number: int
    prefixes: range
    entries: int
    snapshots: tuple[Snapshot, ...]
    words: Words
    max_distance: int | None

    @property
    def name(self) -> str:
        """What logs and tasks may call it: it holds no value."""
        return f"{self.algorithm}-{self.number:05}"


Builder = Callable[[Sequence[ShardWork]], Generator[tuple[ShardWork, Facts], None, None]]
"""Makes shards, and yields each with its facts once it is at rest, in any order.

Once it ends, whether closed, failed or finished, nothing that it began is waited for.
"""


def works_of(
    folder: Path,
    snapshots: Sequence[Snapshot],
    found: Survey,
    max_distances: Mapping[str, int],
    shard_values: int,
) -> list[ShardWork]:
    """Return the shards of a table that is to be made in a folder, by algorithm and then by value."""
    return [
        ShardWork(
            folder,
            algorithm,
            number,
            prefixes,
            int(counts[prefixes.start : prefixes.stop].sum()),
            tuple(snapshots),
            found.words,
            max_distances.get(algorithm),
        )
        for algorithm, counts in found.counts.items()
        for number, prefixes in enumerate(ranges(counts, shard_values))
    ]


def make_shard(work: ShardWork) -> Facts:
    """Put the files of a shard that are not there, and return its facts.

    Raises HashListError when a snapshot is damaged, or is not what was counted; OSError when a file cannot be
    written, as where the table was given up meanwhile.
    """
    entries = entries_within(work.snapshots, work.algorithm, work.prefixes, work.words)
    if len(entries.postings) != work.entries:
        raise HashListError(f"{work.folder.parent}: lists changed while their table was built; scan again")
    return write_shard(stem_of(work.folder, work.algorithm, work.number), entries, work.max_distance)


def plainly(work: Sequence[ShardWork]) -> Generator[tuple[ShardWork, Facts], None, None]:
    """Make shards in this process, one after the other."""
    for one in work:
        yield one, make_shard(one)


def telling(builder: Builder, event: Callable[..., None]) -> Builder:
    """Return a builder that tells, by events without any value, how far it is."""

    def told(work: Sequence[ShardWork]) -> Generator[tuple[ShardWork, Facts], None, None]:
        event("table begins", entries=sum(one.entries for one in work), shards=len(work))
        for done, one in enumerate(builder(work), 1):
            event("table grows", shards_done=done)
            yield one

    return told
