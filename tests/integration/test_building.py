"""A table whose shards are made on Dask is that of the plain loop, to the byte; what goes wrong is said."""

import contextlib
import os
import shutil
import signal
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster

from jobs.building import dask_builder
from jobs.cluster import QUIET
from scanner.config import Scheduler
from scanner.errors import ConfigError, HashListError, IncompleteRun, WorkspaceError
from scanner.hashlist.building import plainly
from scanner.hashlist.entries import table_of_entries
from scanner.hashlist.snapshot import active_snapshots, make_active
from scanner.hashlist.table import build_table
from scanner.hashlist.writing import put_snapshot
from scanner.records import HashEntry
from scanner.workspace import Workspace
from tests.cluster import PATIENT, processes, until
from tests.unit.hashlist import lists
from tests.unit.hashlist.lists import merge_entries

AT = datetime(2026, 9, 1, 2, tzinfo=UTC)
DISTANCES = {"pdq": 31, "phash": 4, "dhash": 3, "whash": 3}
SHARD_VALUES = 500
"""Enough for shards of pHash that are grouped by bands, and few enough that there are some."""


@pytest.fixture(scope="module")
def lists_of(tmp_path_factory):
    """A workspace with two lists, that share some values."""
    workspace = Workspace(tmp_path_factory.mktemp("building") / "workspace").create()
    for name, first, count in (("iwf", 0, 2500), ("ncmec", 2000, 900)):
        entries = [
            HashEntry(name, "m", f"e{n}", algorithm, lists.value(algorithm, n), classification=f"A{n % 3}")
            for algorithm in ("md5", "phash")
            for n in range(first, first + count)
        ]
        table = merge_entries(table_of_entries(entries)).table
        make_active(workspace, name, put_snapshot(workspace, name, table, {}), AT)
    return workspace


@pytest.fixture
def workspace(lists_of, tmp_path):
    """A workspace of the test's own with these lists, and no table."""
    shutil.copytree(lists_of.root, tmp_path / "workspace")
    copied = Workspace(tmp_path / "workspace").open()
    assert untouched(copied)
    return copied


@pytest.fixture(scope="module")
def started():
    """Two workers, that are started again where they die; two deaths are too many for a shard."""
    options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None, "memory_limit": 0}
    settings = {**QUIET, **PATIENT, "distributed.scheduler.allowed-failures": 1}
    with dask.config.set(settings), LocalCluster(2, **options) as cluster:
        yield cluster


