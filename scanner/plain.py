"""The plain loop: the definition of what every engine must produce."""

import os
from collections.abc import Iterable, Iterator

from scanner.slices import Slice
from scanner.worker import MatchWork, Spec, Summary, Worker


class PlainLoop:
    """Does the work in this process, one slice after the other, with a decoder for each core."""

    def __init__(self, spec: Spec) -> None:
        self._worker = Worker(spec, spec.config.scheduler.workers or len(os.sched_getaffinity(0)))

    def fingerprint(self, work: Iterable[Slice]) -> Iterator[tuple[Slice, Summary]]:
        """Fingerprint slices in order."""
        for one in work:
            yield one, self._worker.fingerprint(one)

    def match(self, work: Iterable[MatchWork]) -> Iterator[tuple[MatchWork, Summary]]:
        """Join slices in order."""
        for one in work:
            yield one, self._worker.match(one)

    def __enter__(self) -> "PlainLoop":
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()
