import codecs
import contextlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats import canonical, format_of, lines, read_rows
from scanner.hashlist.row import entry_of
from scanner.hashlist.values import Refusal
from tests.unit.hashlist import lists

A, B = lists.value("md5", 1).hex(), lists.value("md5", 2).hex()


def read(path, columns=None, name=None):
    return list(read_rows(path, format_of(path, name), FileColumns(columns or {})))


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("a.csv", "csv"),
        ("a.CSV", "csv"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.parquet", "parquet"),
    ],
)
def test_the_extension_tells_the_format(tmp_path, name, known):
    assert format_of(tmp_path / name, None) == known


def test_the_named_format_stands_over_the_extension(tmp_path):
    assert format_of(tmp_path / "a.csv", "jsonl") == "jsonl"


@pytest.mark.parametrize(("name", "named"), [("a.txt", None), ("a", None), ("a.csv", "xlsx")])
def test_an_unknown_format_is_an_error_that_names_the_known_ones(tmp_path, name, named):
    with pytest.raises(HashListError, match=r"csv, json, jsonl, .*parquet"):
        format_of(tmp_path / name, named)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_with_either_line_end_with_or_without_byte_order_mark(file, mark, end):
    path = file(
        "a.csv", mark + end.join(["algorithm,value,entry_id", f"md5,{A},1", f'md5,{B},"a,""b"""', ""])
    )
    assert read(path) == [
        (2, {"algorithm": "md5", "value": A, "entry_id": "1"}),
        (3, {"algorithm": "md5", "value": B, "entry_id": 'a,"b"'}),
    ]


def test_csv_lines_are_counted_over_blank_lines_and_quoted_line_ends(file):
    path = file("a.csv", f'algorithm,value,entry_id\n\nmd5,{A},"x\ny"\n\nmd5,{B},z')
    assert [(number, row["entry_id"]) for number, row in read(path)] == [(3, "x\ny"), (6, "z")]


def test_a_csv_header_is_read_in_any_case_and_order_and_other_columns_are_left(file):
    path = file("a.csv", f" Value ,note,ALGORITHM\n{A},x,md5\n")
    assert read(path) == [(2, {"algorithm": "md5", "value": A})]


