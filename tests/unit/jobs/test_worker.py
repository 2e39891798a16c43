"""What a Dask worker says of itself: from how much memory on it does not work any more."""

from types import SimpleNamespace

import dask
import pytest

from jobs.worker import memory_bound


@pytest.mark.parametrize(
    ("limit", "pause", "terminate", "nanny", "bound"),
    [
        (1000, 0.8, 0.95, "tcp://nanny", 800),
        (1000, 0.8, 0.95, None, 800),
        (1000, 0.8, False, "tcp://nanny", 800),
        (1000, False, 0.95, "tcp://nanny", 950),
        (1000, False, 0.95, None, None),
        (1000, False, False, "tcp://nanny", None),
        (None, 0.8, 0.95, "tcp://nanny", None),
    ],
)
def test_a_worker_is_bound_by_its_limit_where_it_pauses_or_its_nanny_ends_it(
    limit, pause, terminate, nanny, bound
):
    memory = SimpleNamespace(memory_limit=limit, memory_pause_fraction=pause)
    with dask.config.set({"distributed.worker.memory.terminate": terminate}):
        assert memory_bound(SimpleNamespace(memory_manager=memory, nanny=nanny)) == bound
