"""Lists whose rows hold all hashes of a picture, each in a column of its own, as settings map them."""

import json
from pathlib import Path

import pytest

from scanner.cli.lists import FORMATS
from scanner.config import ListPolicy
from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats import CANONICAL, READERS, read_rows
from scanner.hashlist.importer import import_list
from scanner.hashlist.snapshot import open_snapshot
from scanner.hashlist.values import Refusal
from tests.unit.hashlist import lists
from tests.unit.sweeps import NOW

COLUMNS = {
    "entry_id": "Image ID",
    "classification": "Category",
    "md5": "MD5",
    "sha1": "SHA1",
    "pdq": "PDQ",
    "photodna": "PhotoDNA",
}


def record(number, *algorithms, **more):
    hashes = {COLUMNS[name]: lists.value(name, number).hex() for name in algorithms}
    empty = {COLUMNS[name]: "" for name in ("md5", "sha1", "pdq", "photodna")}
    return {"Image ID": f"i{number}", "Category": "ABC"[number % 3], **empty, **hashes, **more}


def write_json(path, listed):
    path.write_text(json.dumps(listed))
    return path


WRITERS = {
    "csv": lists.write_csv,
    "json": write_json,
    "jsonl": lists.write_jsonl,
    "parquet": lists.write_parquet,
}


def read(file, name, columns=None):
    return list(read_rows(file, name, FileColumns(COLUMNS if columns is None else columns)))


def test_every_format_whose_columns_can_be_mapped_is_tried():
    assert WRITERS.keys() == CANONICAL.keys()


@pytest.mark.parametrize("name", WRITERS)
def test_each_hash_of_a_picture_is_a_row_and_one_without_any_is_refused(tmp_path, name):
    listed = [record(1, "md5", "sha1"), record(2, "pdq", PhotoDNA="1,2,3"), record(3)]
    found = read(WRITERS[name](tmp_path / "list", listed), name)
    told = [row if isinstance(row, Refusal) else (row["entry_id"], row["algorithm"]) for _, row in found]
    assert told == [("i1", "md5"), ("i1", "sha1"), ("i2", "pdq"), ("i2", "photodna"), Refusal.MISSING_VALUE]
    assert [row["classification"] for _, row in found if not isinstance(row, Refusal)] == ["B", "B", "C", "C"]


def test_one_that_is_withdrawn_ends_the_entries_of_all_its_hashes(tmp_path, workspace):
    listed = [record(number, "md5", "sha1", "pdq", status="active") for number in range(4)]
    listed.append({**record(2), "status": "Withdrawn"})
    file = lists.write_csv(tmp_path / "list.csv", listed)
    report = import_list(workspace, "iwf", file, ListPolicy(columns=COLUMNS), None, NOW)
    table = open_snapshot(report.snapshot)
    assert set(table.column("entry_id").to_pylist()) == {"i0", "i1", "i3"}
    assert len(table) == 9


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"md6": "MD6"}, "'md6' is not a column of a list, nor an algorithm"),
        ({"md5": "MD5", "value": "Hash"}, "algorithm and value, or a column for each algorithm"),
    ],
)
def test_a_map_that_cannot_be_meant_is_refused(columns, message):
    with pytest.raises(HashListError, match=message):
        FileColumns(columns)


@pytest.mark.parametrize("name", WRITERS)
def test_a_mapped_column_that_the_file_does_not_have_is_said(tmp_path, name):
    file = WRITERS[name](tmp_path / "list", [record(1, "md5")])
    with pytest.raises(HashListError, match=r"SHA-256.*columns\.sha256"):
        read(file, name, {**COLUMNS, "sha256": "SHA-256"})


@pytest.mark.parametrize("name", sorted(READERS.keys() - CANONICAL.keys()))
def test_formats_with_columns_of_their_own_take_no_map(tmp_path, name):
    with pytest.raises(HashListError, match=rf"can be mapped in .*, not in {name}"):
        read(tmp_path / "list", name)


@pytest.mark.parametrize(
    ("content", "message"),
    [("[]", "no array of objects"), ("{}", "no array of objects"), ("[1", "cut off"), ("a,b", "not a JSON")],
)
def test_a_json_document_that_is_no_array_of_objects_is_no_list(tmp_path, content, message):
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(HashListError, match=message):
        read(tmp_path / "list.json", "json", {})


def test_items_of_a_json_array_that_are_no_objects_are_refused_one_by_one(tmp_path):
    one = {"Algorithm": "md5", "value": lists.value("md5", 1).hex()}
    (tmp_path / "list.json").write_text(json.dumps([one, 7, [], {}, None, {"a": 1, "A": 2}]))
    first, *others = read(tmp_path / "list.json", "json", {})
    assert first[1]["value"] == one["value"]
    assert others == [(number, Refusal.MALFORMED_ROW) for number in range(2, 7)]


def test_help_and_readme_name_every_format():
    readme = (Path(__file__).parents[4] / "README.md").read_text()
    assert sorted(READERS) == FORMATS.split(", ")
    assert all(f"`{name}`" in readme for name in READERS.keys() - CANONICAL.keys())