@pytest.mark.parametrize("row", [f"md5,{A}", f"md5,{A},1,2", "md5"])
def test_a_ragged_csv_row_is_refused_and_the_rest_is_read(file, row):
    path = file("a.csv", f"algorithm,value,entry_id\n{row}\nmd5,{B},2\n")
    assert read(path) == [
        (2, Refusal.MALFORMED_ROW),
        (3, {"algorithm": "md5", "value": B, "entry_id": "2"}),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 must name the columns"),
        (b"\n\n", "line 1 must name the columns"),
        (f"md5,{A}\nmd5,{B}\n".encode(), "no column 'algorithm'"),
        (f"algorithm,hash\nmd5,{A}\n".encode(), "no column 'value'"),
        (f"algorithm,value,VALUE\nmd5,{A},{B}\n".encode(), "more than one column 'value'"),
        (f'algorithm,value\nmd5,"{A}\nmd5,{B}\n'.encode(), "line 2: quoting"),
        (f'algorithm,value\nmd5,{A}\nmd5,"{B}"x\n'.encode(), "line 3: quoting"),
        (b'algorithm,value\nmd5,"' + b"x" * 200_000 + b'"\n', "line 2: quoting"),
        (f"algorithm,value\nmd5,{A}\nmd\xe9,{B}\n".encode("latin-1"), "line 3: not UTF-8"),
        (f"algorithm,value\nmd5,{A}\n".encode("utf-16"), "line 1: not UTF-8"),
        (bytes(range(128, 256)), "line 1: not UTF-8"),
    ],
)
def test_a_broken_csv_file_is_an_error_with_file_and_line(file, content, message):
    path = file("a.csv", content)
    with pytest.raises(HashListError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)
    assert not any(leak in str(error.value) for raw in (A, B) for leak in lists.spellings(bytes.fromhex(raw)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"algorithm,value\rmd5,{A}\rmd5,{B}\r", "line 1: its line ends are CR alone; save the file with LF"),
        (f"algorithm,value\nmd5,{A}\rmd5,{B}\r\n", "line 2: its line ends are CR alone"),
        ("a,b\r" + "x,y\r" * (lines.MAX_LINE // 4), "longer than .* its line ends are CR alone"),
        (f"algorithm;value\nmd5;{A}\n", "line 1: semicolons stand between the columns; save .* with commas"),
        (f'"Algorithm";"Value"\n"md5";"{A}"\n', "line 1: semicolons stand between"),
        (f"Type\tValue\r\nmd5\t{A}\r\n", "line 1: tabs stand between"),
        (f"\n\n value | algorithm \n{A}|md5\n", "line 3: bars stand between"),
    ],
)
def test_line_ends_and_separators_of_other_programs_are_named_with_the_way_out(file, content, message):
    path = file("a.csv", content)
    with pytest.raises(HashListError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)
    assert A not in str(error.value)


def test_mapped_names_tell_other_separators_too(file):
    with pytest.raises(HashListError, match="tabs stand between the columns"):
        read(file("a.csv", f"Type\tHash\nmd5\t{A}\n"), {"algorithm": "type", "value": "hash"})


def test_a_header_of_values_is_not_taken_for_other_separators(file):
    with pytest.raises(HashListError, match="no column 'algorithm'"):
        read(file("a.csv", f"{A};{B}\n"))


def test_mapped_columns_stand_for_the_canonical_ones(file):
    columns = {"algorithm": "Type", "value": "Hash", "classification": "Grade"}
    row = {"Type": "md5", "Hash": A, "Grade": "A", "value": B}
    expected = {"algorithm": "md5", "value": A, "classification": "A"}
    for path in (
        lists.write_csv(file("a.csv", ""), [row]),
        lists.write_jsonl(file("a.jsonl", ""), [row]),
        lists.write_parquet(file("a.parquet", ""), [row]),
    ):
        ((_, got),) = read(path, columns)
        assert {name: value for name, value in got.items() if value is not None} == expected


@pytest.mark.parametrize("write", [lists.write_csv, lists.write_jsonl, lists.write_parquet])
def test_a_mapped_column_that_the_file_lacks_is_an_error(file, write):
    path = write(file(f"a.{write.__name__.removeprefix('write_')}", ""), [{"algorithm": "md5", "value": A}])
    with pytest.raises(HashListError, match=r"columns\.classification"):
        read(path, {"classification": "Grade"})


def test_a_map_of_a_column_that_no_list_has_is_an_error(file):
    with pytest.raises(
        HashListError, match="'hash' is not a column of a list, nor an algorithm; known are entry_id"
    ):
        read(file("a.csv", "x"), {"hash": "value"})


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
def test_a_file_that_is_missing_or_a_directory_is_an_error(tmp_path, name):
    with pytest.raises(HashListError, match="no such file"):
        read(tmp_path / "missing", name=name)
    with pytest.raises(HashListError, match="cannot be read"):
        read(tmp_path, name=name)


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("linked", [False, True])
def test_what_can_be_read_only_once_is_refused_before_it_is_opened(tmp_path, name, linked):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    if linked:
        path = tmp_path / "link"
        path.symlink_to(tmp_path / "pipe")
    with pytest.raises(HashListError, match="save it to a file first") as error:
        read(path, name=name)  # opening it would wait for a writer for ever
    assert str(path) in str(error.value)


def test_a_device_is_refused():
    with pytest.raises(HashListError, match="save it to a file first"):
        read(Path("/dev/null"), name="csv")


def test_a_link_to_a_file_is_read(file, tmp_path):
    (tmp_path / "link.csv").symlink_to(file("a.csv", f"algorithm,value\nmd5,{A}\n"))
    assert read(tmp_path / "link.csv") == [(2, {"algorithm": "md5", "value": A})]


def test_json_lines_with_byte_order_mark_and_blank_lines(file):
    lines = ["", json.dumps({"algorithm": "md5", "value": A, "tags": ["x"], "other": {}}), " ", ""]
    path = file("a.jsonl", codecs.BOM_UTF8 + "\r\n".join(lines).encode())
    ((number, row),) = read(path)
    assert (number, row["algorithm"], row["value"], row["tags"]) == (2, "md5", A, ["x"])


def test_the_keys_of_json_lines_are_read_in_any_case(file):
    path = file("a.jsonl", json.dumps({"Algorithm": "md5", " VALUE ": A, "Status": "withdrawn"}) + "\n")
    ((_, row),) = read(path)
    assert (row["algorithm"], row["value"], row["status"]) == ("md5", A, "withdrawn")
    ((_, row),) = read(path, {"scheme": "sTaTus"})
    assert row["scheme"] == "withdrawn"


@pytest.mark.parametrize("twice", ["Status", "status ", "status", "STATUS"])
@pytest.mark.parametrize("before", [0, 1])
def test_a_json_line_that_names_a_column_twice_is_malformed(file, twice, before):
    good = json.dumps({"algorithm": "md5", "value": A})
    wrong = f'{{"algorithm": "md5", "value": "{A}", "status": "withdrawn", "{twice}": "active"}}'
    rows = read(file("a.jsonl", "".join([f"{good}\n"] * before) + f"{wrong}\n{good}\n"))
    assert rows[before] == (before + 1, Refusal.MALFORMED_ROW)
    assert len(rows) == before + 2


def test_a_json_value_that_names_something_twice_is_refused_where_it_is_used(file):
    line = f'{{"algorithm": "md5", "value": "{A}", "tags": {{"a": 1, "A": 2}}, "note": {{"b": 1, "b": 2}}}}\n'
    ((_, row),) = read(file("a.jsonl", line))
    assert entry_of("iwf", row) == Refusal.MALFORMED_ROW
    ((_, row),) = read(file("a.jsonl", line.replace("tags", "rest")))
    assert entry_of("iwf", row).value.hex() == A


@pytest.mark.parametrize("line", ["{", '"text"', "[1]", "17", "nonsense", '{"value": }', "[" * 100_000])
def test_a_json_line_that_is_no_object_is_refused_and_the_rest_is_read(file, line):
    good = json.dumps({"algorithm": "md5", "value": A})
    got = read(file("a.jsonl", f"{good}\n{line}\n{good}\n"))
    assert got[1] == (2, Refusal.MALFORMED_ROW)
    assert [row["value"] for _, row in (got[0], got[2])] == [A, A]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        (f"algorithm,value\nmd5,{A}\n", "line 1: not JSON Lines"),
        (f'[{{"algorithm": "md5", "value": "{A}"}}]', "line 1: not JSON Lines"),
        (f'{{"algorithm": "md5", "value": "{A}"}}\n{{"algorithm": "md5", "va', "line 2: cut off"),
        (b'{"algorithm": "md5"}\n\xff\n', "line 2: not UTF-8"),
    ],
)
def test_a_broken_json_lines_file_is_an_error_with_file_and_line(file, content, message):
    path = file("a.jsonl", content)
    with pytest.raises(HashListError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)
    assert A not in str(error.value)


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_a_line_without_end_is_an_error_not_all_of_memory(file, name):
    path = file("a.txt", b" " * (lines.MAX_LINE + 1))
    with pytest.raises(HashListError, match="line 1: longer than"):
        read(path, name=name)


