import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scanner.errors import HashListError, WorkspaceError
from scanner.hashlist.entries import table_of_entries
from scanner.hashlist.snapshot import (
    active_snapshot,
    active_snapshots,
    check_name,
    make_active,
    open_snapshot,
    stale,
)
from scanner.hashlist.writing import put_snapshot
from scanner.records import HashEntry, records_of
from scanner.workspace import Workspace, parquet_bytes
from tests.unit.hashlist import lists
from tests.unit.hashlist.lists import merge_entries

AT = datetime(2026, 9, 1, 2, tzinfo=UTC)


def table(count=5, name="iwf"):
    rows = [HashEntry(name, "", f"e{n}", "md5", lists.value("md5", n)) for n in range(count)]
    return merge_entries(table_of_entries(rows)).table


def put(workspace, name="iwf", count=5):
    return make_active(workspace, name, put_snapshot(workspace, name, table(count, name), {}), AT)


def damage(path, change):
    header = json.loads(path.read_text())
    header.update(change)
    path.write_text(json.dumps(header))


def test_a_snapshot_holds_the_entries_that_were_put(workspace):
    snapshot = put(workspace)
    assert active_snapshot(workspace, "iwf") == snapshot
    assert open_snapshot(snapshot).equals(table())
    assert len(list(records_of(HashEntry, open_snapshot(snapshot)))) == 5
    assert snapshot.path == workspace.lists / "iwf" / snapshot.digest
    assert (snapshot.imported_at, snapshot.counts["entries"]) == (AT, 5)


def test_entries_are_written_in_groups_that_can_be_read_one_by_one(workspace, monkeypatch):
    monkeypatch.setattr("scanner.hashlist.writing.GROUP_ROWS", 3)
    with pq.ParquetFile(put(workspace, count=8).path / "entries.parquet") as file:
        assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [3, 3, 2]


def test_files_of_a_snapshot_are_private(workspace):
    put(workspace)
    modes = {path.stat().st_mode & 0o777 for path in workspace.lists.rglob("*") if path.is_file()}
    assert modes == {0o600}


def test_provenance_is_plain_and_holds_no_value(workspace):
    shown = json.dumps(put(workspace).provenance())
    assert '"entries": 5' in shown
    assert not any(leak in shown for n in range(5) for leak in lists.spellings(lists.value("md5", n)))


def test_there_are_no_snapshots_in_a_new_workspace(workspace):
    assert active_snapshots(workspace) == []
    assert active_snapshot(workspace, "iwf") is None


def test_active_snapshots_come_by_name_whatever_else_lies_there(workspace):
    put(workspace, "ncmec")
    put(workspace, "iwf")
    (workspace.lists / "aborted" / "0").mkdir(parents=True)
    assert [snapshot.list for snapshot in active_snapshots(workspace)] == ["iwf", "ncmec"]


def test_the_last_snapshot_made_active_is_the_active_one_and_the_others_stay(workspace):
    first, second = put(workspace, count=5), put(workspace, count=6)
    assert active_snapshots(workspace) == [second]
    assert len(open_snapshot(first)) == 5


def test_the_same_entries_give_the_same_snapshot_in_another_workspace(workspace, tmp_path):
    other = Workspace(tmp_path / "other").create()
    assert put(workspace).digest == put(other).digest


@pytest.mark.parametrize("damaged", ["entries.parquet", "snapshot.json"])
@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_a_damaged_snapshot_is_written_anew_when_it_is_put_again(workspace, damaged, content):
    snapshot = put(workspace)
    path = snapshot.path / damaged
    before = path.read_bytes()
    path.unlink() if content is None else path.write_bytes(content)
    assert put(workspace) == snapshot
    assert path.read_bytes() == before


def test_a_whole_snapshot_is_not_written_again(workspace):
    snapshot = put(workspace)
    before = (snapshot.path / "snapshot.json").stat().st_ino
    put_snapshot(workspace, "iwf", table(), {"file": "other.csv"})
    assert (snapshot.path / "snapshot.json").stat().st_ino == before


