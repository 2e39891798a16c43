"""The delta of two snapshots is what a set difference in plain Python says, however their files are cut."""

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import HashListError
from scanner.hashlist.delta import delta_of, withdrawn_keys
from scanner.hashlist.entries import table_of_entries
from scanner.hashlist.row import MATCHED_STATUSES, STATUSES
from scanner.hashlist.snapshot import make_active
from scanner.hashlist.stream import checked_entries
from scanner.hashlist.writing import put_snapshot
from scanner.records import HashEntry, records_of
from scanner.workspace import Workspace
from tests.unit.hashlist import lists
from tests.unit.hashlist.lists import merge_entries

AT = datetime(2026, 3, 1, tzinfo=UTC)
ALGORITHMS = ("md5", "pdq")


def entry(number, algorithm="md5", member="m", seed=None, **columns):
    value = lists.value(algorithm, number if seed is None else seed)
    return HashEntry("iwf", member, f"e{number}", algorithm, value, **columns)


entries = st.builds(
    entry,
    st.integers(0, 9),
    st.sampled_from(ALGORITHMS),
    st.sampled_from(["", "é", "m"]),
    st.integers(0, 2),
    classification=st.sampled_from([None, "", "A"]),
    scheme=st.sampled_from([None, "us"]),
    status=st.sampled_from(STATUSES),
    tags=st.sampled_from([(), ("",), ("x",), ("x", "y"), ("x\0y",)]),
    modified_at=st.sampled_from([None, AT, AT + timedelta(days=1)]),
)


def put(workspace, known):
    return make_active(
        workspace, "iwf", put_snapshot(workspace, "iwf", merge_entries(table_of_entries(known)).table, {}), AT
    )


def key(one):
    return (one.member, one.entry_id, one.algorithm)


def said(one):
    return replace(one, modified_at=None, media_type=None)


def kept(snapshot):
    if snapshot is None:
        return []
    rows = [one for table in checked_entries(snapshot) for one in records_of(HashEntry, table)]
    return [one for one in rows if one.status in MATCHED_STATUSES]


def withdrawn(delta):
    return [] if delta.withdrawn is None else pa.parquet.read_table(delta.withdrawn).to_pylist()


@settings(max_examples=80, derandomize=True, deadline=None)
@given(
    before=st.lists(entries, max_size=14), after=st.lists(entries, max_size=14), group_rows=st.integers(1, 5)
)
def test_the_delta_is_that_of_sets_however_the_files_are_cut(tmp_path_factory, before, after, group_rows):
    workspace = Workspace(tmp_path_factory.mktemp("delta") / "workspace").create()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scanner.hashlist.writing.GROUP_ROWS", group_rows)
        earlier, later = put(workspace, before), put(workspace, after)
    delta = delta_of(workspace, earlier, later)
    was, now = ({said(one) for one in kept(one)} for one in (earlier, later))
    added = [one for one in kept(later) if said(one) not in was]
    gone = sorted(key(one) for one in was - now)
    assert kept(delta.added) == added
    assert [(row["member"], row["entry_id"], row["algorithm"]) for row in withdrawn(delta)] == gone
    assert (delta.added_entries, delta.withdrawn_entries) == (len(added), len(gone))
    assert (delta.added is None, delta.withdrawn is None) == (not added, not gone)
    asked = sorted({*(key(one) for one in was | now), ("m", "never", "md5")})
    columns = dict(zip(("member", "entry_id", "algorithm"), map(list, zip(*asked, strict=True)), strict=True))
    keys = pa.table({"list": ["iwf"] * len(asked), **columns})
    assert withdrawn_keys([delta], keys).tolist() == [one in gone for one in asked]


@pytest.fixture
def two(workspace):
    """Return two snapshots: one entry of three stays, one is new, and one says something else."""
    before = [entry(n, classification="A") for n in range(3)]
    after = [entry(0, classification="A"), entry(1, classification="B"), entry(7)]
    return put(workspace, before), put(workspace, after)


def test_a_new_list_is_its_own_delta_and_a_list_that_is_gone_is_withdrawn_whole(workspace, two):
    _, later = two
    new = delta_of(workspace, None, later)
    assert (new.added, new.withdrawn, new.added_entries) == (later, None, 3)
    gone = delta_of(workspace, later, None)
    assert (gone.added, gone.withdrawn_entries) == (None, 3)


def test_keys_of_another_list_are_not_withdrawn(workspace, two):
    delta = delta_of(workspace, *two)
    keys = pa.table(
        {"list": ["iwf", "other"], "member": ["m"] * 2, "entry_id": ["e2"] * 2, "algorithm": ["md5"] * 2}
    )
    assert withdrawn_keys([delta], keys).tolist() == [True, False]
    assert withdrawn_keys([delta], keys.slice(0, 0)).tolist() == []


def test_a_delta_is_put_once_and_is_private(workspace, two):
    first = delta_of(workspace, *two)
    times = {path: path.stat().st_mtime_ns for path in workspace.deltas.rglob("*")}
    assert delta_of(workspace, *two) == first
    assert {path: path.stat().st_mtime_ns for path in workspace.deltas.rglob("*")} == times
    modes = {stat.S_IMODE(path.stat().st_mode) for path in times if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in times if path.is_dir()} == {0o700}


def test_a_damaged_snapshot_makes_no_delta(workspace, two):
    earlier, later = two
    file = later.path / "entries.parquet"
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(HashListError, match="import the list again") as refused:
        delta_of(workspace, earlier, later)
    assert not any(
        spelling in str(refused.value)
        for n in range(8)
        for spelling in lists.spellings(lists.value("md5", n))
    )
    assert not [path for path in workspace.deltas.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["delta.json", "withdrawn.parquet"])
@pytest.mark.parametrize("damage", [None, b"", b"{}", b"x" * 40])
def test_a_damaged_delta_is_refused_with_what_to_do(workspace, two, name, damage):
    delta_of(workspace, *two)
    (file,) = workspace.deltas.rglob(name)
    file.unlink() if damage is None else file.write_bytes(damage)
    with pytest.raises(HashListError, match="remove the delta's folder; the next rematch makes it again"):
        delta_of(workspace, *two)


def test_a_delta_under_the_name_of_another_is_refused(workspace, two):
    delta_of(workspace, *two)
    (folder,) = (path.parent for path in workspace.deltas.rglob("delta.json"))
    delta_of(workspace, *reversed(two))
    (other,) = (path.parent for path in workspace.deltas.rglob("delta.json") if path.parent != folder)
    folder.rename(folder.with_name("aside"))
    other.rename(folder)
    with pytest.raises(HashListError, match="another delta than its name says"):
        delta_of(workspace, *two)
