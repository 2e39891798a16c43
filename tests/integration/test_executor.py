"""Runs on one cluster each get their own rows; what kills a worker is bisected until it is alone."""

import os
import signal
import sys
from itertools import zip_longest

import cloudpickle
import dask
import pytest
from distributed import Client, LocalCluster

from jobs import worker
from jobs.cluster import QUIET
from jobs.executor import DaskExecutor
from jobs.window import KILLED
from jobs.worker import ScanPlugin, plugin_name
from scanner.errors import ConfigError, WorkspaceError
from scanner.fingerprint import fingerprint
from scanner.inventory import read_part
from scanner.records import Outcome
from scanner.slices import read_fingerprints
from scanner.version import VERSION
from scanner.workspace import put_once
from tests import pictures
from tests.cluster import PATIENT, work_of
from tests.line import content, import_known


def poisoned(work, run):
    """Fingerprint a slice, unless it holds the poison: then the whole process dies."""
    if any("poison" in listed.object.key for listed in read_part(work.inventory)[work.start : work.stop]):
        os.kill(os.getpid(), signal.SIGKILL)
    return worker.fingerprint(work, run)


def unreadable(work, run):
    """Fail as a task does whose disk breaks under it."""
    raise OSError(5, "Input/output error")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A workspace with a hash list."""
    root = tmp_path_factory.mktemp("executor") / "workspace"
    import_known(root, content(6))
    return root


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two workers that knows no run yet."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None, "memory_limit": 0}
    settings = {**QUIET, **PATIENT, "distributed.scheduler.allowed-failures": 1}
    with dask.config.set(settings), LocalCluster(2, **options) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    """A client, as each driver has its own."""
    with Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def work(root):
    """Three pictures in one part, of which one is poison."""
    store = {
        name: pictures.jpeg(seed, (64, 64)) for seed, name in enumerate(("000-poison.jpg", "1.jpg", "2.jpg"))
    }
    return work_of(root, "poison", store, 100)


def register(client, work, run, version=VERSION):
    """Tell the workers of a run, and let them see its workspace."""
    probe = work.root / f"probe-{run}"
    put_once(probe, run.encode())
    client.register_plugin(ScanPlugin(work.spec, probe, run, version))


def test_two_runs_on_one_cluster_each_get_their_own_rows(client, cluster, root):
    stores = [{f"{n}.jpg": pictures.jpeg(n + first, (64, 64)) for n in range(4)} for first in (0, 50)]
    works = [work_of(root, f"store-{n}", store, 1) for n, store in enumerate(stores)]
    slices = [work.slices("interleaved") for work in works]
    with Client(cluster) as second:
        for run, one, work in zip("ab", (client, second), works, strict=True):
            register(one, work, f"run-{run}")
        executors = [DaskExecutor(client, 1, "run-a"), DaskExecutor(second, 1, "run-b")]
        done = [one.fingerprint(own) for one, own in zip(executors, slices, strict=True)]
        for _ in zip_longest(*done):
            pass
        second.unregister_worker_plugin(plugin_name("run-b"))
        register(client, works[0], "run-c")
    for store, own in zip(stores, slices, strict=True):
        rows = [row for one in own for row in read_fingerprints(one.output)]
        assert {row.object.key: row.sha256 for row in rows} == {
            key: fingerprint(data).sha256 for key, data in store.items()
        }
    names = [set(one) for one in client.run(lambda dask_worker: list(dask_worker.plugins)).values()]
    assert all(
        {"hashsweep-run-a", "hashsweep-run-c"} <= one and "hashsweep-run-b" not in one for one in names
    )


def test_a_poison_object_costs_its_own_row_and_no_other(client, work):
    (whole,) = work.slices("poisoned")
    register(client, work, "poisoned")
    executor = DaskExecutor(client, 4, "poisoned", fingerprint=poisoned)
    ((done, summary),) = executor.fingerprint([whole])
    assert done == whole
    rows = read_fingerprints(whole.output)
    assert [row.object.key for row in rows] == sorted(row.object.key for row in rows)
    crashed = [row for row in rows if row.outcome is Outcome.CRASHED]
    assert [(row.object.key, row.reason) for row in crashed] == [("000-poison.jpg", KILLED)]
    assert summary.coverage.outcomes == {"hashed": 2, "crashed": 1}
    assert [path.name for path in whole.output.parent.iterdir()] == [whole.output.name]


def test_a_worker_that_sees_another_workspace_is_refused(client, work, tmp_path):
    client.register_plugin(ScanPlugin(work.spec, tmp_path / "elsewhere", "unseen"))
    with pytest.raises(WorkspaceError, match="does not see this workspace"):
        list(DaskExecutor(client, 4, "unseen").fingerprint(work.slices("unseen")))


def test_a_worker_of_another_version_is_refused_at_its_first_task_and_both_are_named(client, work):
    register(client, work, "older", version="0.0.9")
    with pytest.raises(ConfigError, match=rf"runs hashsweep {VERSION}, this is 0\.0\.9; install the same"):
        list(DaskExecutor(client, 4, "older").fingerprint(work.slices("older")))


def test_an_error_of_a_task_is_not_taken_for_a_lost_scheduler(client, work):
    with pytest.raises(OSError, match="Input/output error"):
        list(DaskExecutor(client, 4, "broken", fingerprint=unreadable).fingerprint(work.slices("broken")))


def test_task_names_carry_no_key(client, work):
    register(client, work, "named")
    (whole,) = work.slices("named")
    seen = []
    done = DaskExecutor(client, 4, "named").fingerprint([whole])
    for _ in done:
        seen += client.run_on_scheduler(lambda dask_scheduler: list(map(str, dask_scheduler.tasks)))
    assert seen
    assert [name for name in [*seen, whole.name] if "jpg" in name] == []


def test_work_that_is_left_in_the_middle_ends_quietly_though_its_client_is_gone(cluster, root):
    left = work_of(root, "left", {f"{n}.jpg": pictures.jpeg(n, (64, 64)) for n in range(3)}, 1)
    with Client(cluster) as own:
        register(own, left, "left")
        done = DaskExecutor(own, 2, "left").fingerprint(left.slices("left"))
        next(done)
    done.close()
