"""The listing of all targets: in order, ahead of the work, frozen, and in spite of one that fails."""

import threading
import time

import pytest

from scanner.config import Config, Run, Target
from scanner.errors import WorkspaceError
from scanner.inventory import read_part
from scanner.listing import Frozen, Listing
from scanner.target import places_of
from tests.line import write_store
from tests.unit.sweeps import RETRY, Heard


@pytest.fixture
def stores(tmp_path):
    """Three directories: of five files, of none, of two."""
    made = [tmp_path / name for name in ("first", "second", "third")]
    for folder, count in zip(made, (5, 0, 2), strict=True):
        folder.mkdir()
        write_store(folder, {f"{n}.txt": b"x" * n for n in range(count)})
    return made


@pytest.fixture
def listing(tmp_path, stores):
    """Return a function that makes a listing of the directories: one object a part, the last part empty."""

    def make(heard=None):
        targets = tuple(Target(url=store.as_uri()) for store in stores)
        config = Config(targets=targets, run=Run(part_objects=1))
        return Listing(places_of(targets), config, tmp_path / "inventory", RETRY, heard or Heard())

    return make


def keys(part):
    return [row.object.key for row in read_part(part.path)]


def test_all_targets_are_listed_in_order(listing):
    listed = listing()
    parts = list(listed)
    numbers = {target: [part.number for part in parts if part.target == target] for target in range(3)}
    assert numbers == {0: [0, 1, 2, 3, 4, 5], 1: [0], 2: [0, 1, 2]}
    assert parts == sorted(parts, key=lambda part: (part.target, part.number))
    assert [key for part in parts for key in keys(part)] == [
        *(f"{n}.txt" for n in range(5)),
        "0.txt",
        "1.txt",
    ]
    assert (listed.parts, listed.failures, listed.finished) == (parts, {}, True)


def test_what_is_listed_is_told_and_its_end_with_the_last_part_of_the_last_target(listing):
    heard = Heard()
    list(listing(heard))
    first, empty = [(1, False)] * 5, (0, False)
    assert heard.rows == [*first, empty, empty, (1, False), (1, False), (0, True)]


def test_a_target_that_cannot_be_listed_leaves_the_others_listed_and_the_listing_unfinished(listing, stores):
    heard = Heard()
    listed = listing(heard)
    stores[1].rmdir()
    parts = list(listed)
    assert [part.target for part in parts] == [0] * 6 + [2] * 3
    assert list(listed.failures) == [1]
    assert stores[1].as_uri() in listed.failures[1]
    assert not listed.finished
    ((name, facts),) = heard.events
    assert (name, facts["target"], facts["message"]) == ("listing failed", 1, listed.failures[1])


def test_a_listing_taken_up_says_what_was_frozen_not_what_is_there_now(listing, stores):
    before = list(listing())
    write_store(stores[0], {"0000-new.txt": b"new"})
    (stores[2] / "0.txt").unlink()
    assert list(listing()) == before


def test_a_listing_taken_up_goes_on_behind_what_was_frozen(listing, stores):
    whole = list(listing())
    for part in whole[1:]:
        part.path.unlink()
    write_store(stores[0], {"0.txt": b"changed since"})
    assert list(listing()) == whole


def test_the_listing_goes_on_while_the_work_on_a_part_lasts(listing):
    heard = Heard()
    parts = iter(listing(heard))
    next(parts)
    for _ in range(500):
        if len(heard.rows) == 10:
            break
        time.sleep(0.01)
    assert len(heard.rows) == 10
    assert len(list(parts)) == 9


def test_a_workspace_that_fails_while_listing_stops_the_run_in_the_thread_that_asked(listing, tmp_path):
    whole = list(listing())
    whole[1].path.write_bytes(b"damaged")
    listed = listing()
    with pytest.raises(WorkspaceError, match="not a readable Parquet file"):
        list(listed)
    assert not listed.finished


def test_a_listing_that_nobody_wants_any_more_leaves_no_thread(listing):
    parts = iter(listing())
    next(parts)
    parts.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "listing"]


def test_a_listing_that_is_stopped_says_what_it_froze_ahead(listing):
    heard = Heard()
    listed = listing(heard)
    parts = iter(listed)
    next(parts)
    for _ in range(500):
        if heard.rows[-1:] == [(0, True)]:
            break
        time.sleep(0.01)
    assert (len(listed.parts), listed.finished) == (1, False)
    listed.stop()
    assert (listed.parts, listed.finished) == (list(listing()), True)


def test_a_listing_that_is_stopped_on_the_way_freezes_nothing_more_and_is_not_finished(listing, tmp_path):
    class Slow(Heard):
        """A reporter that is told of the second part only once the listing was to stop."""

        def listed(self, objects, finished):
            super().listed(objects, finished)
            if len(self.rows) == 2:
                told.wait(10)

    told = threading.Event()
    listed = listing(Slow())
    parts = iter(listed)
    next(parts)
    threading.Timer(0.2, told.set).start()
    listed.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "listing"]
    assert [part.path.name for part in listed.parts] == ["000-000000.parquet", "000-000001.parquet"]
    assert sorted(path.name for path in (tmp_path / "inventory").iterdir()) == [
        part.path.name for part in listed.parts
    ]
    assert not listed.finished


def test_a_target_without_its_last_part_leaves_the_listing_unfinished(listing):
    whole = list(listing())
    next(part for part in whole if part.target == 1).path.unlink()
    listed = listing()
    listed.stop()
    assert (len(listed.parts), listed.finished) == (len(whole) - 1, False)


@pytest.mark.parametrize("failures", [{}, {1: "denied"}])
def test_a_frozen_listing_says_again_what_was_listed_and_what_was_not(listing, failures):
    listed, heard = listing(), Heard()
    list(listed)
    parts = [part for part in listed.parts if part.target not in failures]
    frozen = Frozen(parts, failures, heard)
    assert list(frozen) == parts == frozen.parts
    assert (frozen.failures, frozen.finished) == (failures, not failures)
    assert heard.rows == [(part.rows, part is parts[-1]) for part in parts]
    frozen.stop()
