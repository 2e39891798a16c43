"""Parts at rest: put once, byte for byte the same for the same content, refused when they are not ours."""

import hashlib
import itertools
import json
import stat

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.config import Select
from scanner.config import Target as Settings
from scanner.errors import StoreError, WorkspaceError
from scanner.inventory import frozen_parts, list_parts, read_part
from scanner.inventory.parts import freeze_parts
from scanner.records import Listed, Match, Outcome, schema_of, table_of
from scanner.retry import Retry
from scanner.target import place_of
from scanner.workspace import parquet_bytes
from tests.unit.inventory.listings import listing, version

RETRY = Retry(1, 0.1, 1.0)


def freeze(items, folder, rules=None, part_objects=100, frozen=()):
    return list(freeze_parts(iter(items), 0, folder, rules or Select(), part_objects, list(frozen)))


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_parts_give_back_every_row_in_order(tmp_path):
    items = listing(1000)
    parts = freeze(items, tmp_path)
    assert [row for part in parts for row in read_part(part.path)] == [i.listed for i in items if i.listed]
    assert [part.path.name for part in parts[:2]] == ["000-000000.parquet", "000-000001.parquet"]
    assert [part.rows for part in parts] == [len(read_part(part.path)) for part in parts]
    assert sum(part.bytes for part in parts) == sum(i.listed.object.size for i in items if i.listed)
    assert sum(part.delete_markers for part in parts) == sum(i.listed is None for i in items)


def test_hostile_names_survive_a_part(tmp_path):
    keys = [
        "a+b",
        "100%",
        "new\nline",
        "tab\t",
        "a//b",
        "/lead",
        "../up",
        "ü/日本/😀",
        "\x00\x01",
        "k" * 1024,
    ]
    items = [version(key) for key in keys] + [version(r"\xff", key_bytes=b"\xff")]
    (part,) = freeze(items, tmp_path)
    rows = [row.object for row in read_part(part.path)]
    assert [row.key for row in rows] == [*keys, r"\xff"]
    assert rows[-1].key_bytes == b"\xff"


def test_a_part_is_private_and_named_by_nothing_but_its_place_in_the_listing(tmp_path):
    (part,) = freeze(listing(10), tmp_path / "new" / "folder")
    assert stat.S_IMODE(part.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(part.path.parent.stat().st_mode) == 0o700
    assert part.digest == hashlib.sha256(part.path.read_bytes()).hexdigest()


def test_frozen_parts_are_what_was_yielded_when_they_were_put(tmp_path):
    parts = freeze(listing(1000), tmp_path)
    assert frozen_parts(tmp_path, 0) == parts
    assert frozen_parts(tmp_path, 1) == []
    assert frozen_parts(tmp_path / "missing", 0) == []


def test_targets_with_long_numbers_are_kept_apart(tmp_path):
    for target in (1, 10, 100, 1000):
        list(freeze_parts(iter(listing(10)), target, tmp_path, Select(), 100, []))
    assert [len(frozen_parts(tmp_path, target)) for target in (1, 10, 100, 1000)] == [1, 1, 1, 1]


def test_excluded_objects_stay_rows_and_are_counted(tmp_path):
    items = [version("a.jpg", size=5), version("b.log", size=7)]
    (part,) = freeze(items, tmp_path, Select(exclude=["*.log"]))
    assert [row.outcome for row in read_part(part.path)] == [None, Outcome.EXCLUDED]
    assert (part.rows, part.bytes) == (2, 12)


def test_equal_listings_give_equal_bytes(tmp_path):
    freeze(listing(1000), tmp_path / "one")
    freeze(listing(1000), tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_new_object_leaves_nearly_all_parts_byte_equal(tmp_path):
    items = listing(6000)
    before = {part.digest for part in freeze(items, tmp_path / "before")}
    items.insert(3000, version("pictures/00002100-new.jpg", "new"))
    after = {part.digest for part in freeze(items, tmp_path / "after")}
    assert len(after - before) <= 5
    assert len(before) > 45


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    count=st.integers(0, 60),
    seed=st.integers(0, 5),
    part_objects=st.integers(1, 10),
    sample=st.none() | st.integers(1, 40),
    killed=st.integers(0, 40),
)
def test_a_killed_listing_goes_on_to_the_same_files(
    tmp_path_factory, count, seed, part_objects, sample, killed
):
    items, rules = listing(count, seed), Select(sample=sample)
    whole, resumed = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("resumed")
    freeze(items, whole, rules, part_objects)
    list(itertools.islice(freeze_parts(iter(items), 0, resumed, rules, part_objects, []), killed))
    frozen = frozen_parts(resumed, 0)
    if not frozen or not frozen[-1].last:
        behind = [item.resume for item in items].index(frozen[-1].resume) + 1 if frozen else 0
        freeze(items[behind:], resumed, rules, part_objects, frozen)
    assert contents(resumed) == contents(whole)


def test_one_part_at_a_time_is_put_while_the_listing_goes_on(tmp_path):
    taken = []
    items = (taken.append(item) or item for item in listing(1000))
    part = next(freeze_parts(items, 0, tmp_path, Select(), 100, []))
    assert len(taken) <= 300
    assert [path.name for path in tmp_path.iterdir()] == [part.path.name]


def test_two_listings_into_one_folder_are_refused(tmp_path):
    freeze(listing(10), tmp_path)
    with pytest.raises(WorkspaceError, match="another run"):
        freeze(listing(10), tmp_path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match=r"000-000000\.parquet: cannot be written"):
        freeze(listing(10), tmp_path / "file")


def test_a_missing_part_is_an_error_and_not_a_gap(tmp_path):
    freeze(listing(1000), tmp_path)
    (tmp_path / "000-000002.parquet").unlink()
    with pytest.raises(WorkspaceError, match="part 2 of target 0 is missing"):
        frozen_parts(tmp_path, 0)


def test_left_over_temporary_files_are_no_parts(tmp_path):
    parts = freeze(listing(10), tmp_path)
    (tmp_path / ".000-000001.parquet.0123456789abcdef.tmp").write_bytes(b"half")
    assert frozen_parts(tmp_path, 0) == parts


def foreign_parts():
    table = table_of(Listed, [version("a").listed])
    newer = {**table.schema.metadata, b"hashsweep.part": b"{}", b"hashsweep.schema_version": b"999"}
    other = {**schema_of(Match).metadata, b"hashsweep.part": b"{}"}
    short = table.drop_columns(["etag"])
    return {
        "nothing": (b"", "not a readable Parquet file"),
        "text": (b"hello" * 100, "not a readable Parquet file"),
        "cut short": (parquet_bytes(table)[:-20], "not a readable Parquet file"),
        "a table of somebody else": (parquet_bytes(pa.table({"a": [1]})), "not an inventory part"),
        "rows that are no part": (parquet_bytes(table), "not an inventory part"),
        "another record": (
            parquet_bytes(table_of(Match, []).replace_schema_metadata(other)),
            "not an inventory part",
        ),
        "a newer version": (parquet_bytes(table.replace_schema_metadata(newer)), "newer hashsweep"),
        "a column less": (
            parquet_bytes(short.replace_schema_metadata({**table.schema.metadata, b"hashsweep.part": b"{}"})),
            "not an inventory part of this version",
        ),
    }


@pytest.mark.parametrize("kind", foreign_parts())
@pytest.mark.parametrize("read", [read_part, lambda path: frozen_parts(path.parent, 0)], ids=["read", "find"])
def test_a_foreign_file_is_refused_by_name(tmp_path, kind, read):
    data, message = foreign_parts()[kind]
    path = tmp_path / "000-000000.parquet"
    path.write_bytes(data)
    with pytest.raises(WorkspaceError, match=message) as raised:
        read(path)
    assert str(path) in str(raised.value)


def test_an_outcome_that_does_not_exist_is_damage(tmp_path):
    (part,) = freeze([version("a")], tmp_path)
    damaged = table_of(Listed, read_part(part.path)).to_pylist()
    damaged[0]["outcome"] = "unheard of"
    table = pa.Table.from_pylist(damaged, schema=schema_of(Listed))
    metadata = {**table.schema.metadata, b"hashsweep.part": b"{}"}
    path = tmp_path / "damaged.parquet"
    path.write_bytes(parquet_bytes(table.replace_schema_metadata(metadata)))
    with pytest.raises(WorkspaceError, match="damaged"):
        read_part(path)


def test_a_part_that_is_not_there_is_said(tmp_path):
    with pytest.raises(WorkspaceError, match="missing"):
        read_part(tmp_path / "000-000000.parquet")


def test_a_file_with_a_name_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "000-old.parquet").write_bytes(b"")
    with pytest.raises(WorkspaceError, match="not an inventory part"):
        frozen_parts(tmp_path, 0)


