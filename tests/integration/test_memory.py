"""Memory limits of workers: none under the local engine, and told of where somebody else started them."""

import logging

import dask
import pytest
from distributed import Client, LocalCluster

from jobs.cluster import QUIET
from jobs.engine import dask_engine
from scanner.config import Scheduler
from scanner.worker import Spec
from tests.cluster import PATIENT, work_of
from tests.line import content, import_known


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """One small part in a workspace with a hash list."""
    root = tmp_path_factory.mktemp("memory") / "workspace"
    import_known(root, content(6))
    return work_of(root, "store", {"words.txt": b"words"}, 1)


def limits(dask_worker):
    """Return a worker's memory limit, and where it pauses."""
    memory = dask_worker.memory_manager
    return memory.memory_limit, memory.memory_pause_fraction


def termination(dask_worker):
    """Return a nanny's memory limit, and where it ends its worker."""
    memory = dask_worker.memory_manager
    return memory.memory_limit, memory.memory_terminate_fraction


def warnings(caplog):
    return [one.getMessage() for one in caplog.records if one.name == "jobs.engine"]


def test_workers_of_the_local_engine_have_no_memory_limit_and_nannies_that_never_end_them(work, caplog):
    settings = Scheduler(workers=1)
    with dask_engine(settings, work.root)(Spec(work.spec.config, work.spec.table)):
        client = Client.current()
        assert list(client.run(limits).values()) == [(None, False)]
        assert list(client.run(termination, nanny=True).values()) == [(None, False)]
    assert warnings(caplog) == []


@pytest.mark.parametrize(
    ("config", "workers", "words"),
    [
        ({}, 2, "2 of 2 workers pause, or are ended, once they use 800 MB"),
        ({**QUIET, "distributed.worker.memory.terminate": 0.95}, 1, "once they use 950 MB"),
    ],
    ids=["as Dask has it", "nannies alone"],
)
def test_workers_with_a_memory_limit_are_told_of_once_with_the_way_out(work, caplog, config, workers, words):
    options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None}
    with (
        dask.config.set({**PATIENT, **config}),
        LocalCluster(workers, memory_limit="1 GB", **options) as cluster,
        caplog.at_level(logging.WARNING),
    ):
        settings = Scheduler(address=cluster.scheduler_address, allow_insecure=True)
        with dask_engine(settings, work.root)(Spec(work.spec.config, work.spec.table)):
            pass
    (told,) = warnings(caplog)
    assert words in told
    assert "start them with: dask worker --memory-limit 0" in told
