import threading
import time

import pytest

from scanner.config import Fetch
from scanner.fetch import fetch
from scanner.fetch.budget import ByteBudget, memory_need
from tests.unit.fetch.bodies import BrittleSource, body_of, patient, ref_of

WAIT = 10.0


class Holder:
    """A thread that takes a share of the budget, says so, and keeps it until it is let go."""

    def __init__(self, budget: ByteBudget, count: int) -> None:
        self.held = threading.Event()
        self._release = threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(budget, count), daemon=True)
        self._thread.start()

    def _hold(self, budget: ByteBudget, count: int) -> None:
        with budget.of(count):
            self.held.set()
            self._release.wait(WAIT)

    def let_go(self) -> None:
        self._release.set()
        self._thread.join(WAIT)
        assert not self._thread.is_alive()


def queued(budget: ByteBudget, count: int) -> Holder:
    """Start a holder and wait until it stands in the queue."""
    before = len(budget._waiting)
    holder = Holder(budget, count)
    deadline = time.monotonic() + WAIT
    while len(budget._waiting) == before:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return holder


def test_shares_that_fit_are_held_together_and_one_more_waits():
    budget = ByteBudget(100)
    first, second = Holder(budget, 60), Holder(budget, 40)
    assert first.held.wait(WAIT)
    assert second.held.wait(WAIT)
    third = queued(budget, 1)
    assert not third.held.wait(0.05)

    second.let_go()

    assert third.held.wait(WAIT)
    first.let_go()
    third.let_go()


def test_more_than_there_is_gets_everything_alone():
    budget = ByteBudget(100)
    small = Holder(budget, 1)
    assert small.held.wait(WAIT)
    huge = queued(budget, 1 << 60)
    assert not huge.held.wait(0.05)

    small.let_go()

    assert huge.held.wait(WAIT)
    huge.let_go()


def test_small_shares_never_overtake_a_large_one():
    budget = ByteBudget(100)
    first = Holder(budget, 50)
    assert first.held.wait(WAIT)
    large = queued(budget, 100)
    small = queued(budget, 1)
    assert not small.held.wait(0.05)

    first.let_go()

    assert large.held.wait(WAIT)
    large.let_go()
    assert small.held.wait(WAIT)
    small.let_go()


def test_one_release_serves_everybody_who_fits():
    budget = ByteBudget(100)
    first = Holder(budget, 100)
    assert first.held.wait(WAIT)
    waiting = [queued(budget, 10) for _ in range(10)]

    first.let_go()

    assert all(holder.held.wait(WAIT) for holder in waiting)
    for holder in waiting:
        holder.let_go()


def test_a_share_is_given_back_when_its_holder_fails():
    budget = ByteBudget(10)
    with pytest.raises(ZeroDivisionError), budget.of(10):
        raise ZeroDivisionError

    with budget.of(10):
        pass


@pytest.mark.parametrize("count", [0, -1])
def test_nothing_is_free_even_when_all_is_taken(count):
    budget = ByteBudget(10)
    with budget.of(10), budget.of(count):
        pass


def test_many_threads_with_odd_shares_all_come_through():
    budget = ByteBudget(1000)
    taken, most, lock = [0], [0], threading.Lock()

    def work(seed: int) -> None:
        for n in range(50):
            count = (seed * 7919 + n * 104729) % 1500 + 1
            with budget.of(count):
                with lock:
                    taken[0] += min(count, 1000)
                    most[0] = max(most[0], taken[0])
                with lock:
                    taken[0] -= min(count, 1000)

    threads = [threading.Thread(target=work, args=(seed,), daemon=True) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)

    assert not any(thread.is_alive() for thread in threads)
    assert most[0] <= 1000


SETTINGS = Fetch(
    single_get_bytes=100_000, sniff_bytes=4096, max_picture_bytes=3 << 20, max_object_bytes=9 << 20
)


@pytest.mark.parametrize("kind", ["picture", "video", "other"])
@pytest.mark.parametrize("size", [0, 1, 100_000, 100_001, 3 << 20, (3 << 20) + 1, 9 << 20, (9 << 20) + 1])
def test_the_need_covers_what_is_kept_of_any_kind_of_object(kind, size):
    content = fetch(ref_of(size), BrittleSource(body_of(kind, size)), SETTINGS, patient()[0])

    assert len(content.data or b"") <= memory_need(ref_of(size), SETTINGS)


def test_what_is_never_kept_needs_no_more_than_its_head_and_a_chunk():
    assert memory_need(ref_of((9 << 20) + 1), SETTINGS) == 0
    assert memory_need(ref_of(9 << 20), SETTINGS) == 4096 + (1 << 20)
    assert memory_need(ref_of(10), SETTINGS) == 20
