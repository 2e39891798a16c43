"""The only place where the shards of a table become tasks."""

import threading
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.cluster import CONNECT_SECONDS, cluster_of
from jobs.window import KILLED, LOST_SECONDS, Window
from jobs.worker import check_host
from scanner.config import Scheduler
from scanner.errors import IncompleteRun
from scanner.hashlist.building import Builder, Facts, ShardWork, make_shard
from scanner.version import VERSION

_making = threading.Lock()
"""A process holds one shard at a time, however many threads its worker has."""


@dataclass(frozen=True)
class _Told:
    """A shard, and what a worker has to know of the run before it begins: there is no plug-in yet."""

    shard: ShardWork
    probe: Path
    version: str

    @property
    def name(self) -> str:
        return self.shard.name


def dask_builder(
    settings: Scheduler,
    workspace: Path,
    connect_seconds: float = CONNECT_SECONDS,
    lost_seconds: float = LOST_SECONDS,
) -> Builder:
    """Return a builder on the configured scheduler, as many shards at once as that has workers.

    No cluster is looked for, or made, until shards are asked for. Raises ConfigError as `cluster_of` does;
    building raises IncompleteRun where the scheduler is lost, or a shard kills every worker that takes it.
    """
    cluster = cluster_of(settings, workspace, connect_seconds)

    def builder(work: Sequence[ShardWork]) -> Generator[tuple[ShardWork, Facts], None, None]:
        with cluster() as found:
            # No more wait at a worker than it does: of tasks that wait, its death would be blamed on all.
            window = Window(found.client, found.workers, found.token, lost_seconds)
            told = (_Told(one, found.probe, VERSION) for one in work)
            for one, facts in window.map(shard, told, deque()):
                if facts is None:
                    raise IncompleteRun(
                        f"table: shard {one.shard.number} of {one.shard.algorithm}: {KILLED}; give workers "
                        "more memory and run the command again"
                    )
                yield one.shard, facts

    return builder


def shard(work: _Told, run: str) -> Facts:
    """Make a shard on the worker that this task runs on."""
    check_host(work.probe, run, work.version)
    with _making:
        return make_shard(work.shard)
