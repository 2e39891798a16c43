import base64
from datetime import UTC, datetime

import pytest

from scanner.config import ListPolicy
from scanner.hashlist.columns import NAMES_SEEN, NAMES_SHOWN, FileColumns
from scanner.hashlist.importer import import_list
from scanner.hashlist.row import COLUMNS
from scanner.records import ALGORITHM_BYTES
from tests.unit.hashlist import lists

AT = datetime(2026, 9, 1, 2, tzinfo=UTC)
WRITERS = {"csv": lists.write_csv, "jsonl": lists.write_jsonl, "parquet": lists.write_parquet}


def noted(*names, **mapped):
    columns = FileColumns(mapped)
    columns.note(names)
    return columns


@pytest.fixture
def bring(workspace, tmp_path):
    def bring(rows, suffix="csv", **mapped):
        path = WRITERS[suffix](tmp_path / f"a.{suffix}", rows)
        return import_list(workspace, "iwf", path, ListPolicy(columns=mapped), None, AT)

    return bring


@pytest.mark.parametrize("suffix", WRITERS)
def test_columns_that_are_used_for_nothing_are_named_in_the_report(bring, suffix):
    rows = [row | {"Note": "x", "Seen at": "y", "Status": "active"} for row in lists.rows("md5", 3)]
    report = bring(rows, suffix)
    assert report.to_dict()["unused_columns"] == ["note", "seen at"]
    assert report.to_dict()["unused_columns_not_named"] == 0
    assert "columns that are used for nothing: note, seen at" in report.describe()
    assert "used for nothing" not in bring(lists.rows("md5", 3), suffix).describe()


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_status_in_a_misspelt_column_is_pointed_out(bring, suffix):
    rows = [row | {"State": "withdrawn"} for row in lists.rows("md5", 3)]
    report = bring(rows, suffix)
    assert report.remarks == (
        "column 'state' is used for nothing: did you mean 'status'? "
        "columns.status in the list's settings maps it",
    )
    assert report.remarks[0] in report.describe()


def test_a_mapped_column_is_used_and_the_one_in_whose_place_it_stands_is_not(bring):
    rows = [row | {"State": "active", "status": "x"} for row in lists.rows("md5", 3)]
    report = bring(rows, status="STATE")
    assert report.to_dict()["unused_columns"] == ["status"]
    assert report.remarks == ()


def test_keys_that_only_some_json_lines_have_are_named_too(bring):
    rows = lists.rows("md5", 30)
    report = bring([*rows[:20], rows[20] | {"note": 1}, *rows[21:]], "jsonl")
    assert report.to_dict()["unused_columns"] == ["note"]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("state", "status"),
        ("statuses", "status"),
        ("entry id", "entry_id"),
        ("entry-id", "entry_id"),
        ("entryid", "entry_id"),
        ("modified", "modified_at"),
        ("classifications", "classification"),
        ("tag", "tags"),
    ],
)
def test_near_misses_are_guessed(name, column):
    (remark,) = noted("algorithm", "value", name).remarks()
    assert f"column {name!r} is used for nothing: did you mean {column!r}?" in remark


@pytest.mark.parametrize("name", ["note", "url", "photodna", "source", "created", "description"])
def test_other_names_are_not_guessed_at(name):
    assert noted("algorithm", "value", name).remarks() == []


def test_a_column_that_the_file_has_is_not_guessed():
    assert noted(*COLUMNS, "state", "tag").remarks() == []


@pytest.mark.parametrize("algorithm", ALGORITHM_BYTES)
@pytest.mark.parametrize("seed", range(20))
def test_a_value_where_a_name_belongs_is_counted_and_never_named(algorithm, seed):
    raw = lists.value(algorithm, seed)
    encoded = base64.b64encode(raw).decode().casefold()
    for name in (raw.hex(), f"x{raw.hex()}", f"md5 {raw.hex()}"):
        columns = noted(name, encoded)
        assert (columns.unused, columns.unnamed) == ([], 2)
        assert raw.hex()[:8] not in columns.describe() + str(columns.to_dict())


@pytest.mark.parametrize("name", ["", "1st", "a" * 41, "a,b", "näme", "a\nb", "=cmd", "[bold]"])
def test_what_does_not_look_like_a_name_is_only_counted(name):
    columns = noted(name)
    assert (columns.unused, columns.unnamed) == ([], 1)
    assert "1 whose names are not shown" in columns.describe()


def test_many_names_are_counted_and_no_more_of_them_held_than_there_is_room_for():
    columns = FileColumns({})
    for n in range(NAMES_SEEN + 500):
        columns.note([f"c{n}"])
    assert len(columns.unused) == NAMES_SHOWN
    assert columns.unnamed == NAMES_SEEN - NAMES_SHOWN
