"""The only place where tests make work for an engine, and schedulers and workers that can be killed."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distributed import Client
from distributed.security import Security

from scanner.config import Config, Run, Target
from scanner.hashlist.snapshot import active_snapshots
from scanner.hashlist.table import build_table
from scanner.inventory import Part, list_parts
from scanner.match.distances import max_distances
from scanner.retry import Retry
from scanner.slices import Slice, slice_of
from scanner.target import place_of
from scanner.worker import Spec
from scanner.workspace import Workspace
from tests.line import write_store

RETRY = Retry(2, 0.01, 0.02, lambda _: None, lambda: 0.0)

PATIENT = {
    "distributed.comm.timeouts.connect": "120s",
    "distributed.comm.timeouts.tcp": "120s",
    "distributed.scheduler.worker-ttl": None,
}
"""Settings of Dask for a machine that is busy with other tests."""


@dataclass(frozen=True)
class Work:
    """A frozen listing of one store, and what workers need to know to scan it."""

    root: Path
    spec: Spec
    parts: tuple[Part, ...]

    def slices(self, folder: str) -> list[Slice]:
        """Return one slice per part, with their output in a folder of the workspace."""
        return [slice_of(part, self.root / folder, self.spec.config) for part in self.parts]


def work_of(root: Path, name: str, store: Mapping[str, bytes], part_objects: int) -> Work:
    """Write a store, and list it in a workspace that has a hash list already."""
    workspace = Workspace(root).open()
    target = Target(url=f"file://{write_store(root.parent / name, store)}")
    config = Config(workspace=root, targets=(target,), run=Run(part_objects=part_objects))
    table = build_table(workspace, active_snapshots(workspace), max_distances(config.match))
    folder = workspace.runs / name / "inventory"
    parts = list_parts(place_of(target), 0, folder, config.select, part_objects, RETRY, None)
    return Work(root, Spec(config, table.path), tuple(parts))


class Processes:
    """A scheduler and its workers, each a process of its own; over TLS when the three files are given."""

    def __init__(self, folder: Path, tls: Sequence[Path] = ()) -> None:
        self._folder = folder
        self._tls = tls
        self._file = folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        protocol = "tls" if tls else "tcp"
        self.scheduler = self._start("scheduler", "--protocol", protocol, "--port", "0", "--no-show")
        until(self._file.exists)
        self.address: str = json.loads(self._file.read_text())["address"]

    def _start(self, kind: str, *options: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--scheduler-file", str(self._file)]
        names = ("--tls-ca-file", "--tls-cert", "--tls-key")
        tls = [part for name, path in zip(names, self._tls, strict=False) for part in (name, str(path))]
        return subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--no-dashboard", *options, *tls],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def add_worker(self, wait: bool = True) -> None:
        """Start one worker process, that nobody starts again; wait until the scheduler knows all."""
        self.workers.append(self._start("worker", "--no-nanny", "--nthreads", "2", "--memory-limit", "0"))
        if wait:
            names = ("tls_ca_file", "tls_client_cert", "tls_client_key")
            security = Security(**dict(zip(names, map(str, self._tls), strict=True))) if self._tls else None
            with Client(self.address, security=security, timeout=60, set_as_default=False) as client:
                client.wait_for_workers(sum(one.poll() is None for one in self.workers), timeout=60)

    def kill_workers(self) -> None:
        """Kill every worker there is."""
        for process in self.workers:
            _kill(process)

    def kill(self) -> None:
        """Kill the scheduler, then its workers."""
        _kill(self.scheduler)
        self.kill_workers()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for what another process does; fail when it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not started in time"
        time.sleep(0.05)


@contextlib.contextmanager
def processes(folder: Path, tls: Sequence[Path] = ()) -> Iterator[Processes]:
    """Start a scheduler as a process, without any worker yet; all ends with the context."""
    folder.mkdir(exist_ok=True)
    started = Processes(folder, tls)
    try:
        yield started
    finally:
        started.kill()
