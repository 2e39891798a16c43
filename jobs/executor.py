"""The only place where tasks are submitted: a bounded window, and the bisecting of what kills workers."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from distributed import Client, Future, KilledWorker, wait

from jobs import worker
from jobs.connection import TROUBLE, lost, reaching
from scanner.answers import Joined
from scanner.errors import IncompleteRun
from scanner.findings.coverage import coverage_of
from scanner.join_work import JoinWork, MatchWork
from scanner.queries import AskWork, Counts
from scanner.slices import Slice, assemble, read_fingerprints
from scanner.worker import Summary, abandon

W = TypeVar("W", Slice, AskWork, JoinWork, MatchWork)
R = TypeVar("R")
KILLED = "every worker that took it died"
STEP_SECONDS = 5.0
"""How long to wait for a task before looking whether anybody is there to do it."""
LOST_SECONDS = 60.0
"""How long a scheduler may be without any worker; nannies restart theirs within seconds."""


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
        self._client = client
        self._window = window
        self._run = run
        self._fingerprint = fingerprint
        self._lost_seconds = lost_seconds
        self._step = min(STEP_SECONDS, lost_seconds)
        self._alone_since: float | None = None

    def fingerprint(self, work: Iterable[Slice]) -> Iterator[tuple[Slice, Summary]]:
        """Fingerprint slices; a slice that kills its workers is bisected until the object is alone."""
        splits: dict[Slice, _Split] = {}
        again: deque[Slice] = deque()
        for one, summary in self._map(self._fingerprint, work, again):
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
        for one, result in self._map(task, work, deque()):
            if result is None:
                raise IncompleteRun(
                    f"{task.__name__} {one.name}: {KILLED}; give workers more memory and run it again"
                )
            yield one, result

    def _map(
        self, task: Callable[[W, str], R], work: Iterable[W], again: deque[W]
    ) -> Iterator[tuple[W, R | None]]:
        """Yield what each task returned, or None for one that killed every worker that took it."""
        waiting = iter(work)
        flying: dict[Future[R], W] = {}
        attempt = 0
        exhausted = False
        try:
            while True:
                while len(flying) < self._window and not (exhausted and not again):
                    one = again.popleft() if again else next(waiting, None)
                    if one is None:
                        exhausted = True
                        break
                    attempt += 1
                    flying[self._submit(task, one, attempt)] = one
                if not flying:
                    return
                for future in self._done(flying):
                    one = flying.pop(future)
                    yield one, self._result(future)
        finally:
            with contextlib.suppress(*TROUBLE):  # a lost scheduler, or a closed client, has nothing to cancel
                self._client.cancel(list(flying))

    def _submit(self, task: Callable[[W, str], R], one: W, attempt: int) -> "Future[R]":
        key = f"{task.__name__}-{one.name}-{self._run}-{attempt}"
        with reaching():
            return self._client.submit(task, one, self._run, key=key, pure=False, retries=1)

    def _done(self, flying: "Collection[Future[R]]") -> "Collection[Future[R]]":
        """Return the tasks that are done, once one is.

        Raises IncompleteRun when the scheduler is lost, or nobody is left to do them.
        """
        while True:
            with reaching(), self._client.as_current():
                try:
                    done: set[Future[R]] = wait(
                        list(flying), timeout=self._step, return_when="FIRST_COMPLETED"
                    ).done
                except TimeoutError:
                    self._look_for_workers()
                    continue
            self._alone_since = None
            return done

    def _result(self, future: "Future[R]") -> R | None:
        """Return what a task returned, or None when it killed its workers; raise what it raised.

        A result that died with its worker is made again by another one, so this may have to wait too.
        """
        while True:
            try:
                return future.result(timeout=self._step)
            except KilledWorker:
                return None
            except TROUBLE as error:
                if future.status == "error":  # not on the way: the task itself said so
                    raise
                if not isinstance(error, TimeoutError):
                    raise lost(error) from None
            with reaching():
                self._look_for_workers()

    def _look_for_workers(self) -> None:
        """Raise IncompleteRun when no worker has been there for too long."""
        now = time.monotonic()
        if self._client.ncores():
            self._alone_since = None
            return
        self._alone_since = now if self._alone_since is None else self._alone_since
        if now - self._alone_since >= self._lost_seconds:
            raise IncompleteRun(
                f"scheduler: no worker for {self._lost_seconds:.0f} s; what is done is kept; start workers, "
                "and the same command continues"
            )


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
