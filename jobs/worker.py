"""The only place where a Dask worker becomes a hashsweep worker."""

import threading
from pathlib import Path

import dask
from distributed import Worker as DaskWorker
from distributed import WorkerPlugin, get_worker

from scanner.answers import Joined
from scanner.errors import ConfigError, IncompleteRun, WorkspaceError
from scanner.join_work import JoinWork, MatchWork
from scanner.queries import AskWork, Counts
from scanner.slices import Slice
from scanner.version import VERSION
from scanner.worker import Spec, Summary, Worker

_making = threading.Lock()  # of the process, since a plugin that travels cannot hold one


class ScanPlugin(WorkerPlugin):
    """Gives every Dask worker, present and to come, its share of one run's line.

    The line is made at the first task, in the thread of that task, so that a canary that fails reaches
    the run as the error of a task.
    """

    def __init__(self, spec: Spec, probe: Path, run: str, version: str = VERSION) -> None:
        self.name = plugin_name(run)
        self._spec = spec
        self._probe = probe
        self._run = run
        self._version = version
        self._worker: Worker | None = None
        self._ended = False
        self._threads = 1

    def setup(self, worker: DaskWorker) -> None:
        """Begin with nothing; the same plugin may be set up again after a restart."""
        self._threads = worker.state.nthreads
        self._worker = None
        self._ended = False

    def teardown(self, worker: DaskWorker) -> None:
        """Stop the decoder child with its worker."""
        del worker
        self._ended = True
        if self._worker is not None:
            self._worker.close()

    def line(self) -> Worker:
        """Return the one line of this run in this process.

        Raises ConfigError where another version runs, WorkspaceError where another workspace is seen.
        """
        with _making:
            if self._worker is None:
                check_host(self._probe, self._run, self._version)
                self._worker = Worker(self._spec, self._threads)
        if self._ended:  # while the line was made: nobody else would close it
            self._worker.close()
        return self._worker


def check_host(probe: Path, run: str, of: str) -> None:
    """Raise unless this process may work for a run that was begun by version `of`.

    ConfigError where another version runs, WorkspaceError where another workspace is seen.
    """
    if of != VERSION:  # also of a worker that joined after the run had begun
        raise ConfigError(f"scheduler: a worker runs hashsweep {VERSION}, this is {of}; install the same")
    if sees(probe) != run:
        raise WorkspaceError(
            f"{probe.parent}: a worker does not see this workspace; put it on storage that "
            "every worker shares, or use --scheduler local"
        )


def plugin_name(run: str) -> str:
    """Return what a run's plugin is called; runs on one scheduler must not replace each other's."""
    return f"hashsweep-{run}"


def sees(probe: Path) -> str | None:
    """Return the text of the probe file, or None where it cannot be read."""
    try:
        return probe.read_text()
    except OSError:
        return None


def version() -> str:
    """Return the version that a worker runs."""
    return VERSION


def memory_bound(dask_worker: DaskWorker) -> int | None:
    """Return the bytes at which this worker is paused, or ended by its nanny; None when it never is.

    The nanny is another process, whose settings its worker inherits.
    """
    memory = dask_worker.memory_manager
    terminate = dask.config.get("distributed.worker.memory.terminate") if dask_worker.nanny else False
    fractions = [one for one in (memory.memory_pause_fraction, terminate) if one is not False]
    return int(memory.memory_limit * min(fractions)) if memory.memory_limit and fractions else None


def _line(run: str) -> Worker:
    plugin = get_worker().plugins.get(plugin_name(run))
    if not isinstance(plugin, ScanPlugin):
        raise IncompleteRun(
            f"scheduler: a worker with hashsweep {VERSION} was not told of this run; was the scheduler "
            "restarted, or another version installed there? the same command continues"
        )
    return plugin.line()


def fingerprint(work: Slice, run: str) -> Summary:
    """Fingerprint a slice of a run on the worker that this task runs on."""
    return _line(run).fingerprint(work)


def ask(work: AskWork, run: str) -> Counts:
    """Put the queries of parts on the worker that this task runs on."""
    return _line(run).ask(work)


def join(work: JoinWork, run: str) -> Joined:
    """Join a block of queries with a shard on the worker that this task runs on."""
    return _line(run).join(work)


def match(work: MatchWork, run: str) -> int:
    """Put the matches of parts on the worker that this task runs on."""
    return _line(run).match(work)
