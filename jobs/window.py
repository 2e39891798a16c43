"""The only place where tasks are submitted: a bounded window, kept full while there is work and a worker."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol, TypeVar

from distributed import Client, Future, KilledWorker, wait

from jobs.connection import TROUBLE, lost, reaching
from scanner.errors import IncompleteRun

KILLED = "every worker that took it died"
STEP_SECONDS = 5.0
"""How long to wait for a task before looking whether anybody is there to do it."""
LOST_SECONDS = 60.0
"""How long a scheduler may be without any worker; nannies restart theirs within seconds."""


class Named(Protocol):
    """Work whose name tasks may carry: no key, and no value of a list."""

    @property
    def name(self) -> str:
        """The name."""


W = TypeVar("W", bound=Named)
R = TypeVar("R")


class Window:
    """Has tasks done for a run on a Dask cluster, at most `size` at once."""

    def __init__(self, client: Client, size: int, run: str, lost_seconds: float) -> None:
        self._client = client
        self._size = size
        self._run = run
        self._lost_seconds = lost_seconds
        self._step = min(STEP_SECONDS, lost_seconds)
        self._alone_since: float | None = None

    def map(
        self, task: Callable[[W, str], R], work: Iterable[W], again: deque[W]
    ) -> Iterator[tuple[W, R | None]]:
        """Yield what each task returned, or None for one that killed every worker that took it."""
        waiting = iter(work)
        flying: dict[Future[R], W] = {}
        attempt = 0
        exhausted = False
        try:
            while True:
                while len(flying) < self._size and not (exhausted and not again):
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
                f"scheduler: no worker for {self._lost_seconds:.0f} s; finished parts are kept; start "
                "workers, and the same command continues"
            )
