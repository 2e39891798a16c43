"""The plain loop: the definition of what every engine must produce."""

import os
from collections.abc import Iterable, Iterator

from scanner.answers import Joined
from scanner.join_work import JoinWork, MatchWork
from scanner.queries import AskWork, Counts
from scanner.slices import Slice
from scanner.worker import Spec, Summary, Worker


class PlainLoop:
    """Does the work in this process, one slice after the other, with a decoder for each core."""

    def __init__(self, spec: Spec) -> None:
        self._worker = Worker(spec, spec.config.scheduler.workers or len(os.sched_getaffinity(0)))

    def fingerprint(self, work: Iterable[Slice]) -> Iterator[tuple[Slice, Summary]]:
        """Fingerprint slices in order."""
        for one in work:
            yield one, self._worker.fingerprint(one)

    def ask(self, work: Iterable[AskWork]) -> Iterator[tuple[AskWork, Counts]]:
        """Put the queries of parts in order."""
        for one in work:
            yield one, self._worker.ask(one)

    def join(self, work: Iterable[JoinWork]) -> Iterator[tuple[JoinWork, Joined]]:
        """Join blocks of queries with shards in order."""
        for one in work:
            yield one, self._worker.join(one)

    def match(self, work: Iterable[MatchWork]) -> Iterator[tuple[MatchWork, int]]:
        """Put the matches of parts in order."""
        for one in work:
            yield one, self._worker.match(one)

    def __enter__(self) -> "PlainLoop":
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()
