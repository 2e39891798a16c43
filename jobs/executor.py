"""The only place where slices become tasks, and where what kills workers is bisected."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from distributed import Client

from jobs import worker
from jobs.window import KILLED, LOST_SECONDS, Window
from scanner.answers import Joined
from scanner.errors import IncompleteRun
from scanner.findings.coverage import coverage_of
from scanner.join_work import JoinWork, MatchWork
from scanner.queries import AskWork, Counts
from scanner.slices import Slice, assemble, read_fingerprints
from scanner.worker import Summary, abandon

W = TypeVar("W", AskWork, JoinWork, MatchWork)
R = TypeVar("R")


@dataclass
class _Split:
    """A slice whose task kept killing its workers, and the pieces it was split into."""

    whole: Slice
    missing: int = 2
    pieces: list[Slice] = field(default_factory=list)


class DaskExecutor:
    """Does the work on a Dask cluster, at most `window` tasks at once.

    Tasks share nothing but storage and return summaries; a task that runs twice finds its output.
    """

    def __init__(
        self,
        client: Client,
        window: int,
        run: str,
        fingerprint: Callable[[Slice, str], Summary] = worker.fingerprint,
        lost_seconds: float = LOST_SECONDS,
    ) -> None:
        self._fingerprint = fingerprint
        self._window = Window(client, window, run, lost_seconds)

    def fingerprint(self, work: Iterable[Slice]) -> Iterator[tuple[Slice, Summary]]:
        """Fingerprint slices; a slice that kills its workers is bisected until the object is alone."""
        splits: dict[Slice, _Split] = {}
        again: deque[Slice] = deque()
        for one, summary in self._window.map(self._fingerprint, work, again):
            if summary is not None:
                done = _close(one, splits)
            elif len(one) > 1:
                split = _Split(one)
                for half in one.halves():
                    splits[half] = split
                    again.append(half)
                continue
            else:
                abandon(one, KILLED)
                done = _close(one, splits)
            if done is not None:
                whole_summary = summary if done is one and summary is not None else None
                yield done, whole_summary or Summary(coverage_of(read_fingerprints(done.output)))

    def ask(self, work: Iterable[AskWork]) -> Iterator[tuple[AskWork, Counts]]:
        """Put the queries of parts."""
        return self._whole(worker.ask, work)

    def join(self, work: Iterable[JoinWork]) -> Iterator[tuple[JoinWork, Joined]]:
        """Join blocks of queries with shards."""
        return self._whole(worker.join, work)

    def match(self, work: Iterable[MatchWork]) -> Iterator[tuple[MatchWork, int]]:
        """Put the matches of parts."""
        return self._whole(worker.match, work)

    def _whole(self, task: Callable[[W, str], R], work: Iterable[W]) -> Iterator[tuple[W, R]]:
        """Do work that is not bisected: it reads files of ours, and no object."""
        for one, result in self._window.map(task, work, deque()):
            if result is None:
                raise IncompleteRun(
                    f"{task.__name__} {one.name}: {KILLED}; give workers more memory and run it again"
                )
            yield one, result


def _close(one: Slice, splits: dict[Slice, _Split]) -> Slice | None:
    """Note that a slice is done; return the whole part when that made it whole, else None."""
    split = splits.pop(one, None)
    if split is None:
        return one
    split.pieces.append(one)
    split.missing -= 1
    if split.missing:
        return None
    assemble(split.whole, split.pieces)
    return _close(split.whole, splits)