@pytest.fixture
def cluster(started):
    """The same, with both workers there again."""
    with Client(started, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    return started


def build(workspace, builder, shard_values=SHARD_VALUES):
    return build_table(workspace, active_snapshots(workspace), DISTANCES, shard_values, builder)


@pytest.fixture(scope="module")
def plain(lists_of):
    """The files of the table that the plain loop makes."""
    path = build(lists_of, plainly).path
    made = files(path)
    shutil.rmtree(path)
    return made


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def on(address, workspace):
    """Return a builder on a cluster that is there."""
    return dask_builder(Scheduler(address=address, allow_insecure=True), workspace.root, 60.0)


def untouched(workspace):
    """Say whether a workspace is as it was before a table was begun."""
    return not [*workspace.tables.iterdir(), *workspace.root.glob(".probe-*")]


class Deadly:
    """The prefixes of a shard that ends the process of who makes it, as one too large does."""

    @property
    def start(self):
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class DeadlyOnce:
    """The same, but only for the first who makes it."""

    known: range
    marker: Path

    @property
    def start(self):
        with contextlib.suppress(FileExistsError):
            self.marker.touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
        return self.known.start

    @property
    def stop(self):
        return self.known.stop


@dataclass(frozen=True)
class Slow:
    """The prefixes of a shard that says when it is begun, and takes its time."""

    known: range
    marker: Path

    @property
    def start(self):
        self.marker.touch()
        time.sleep(1.0)
        return self.known.start

    @property
    def stop(self):
        return self.known.stop


def with_other(builder, number, change):
    """Return a builder whose shard of a number, of md5, has other prefixes."""

    def changed(work):
        mixed = [replace(one, prefixes=change(one.prefixes)) if one is work[number] else one for one in work]
        for one, facts in builder(mixed):
            yield work[mixed.index(one)], facts

    return changed


def test_workers_make_the_table_of_the_plain_loop_to_the_byte(cluster, workspace, plain):
    made = files(build(workspace, on(cluster.scheduler_address, workspace)).path)
    assert made.keys() == plain.keys()
    assert made == plain
    assert len([name for name in plain if name.startswith("phash/") and name.endswith("rows.npy")]) > 5
    assert len([name for name in plain if name.startswith("md5/") and name.endswith("values.npy")]) > 5
    assert not list(workspace.root.glob(".probe-*"))


def test_one_worker_of_this_machine_makes_the_same_table(workspace, plain):
    with dask.config.set(PATIENT):
        assert files(build(workspace, dask_builder(Scheduler(workers=1), workspace.root)).path) == plain


def test_small_lists_start_no_cluster(workspace, monkeypatch):
    monkeypatch.setattr("jobs.cluster.LocalCluster", None)
    build(workspace, dask_builder(Scheduler(), workspace.root), 1 << 20).verify()


def test_a_shard_whose_worker_died_is_made_by_another_one(cluster, workspace, plain, tmp_path):
    builder = on(cluster.scheduler_address, workspace)
    table = build(workspace, with_other(builder, 2, lambda known: DeadlyOnce(known, tmp_path / "died")))
    assert (tmp_path / "died").exists()
    assert files(table.path) == plain


def test_a_shard_that_kills_every_worker_is_named_with_the_way_out(cluster, workspace):
    builder = on(cluster.scheduler_address, workspace)
    words = (
        r"table: shard 2 of md5: every worker that took it died; give workers more memory and run the command"
    )
    with pytest.raises(IncompleteRun, match=words):
        build(workspace, with_other(builder, 2, lambda _: Deadly()))
    assert untouched(workspace)


def test_a_list_that_is_damaged_while_workers_read_it_is_the_error_that_it_is(cluster, workspace):
    def damaged(work):
        (work[0].snapshots[1].path / "entries.parquet").write_bytes(b"junk")
        yield from on(cluster.scheduler_address, workspace)(work)

    with pytest.raises(HashListError, match=r"ncmec/.*entries\.parquet: .*; import the list again"):
        build(workspace, damaged)
    assert untouched(workspace)


def test_a_worker_that_sees_another_workspace_makes_no_shard(cluster, workspace):
    def elsewhere(work):
        def without_probe():
            for probe in workspace.root.glob(".probe-*"):
                probe.unlink()
            yield from work

        yield from on(cluster.scheduler_address, workspace)(without_probe())

    with pytest.raises(WorkspaceError, match="a worker does not see this workspace"):
        build(workspace, elsewhere)
    assert untouched(workspace)


def test_a_worker_of_another_version_makes_no_shard(cluster, workspace, monkeypatch):
    monkeypatch.setattr("jobs.building.VERSION", "0.0.9")
    with pytest.raises(ConfigError, match=r"this is 0\.0\.9; install the same"):
        build(workspace, on(cluster.scheduler_address, workspace))
    assert untouched(workspace)


def test_a_build_that_is_stopped_leaves_nothing_although_a_worker_goes_on(cluster, workspace, tmp_path):
    begun = tmp_path / "begun"

    def stopped(work):
        for one in with_other(on(cluster.scheduler_address, workspace), 0, slow)(work):
            yield one
            until(begun.exists)
            raise KeyboardInterrupt

    def slow(known):
        return Slow(known, begun)

    with pytest.raises(KeyboardInterrupt):
        build(workspace, stopped)
    assert untouched(workspace)
    time.sleep(2.0)  # by now that worker has written what nobody wants any more
    assert untouched(workspace)


def test_a_scheduler_that_dies_in_the_midst_leaves_no_half_table(workspace, tmp_path):
    with dask.config.set(PATIENT), processes(tmp_path / "scheduler") as remote:
        for _ in range(2):
            remote.add_worker()

        def orphaned(work):
            yield from on(remote.address, workspace)(interrupted(work))

        def interrupted(work):
            for worker in remote.workers:
                worker.send_signal(signal.SIGSTOP)  # so that the first shard is still being made
            yield work[0]
            remote.kill()
            yield from work[1:]

        with pytest.raises(IncompleteRun, match=r"scheduler: lost .* the same command continues"):
            build(workspace, orphaned)
    assert untouched(workspace)
