"""Shards are made by whoever takes them, however often: what comes of it is the table of the plain loop."""

import random
import shutil
from datetime import UTC, datetime

import pytest

from scanner.errors import HashListError, WorkspaceError
from scanner.hashlist.building import make_shard, plainly, telling, works_of
from scanner.hashlist.entries import table_of_entries
from scanner.hashlist.ranges import survey
from scanner.hashlist.shard import stem_of
from scanner.hashlist.snapshot import make_active
from scanner.hashlist.table import build_table
from scanner.hashlist.writing import put_snapshot
from scanner.records import ALGORITHM_BYTES, HashEntry
from scanner.workspace import make_folder
from tests.unit.hashlist import lists
from tests.unit.hashlist.lists import merge_entries

AT = datetime(2026, 9, 1, 2, tzinfo=UTC)
DISTANCES = {"pdq": 31, "phash": 4, "dhash": 3, "whash": 3}
ENTRIES = 10 * len(ALGORITHM_BYTES)


@pytest.fixture
def snapshots(workspace):
    entries = [
        HashEntry("iwf", "", f"e{n}", algorithm, lists.value(algorithm, n), tags=("a",))
        for algorithm in ALGORITHM_BYTES
        for n in range(10)
    ]
    table = merge_entries(table_of_entries(entries)).table
    return [make_active(workspace, "iwf", put_snapshot(workspace, "iwf", table, {}), AT)]


@pytest.fixture
def works(tmp_path, snapshots):
    """The shards of a table of up to four entries each, and a folder for them."""
    made = works_of(tmp_path / "half", snapshots, survey(snapshots), DISTANCES, 4)
    for algorithm in ALGORITHM_BYTES:
        make_folder(tmp_path / "half" / algorithm)
    return made


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shuffled(work):
    """Make shards in another order, each twice."""
    mixed = [*work, *work]
    random.Random(1).shuffle(mixed)
    for one in mixed:
        yield one, make_shard(one)


def test_shards_that_are_made_in_any_order_and_twice_are_the_same_table(workspace, snapshots):
    path = build_table(workspace, snapshots, DISTANCES, 3).path
    plain = files(path)
    assert len(plain) > 3 * ENTRIES / 4
    shutil.rmtree(path)
    table = build_table(workspace, snapshots, DISTANCES, 3, shuffled)
    table.verify()
    assert files(table.path) == plain


def test_a_shard_that_is_made_again_finds_its_files_and_says_the_same_of_them(works, bands):
    for one in works:
        first = make_shard(one)
        before = files(one.folder)
        assert make_shard(one) == first
        assert files(one.folder) == before


def test_a_shard_whose_maker_died_in_the_midst_is_made_whole_and_says_the_same(works, bands):
    work = next(one for one in works if one.algorithm == "pdq")
    facts = make_shard(work)
    whole = files(work.folder)
    assert len(facts["files"]) == 5
    for name in facts["files"]:
        (work.folder / "pdq" / f"{work.number:05}.{name}").unlink()
        assert make_shard(work) == facts
        assert files(work.folder) == whole


@pytest.fixture
def bands(monkeypatch):
    """Group the few values here by bands, as those of large lists are."""
    from scanner.hashlist import indices
    from scanner.hashlist.bands import Band

    monkeypatch.setattr(indices, "plan", lambda bits, limit, count: (Band(0, 4, limit),))


def test_a_shard_of_a_table_that_was_given_up_does_not_bring_it_back(works):
    shutil.rmtree(works[0].folder)
    with pytest.raises(OSError, match="cannot be written"):
        make_shard(works[0])
    assert not works[0].folder.exists()


def test_files_that_a_dead_worker_left_half_written_are_not_part_of_the_table(workspace, snapshots):
    path = build_table(workspace, snapshots, DISTANCES, 3).path
    plain = files(path)
    shutil.rmtree(path)

    def littering(work):
        for one, facts in plainly(work):
            stem = stem_of(one.folder, one.algorithm, one.number)
            stem.with_name(f".{stem.name}.values.npy.{'0' * 16}.tmp").write_bytes(b"half")
            yield one, facts

    assert files(build_table(workspace, snapshots, DISTANCES, 3, littering).path) == plain


@pytest.mark.parametrize(
    ("trouble", "raised"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (HashListError("decayed"), HashListError),
        (OSError(28, "No space left on device"), WorkspaceError),
    ],
    ids=["Ctrl-C", "a list", "the disk"],
)
def test_a_table_that_is_given_up_leaves_nothing_behind_once_its_builder_has_ended(
    workspace, snapshots, trouble, raised
):
    seen = []

    def failing(work):
        try:
            yield work[0], make_shard(work[0])
            raise trouble
        finally:
            seen.extend(workspace.tables.iterdir())

    with pytest.raises(raised):
        build_table(workspace, snapshots, DISTANCES, 3, failing)
    assert len(seen) == 1
    assert list(workspace.tables.iterdir()) == []


@pytest.mark.parametrize("shard_values", [ENTRIES - 1, ENTRIES])
def test_a_builder_is_asked_only_where_there_is_more_than_one_shard_holds(workspace, snapshots, shard_values):
    asked = []

    def builder(work):
        asked.append(len(work))
        yield from plainly(work)

    build_table(workspace, snapshots, DISTANCES, shard_values, builder)
    build_table(workspace, snapshots, DISTANCES, shard_values, builder)
    assert asked == ([len(ALGORITHM_BYTES)] if shard_values < ENTRIES else [])


def test_how_far_a_table_is_is_told_without_a_value(works):
    heard = []
    builder = telling(plainly, lambda name, **facts: heard.append((name, facts)))
    assert [one for one, _ in builder(works)] == works
    assert heard[0] == ("table begins", {"entries": ENTRIES, "shards": len(works)})
    assert heard[1:] == [("table grows", {"shards_done": n + 1}) for n in range(len(works))]


def test_the_name_of_a_shard_holds_no_value(works):
    names = [one.name for one in works]
    assert len(set(names)) == len(names)
    assert set(names) >= {"md5-00000", "pdq-00002"}
