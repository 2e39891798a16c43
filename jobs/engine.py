"""The only place where a cluster becomes the engine of a scan."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from distributed import Client

from jobs.cluster import CONNECT_SECONDS, cluster_of
from jobs.connection import TROUBLE, reaching
from jobs.executor import DaskExecutor
from jobs.window import LOST_SECONDS
from jobs.worker import ScanPlugin, memory_bound, plugin_name
from scanner.config import Scheduler
from scanner.worker import Spec

logger = logging.getLogger(__name__)


def dask_engine(
    settings: Scheduler,
    workspace: Path,
    connect_seconds: float = CONNECT_SECONDS,
    lost_seconds: float = LOST_SECONDS,
) -> Callable[[Spec], AbstractContextManager[DaskExecutor]]:
    """Return an engine on the configured scheduler; raise ConfigError as `cluster_of` does."""
    cluster = cluster_of(settings, workspace, connect_seconds)

    @contextlib.contextmanager
    def engine(spec: Spec) -> Iterator[DaskExecutor]:
        with cluster() as found:
            client, token = found.client, found.token
            with reaching():
                _tell_memory_bounds(client)
                client.register_plugin(ScanPlugin(spec, found.probe, token))
            try:
                yield DaskExecutor(client, found.workers * settings.window, token, lost_seconds=lost_seconds)
            finally:
                if settings.address != "local":  # workers that outlive the run must not keep its clients
                    _leave(client, token)

    return engine


def _leave(client: Client, token: str) -> None:
    """Take this run's plugin, and no other run's, from the workers; a lost scheduler keeps none."""
    if client.status != "running":  # it would be waited for
        return
    # KeyError: a worker that came last may not have it yet; ValueError: a scheduler that was restarted.
    with contextlib.suppress(KeyError, ValueError, *TROUBLE):
        client.unregister_worker_plugin(plugin_name(token))


def _tell_memory_bounds(client: Client) -> None:
    """Warn of workers that stop or end by a count of memory that takes the mapped table for their own."""
    bounds = client.run(memory_bound).values()
    bounded = [bound for bound in bounds if bound is not None]
    if bounded:
        logger.warning(
            "scheduler: %d of %d workers pause, or are ended, once they use %d MB, of which the mapped hash "
            "table is a part; a run may stand still there; start them with: dask worker --memory-limit 0",
            len(bounded),
            len(bounds),
            min(bounded) // 10**6,
        )
