"""The only place that lists all targets of a run, ahead of the work and in spite of one that fails."""

import queue
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from scanner.config import Config
from scanner.errors import StoreError
from scanner.inventory import Part, frozen_parts, list_parts
from scanner.progress import Reporter
from scanner.retry import Retry
from scanner.s3 import client_of
from scanner.target import Place


class Listing:
    """The frozen listing of a run's targets, as far as it has come.

    A target that cannot be listed is remembered in `failures` and leaves the run incomplete; the others
    go on.
    """

    def __init__(
        self, places: Sequence[Place], config: Config, folder: Path, retry: Retry, reporter: Reporter
    ) -> None:
        self.parts: list[Part] = []
        self.failures: dict[int, str] = {}
        self.finished = False
        self._places = places
        self._config = config
        self._folder = folder
        self._retry = retry
        self._reporter = reporter
        self._running: Generator[Part] | None = None

    def __iter__(self) -> Iterator[Part]:
        """Yield the parts of all targets in order; those of an earlier start come first."""
        with closing(_ahead(self._listed())) as self._running:
            for part in self._running:
                self.parts.append(part)
                yield part
        self.finished = not self.failures

    def stop(self) -> None:
        """List no more; `parts` and `finished` then say what is at rest, taken or not."""
        if self._running is not None:
            self._running.close()
        frozen = [frozen_parts(self._folder, number) for number in range(len(self._places))]
        self.parts = [part for parts in frozen for part in parts]
        self.finished = all(parts and parts[-1].last for parts in frozen)

    def _listed(self) -> Iterator[Part]:
        for number, place in enumerate(self._places):
            try:
                yield from self._target(number, place)
            except StoreError as error:
                self.failures[number] = str(error)
                self._reporter.event("listing failed", target=number, message=str(error))

    def _target(self, number: int, place: Place) -> Iterator[Part]:
        config = self._config
        client = client_of(place.target, config.fetch.timeout_seconds) if place.scheme == "s3" else None
        for part in list_parts(
            place, number, self._folder, config.select, config.run.part_objects, self._retry, client
        ):
            self._reporter.listed(part.rows, part.last and number == len(self._places) - 1)
            yield part


class Frozen(Listing):
    """A listing that an earlier run made: nothing is listed, and what failed then is missing still."""

    def __init__(self, parts: Sequence[Part], failures: Mapping[int, str], reporter: Reporter) -> None:
        self.parts = [*parts]
        self.failures = {**failures}
        self.finished = not failures
        self._reporter = reporter

    def __iter__(self) -> Iterator[Part]:
        """Yield the parts of all targets in order."""
        for number, part in enumerate(self.parts, 1):
            self._reporter.listed(part.rows, number == len(self.parts))
            yield part

    def stop(self) -> None:
        """Do nothing: all is at rest."""


def _ahead(parts: Iterator[Part]) -> Generator[Part]:
    """Yield what a thread of its own fetches ahead, so that listing never waits for hashing."""
    fetched: queue.SimpleQueue[Part | BaseException | None] = queue.SimpleQueue()
    stopped = threading.Event()

    def pull() -> None:
        try:
            for part in parts:
                if stopped.is_set():
                    return
                fetched.put(part)
            fetched.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            fetched.put(error)

    thread = threading.Thread(target=pull, name="listing", daemon=True)
    thread.start()
    try:
        while (part := fetched.get()) is not None:
            if isinstance(part, BaseException):
                raise part
            yield part
    finally:
        stopped.set()
        thread.join(
            timeout=1
        )  # a silent store must not hold the end; a part that it still puts is a right one