@pytest.mark.parametrize("content", [b"", b"PAR1", b"junk", None])
def test_entries_that_cannot_be_read_are_an_error_with_the_way_out(workspace, content):
    snapshot = put(workspace)
    path = snapshot.path / "entries.parquet"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(HashListError, match="hashsweep lists import NAME FILE") as error:
        open_snapshot(snapshot)
    assert str(path) in str(error.value)


def test_a_snapshot_that_cannot_be_written_is_an_error_about_the_workspace(workspace):
    (workspace.lists / "iwf").write_bytes(b"")
    with pytest.raises(WorkspaceError, match=r"iwf.*the snapshot cannot be written: Not a directory"):
        put(workspace)
    with pytest.raises(WorkspaceError, match="cannot be written"):
        make_active(workspace, "iwf", "0" * 64, AT)


def test_entries_that_were_changed_are_an_error(workspace):
    snapshot = put(workspace)
    (snapshot.path / "entries.parquet").write_bytes(parquet_bytes(table(4)))
    with pytest.raises(HashListError, match="not what was imported"):
        open_snapshot(snapshot)


def test_a_parquet_file_of_something_else_is_an_error(workspace):
    snapshot = put(workspace)
    (snapshot.path / "entries.parquet").write_bytes(parquet_bytes(pa.table({"a": [1]})))
    with pytest.raises(HashListError, match="not the entries of a list"):
        open_snapshot(snapshot)


@pytest.mark.parametrize("file", ["current.json", "snapshot.json"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 99}, "newer hashsweep"),
        ({"schema_version": "1"}, "not written by hashsweep"),
        ({"kind": "other"}, "not written by hashsweep"),
        ({"digest": 1}, "damaged"),
        ({"digest": "0" * 64}, "missing|belongs to another"),
        ({"digest": "../../x"}, "damaged|belongs to another"),
        ({"list": "other"}, "damaged|belongs to another"),
    ],
)
def test_a_foreign_newer_or_damaged_header_is_an_error_that_names_its_file(workspace, file, change, message):
    snapshot = put(workspace)
    path = snapshot.path / file if file == "snapshot.json" else snapshot.path.parent / file
    damage(path, change)
    with pytest.raises(HashListError, match=message) as error:
        active_snapshots(workspace)
    assert str(workspace.lists / "iwf") in str(error.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_pointer_that_is_no_json_of_ours_is_an_error(workspace, content):
    path = put(workspace).path.parent / "current.json"
    path.write_bytes(content)
    with pytest.raises(HashListError, match=r"current\.json: damaged"):
        active_snapshots(workspace)


def test_a_time_that_is_none_is_an_error(workspace):
    snapshot = put(workspace)
    damage(snapshot.path.parent / "current.json", {"imported_at": "soon"})
    with pytest.raises(HashListError, match="damaged"):
        active_snapshots(workspace)


@pytest.mark.parametrize("name", ["a", "iwf", "ncmec.npo-2_x", "0", "a" * 64])
def test_names_of_lists_are_plain(name):
    check_name(name)


@pytest.mark.parametrize("name", ["", "A", ".", "..", "-a", ".a", "a/b", "a b", "é", "a" * 65, "a\n", "../a"])
def test_other_names_are_refused(name):
    with pytest.raises(HashListError, match="no name for a list"):
        check_name(name)


def test_a_list_is_stale_when_it_is_older_than_its_age(workspace):
    snapshot = put(workspace)
    assert not stale(snapshot, 24, AT + timedelta(hours=24))
    assert stale(snapshot, 24, AT + timedelta(hours=24, seconds=1))
    assert not stale(snapshot, None, AT + timedelta(days=999))
    assert not stale(replace(snapshot, imported_at=AT + timedelta(days=1)), 24, AT)
