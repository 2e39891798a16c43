"""The join on Dask, with one worker and with four, gives what the plain loop gives."""

import pytest

from jobs import dask_engine
from scanner.config import Config, Scheduler
from scanner.joining import Join
from scanner.plain import PlainLoop
from scanner.worker import Spec
from tests.unit.sweeps import Heard
from tests.unit.test_joining import MATCHING, SMALL, known_in, parts_in, results


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """Return a folder, and the table of a list in its workspace."""
    root = tmp_path_factory.mktemp("join")
    return root, known_in(root)


def joined(room, engine, name):
    """Join parts in many tasks; return their matches, and what was said of each task."""
    root, table = room
    config = Config(workspace=root / "workspace", match=MATCHING, scheduler=Scheduler(workers=1))
    parts, heard = parts_in(root, name), Heard()
    with engine(Spec(config, table.path)) as executor:
        Join(table, MATCHING, root / f"joins-{name}", heard, **SMALL).run(executor, parts)
    return results(parts), sorted(heard.joins)


@pytest.fixture(scope="module")
def plain(room):
    """Return what the plain loop gives."""
    return joined(room, PlainLoop, "plain")


@pytest.mark.parametrize("workers", [1, 4])
def test_results_are_equal_through_dask_with_one_worker_and_with_four(room, plain, workers):
    settings = Scheduler(address="local", workers=workers)
    engine = dask_engine(settings, room[0] / "workspace")
    matches, tasks = joined(room, engine, f"dask{workers}")
    assert matches == plain[0]
    assert tasks == plain[1]
    assert len(tasks) > 12
    assert sum(len(some) for some, _ in matches) > 50