def test_nothing_in_a_part_tells_when_or_by_whom_it_was_listed(tmp_path):
    (part,) = freeze([version("a")], tmp_path)
    header = json.loads(pa.parquet.read_schema(part.path).metadata[b"hashsweep.part"])
    assert header == {
        "bytes": 100,
        "delete_markers": 0,
        "last": True,
        "resume": ["versions", "a", "null"],
        "sampled": False,
    }


@pytest.fixture
def directory(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    for n in range(30):
        (root / f"{n:02d}.jpg").write_bytes(b"x" * n)
    return place_of(Settings(url=f"file://{root}"))


def test_a_directory_is_listed_once_and_then_read_from_its_parts(tmp_path, directory):
    folder = tmp_path / "parts"
    first = list(list_parts(directory, 0, folder, Select(), 5, RETRY, None))
    (tmp_path / "root" / "later.jpg").write_bytes(b"new")
    assert list(list_parts(directory, 0, folder, Select(), 5, RETRY, None)) == first
    assert sum(part.rows for part in first) == 30


def test_a_killed_listing_of_a_directory_goes_on_behind_its_last_part(tmp_path, directory):
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    list(list_parts(directory, 0, whole, Select(), 5, RETRY, None))
    for _ in range(3):
        list(itertools.islice(list_parts(directory, 0, resumed, Select(), 5, RETRY, None), 2))
    list(list_parts(directory, 0, resumed, Select(), 5, RETRY, None))
    assert contents(resumed) == contents(whole)


def test_an_empty_directory_has_one_last_part_without_rows(tmp_path):
    (tmp_path / "root").mkdir()
    place = place_of(Settings(url=f"file://{tmp_path / 'root'}"))
    (part,) = list_parts(place, 0, tmp_path / "parts", Select(), 5, RETRY, None)
    assert (part.rows, part.last, part.sampled) == (0, True, False)


def test_a_sample_of_a_directory_stops_and_says_so(tmp_path, directory):
    parts = list(list_parts(directory, 0, tmp_path / "parts", Select(sample=7), 5, RETRY, None))
    assert sum(part.rows for part in parts) == 7
    assert (parts[-1].last, parts[-1].sampled) == (True, True)


def test_a_directory_that_went_away_is_an_error_of_the_store(tmp_path):
    (tmp_path / "root").mkdir()
    place = place_of(Settings(url=f"file://{tmp_path / 'root'}"))
    (tmp_path / "root").rmdir()
    with pytest.raises(StoreError, match="cannot be read"):
        list(list_parts(place, 0, tmp_path / "parts", Select(), 5, RETRY, None))