def test_parquet_of_text_and_of_binary_with_times_and_lists(file):
    path = file("a.parquet", b"")
    at = datetime(2026, 1, 5, 10, tzinfo=UTC)
    table = pa.table(
        {
            "Algorithm": pa.array(["md5", "md5"]).dictionary_encode(),
            "value": pa.array([bytes.fromhex(A), B.encode()], pa.large_binary()),
            "modified_at": pa.array([1767607200 * 10**9 + 7, None], pa.timestamp("ns")),
            "tags": pa.array([["x", "y"], None], pa.list_(pa.string())),
            "note": [1, 2],
        }
    )
    pq.write_table(table, path)
    rows = [row for _, row in read(path)]
    assert rows[0] == {
        "algorithm": "md5", "value": bytes.fromhex(A), "modified_at": at, "tags": ["x", "y"],
    }  # fmt: skip
    assert rows[1]["value"] == B.encode()


def test_parquet_rows_are_numbered_over_batches(file):
    count = canonical.BATCH_ROWS + 3
    path = file("a.parquet", b"")
    pq.write_table(pa.table({"algorithm": ["md5"] * count, "value": [A] * count}), path, row_group_size=1000)
    assert [number for number, _ in read(path)] == list(range(1, count + 1))


@pytest.mark.parametrize("cut", [0, 3, 100, -1, -100])
def test_a_truncated_parquet_file_is_an_error(file, cut):
    path = lists.write_parquet(file("a.parquet", b""), lists.rows("md5", 50))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(HashListError, match="not a readable Parquet file") as error:
        read(path)
    assert str(path) in str(error.value)


def test_a_parquet_file_with_damaged_pages_is_an_error(file):
    path = lists.write_parquet(file("a.parquet", b""), lists.rows("md5", 5000))
    content = bytearray(path.read_bytes())
    content[100:20_000] = b"\xff" * 19_900
    path.write_bytes(bytes(content))
    with pytest.raises(HashListError, match=r"Parquet|cannot be read"):
        read(path)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["csv", "jsonl", "parquet"]))
def test_any_bytes_are_rows_or_an_error_about_the_file(tmp_path_factory, content, name):
    path = tmp_path_factory.getbasetemp() / "junk"
    path.write_bytes(content)
    with contextlib.suppress(HashListError):
        assert all(number > 0 for number, _ in read_rows(path, name, FileColumns({})))


cells = st.text(st.characters(codec="utf-8"), max_size=8)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(st.tuples(cells, cells, cells), max_size=8))
def test_what_the_csv_module_writes_is_read_back_in_any_text(tmp_path_factory, cells):
    path = tmp_path_factory.getbasetemp() / "made.csv"
    written = [dict(zip(("algorithm", "value", "tags"), row, strict=True)) for row in cells]
    lists.write_csv(path, written or [{"algorithm": "", "value": "", "tags": ""}])
    assert [row for _, row in read(path)][: len(written)] == written
