"""The only place that finds a Dask cluster, or makes one on this machine."""

import contextlib
import logging
import os
import secrets
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path

import dask
from distributed import Client, LocalCluster
from distributed.security import Security

from jobs.connection import reaching
from jobs.worker import version
from scanner.config import Scheduler
from scanner.errors import ConfigError, IncompleteRun
from scanner.version import VERSION
from scanner.workspace import put_once

QUIET = {
    # Mapped table pages count as resident memory, so termination by memory would kill healthy workers.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.comm.timeouts.connect": "30s",
}

CLOSED: dict[str, list[str]] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
"""Nothing is served over HTTP unless the dashboard is asked for."""

CONNECT_SECONDS = 30.0


@dataclass(frozen=True)
class Cluster:
    """A cluster that was reached, how many workers it had, and the file they must see, with its text."""

    client: Client
    workers: int
    probe: Path
    token: str


def cluster_of(
    settings: Scheduler, workspace: Path, connect_seconds: float
) -> Callable[[], AbstractContextManager[Cluster]]:
    """Return how to reach the configured scheduler: `local`, `tcp://...` or `tls://...`.

    Raises ConfigError for an address that would run code with bucket credentials in the open, and for
    certificates that cannot be used.
    """
    check_address(settings)
    security = _security(settings)

    @contextlib.contextmanager
    def cluster() -> Iterator[Cluster]:
        _silence()
        quiet = QUIET if settings.dashboard else {**QUIET, **CLOSED}
        with (
            dask.config.set(quiet),
            _client(settings, security, connect_seconds) as client,
            _probe(workspace) as (probe, token),
        ):
            with reaching():
                _check_versions(client)
                workers = max(1, len(client.ncores()))
            yield Cluster(client, workers, probe, token)

    return cluster


def _silence() -> None:
    """Keep the engine's chatter away from a person's terminal; what goes wrong reaches them as an error."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado", "bokeh"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def check_address(settings: Scheduler) -> None:
    """Refuse a scheduler address that is none, or is open to anybody who can reach it."""
    scheme, separator, _ = settings.address.partition("://")
    if settings.address == "local" or (separator and scheme == "tls"):
        return
    if not separator or scheme != "tcp":
        raise ConfigError(
            f"scheduler {settings.address!r}: not known; use none, local, tls://HOST:PORT or tcp://HOST:PORT"
        )
    if not settings.allow_insecure:
        raise ConfigError(
            f"scheduler {settings.address}: a Dask scheduler runs code with your bucket credentials, and "
            "over tcp:// for anybody who reaches it; use tls://, or say --insecure-scheduler"
        )


@contextlib.contextmanager
def _client(settings: Scheduler, security: Security | None, connect_seconds: float) -> Iterator[Client]:
    if settings.address == "local":
        with _local(settings) as cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(settings.address, security=security, timeout=connect_seconds)
    except OSError as error:
        raise IncompleteRun(
            f"scheduler {settings.address}: cannot be reached ({type(error).__name__}); is it running, and "
            "are its certificates those of this command?"
        ) from None
    with client:
        with reaching():
            workers = client.ncores()
        if not workers:
            raise IncompleteRun(f"scheduler {settings.address}: has no worker; start one and run this again")
        yield client


@contextlib.contextmanager
def _local(settings: Scheduler) -> Iterator[LocalCluster]:
    """Make a cluster of worker processes on loopback, with a dashboard only when asked for."""
    with tempfile.TemporaryDirectory(prefix="hashsweep-") as scratch, _started(settings, scratch) as cluster:
        yield cluster


def _started(settings: Scheduler, scratch: str) -> LocalCluster:
    """Start the cluster with signals held back: its processes inherit that, and leave Ctrl-C to us."""
    resource_tracker.ensure_running()  # it would let signals in again, were it started by a worker's start
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        return LocalCluster(
            n_workers=settings.workers or os.cpu_count() or 1,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": settings.dashboard},
            memory_limit=0,
            local_directory=scratch,
            silence_logs=logging.CRITICAL,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _security(settings: Scheduler) -> Security | None:
    """Return the certificates of this end; Dask's own configuration serves where ours says nothing."""
    if not settings.address.startswith("tls://"):
        return None
    files = {
        "tls_ca_file": settings.tls_ca_file,
        "tls_client_cert": settings.tls_cert_file,
        "tls_client_key": settings.tls_key_file,
    }
    named = {name: str(path) for name, path in files.items() if path is not None}
    security = Security(require_encryption=True, **named)
    try:
        usable = security.get_connection_args("client")["ssl_context"] is not None
    except OSError as error:  # SSLError is one
        raise ConfigError(
            f"scheduler {settings.address}: the files of scheduler.tls_ca_file, tls_cert_file and "
            f"tls_key_file cannot be used ({error.strerror or type(error).__name__}); check them"
        ) from None
    if not usable:
        raise ConfigError(
            f"scheduler {settings.address}: tls:// needs scheduler.tls_ca_file, scheduler.tls_cert_file and "
            "scheduler.tls_key_file"
        )
    return security


@contextlib.contextmanager
def _probe(workspace: Path) -> Iterator[tuple[Path, str]]:
    """Put a file that a worker must see to be allowed to work."""
    token = secrets.token_hex(8)
    probe = workspace.absolute() / f".probe-{token}"
    put_once(probe, token.encode())
    try:
        yield probe, token
    finally:
        probe.unlink(missing_ok=True)


def _check_versions(client: Client) -> None:
    try:
        versions = set(client.run(version).values())
    except (ImportError, AttributeError):
        versions = {"none"}
    if versions != {VERSION}:
        found = ", ".join(sorted(versions))
        raise ConfigError(f"scheduler: workers run hashsweep {found}, this is {VERSION}; install the same")
