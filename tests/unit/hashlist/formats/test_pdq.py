"""Texts of PDQ tools: a hash a line, or hash, quality and file name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.config import ListPolicy
from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats import read_rows
from scanner.hashlist.importer import import_list
from scanner.hashlist.snapshot import open_snapshot
from scanner.hashlist.values import Refusal
from tests.unit.hashlist import lists
from tests.unit.sweeps import NOW

VALUE = lists.value("pdq", 1).hex()


def read(file, content):
    file.write_text(content)
    return list(read_rows(file, "pdq", FileColumns({})))


def row(value=VALUE):
    return {"algorithm": "pdq", "value": value}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (VALUE, row()),
        (f"{VALUE},100,a/b, c.jpg", row()),
        (f"  {VALUE} , 50 ,x", row()),
        (f"{VALUE},49,x", Refusal.LOW_QUALITY),
        (f"{VALUE},good,x", Refusal.MALFORMED_ROW),
        (f"{VALUE},", Refusal.MALFORMED_ROW),
        ("pdq", row("pdq")),
    ],
)
def test_a_line_is_a_hash_and_one_of_low_quality_is_said_not_hidden(tmp_path, line, expected):
    assert read(tmp_path / "list.txt", f"hash,quality,filename\n# words\n\n{line}\n") == [(4, expected)]


@pytest.mark.parametrize("content", ["", "\n\n", "hash,quality,filename\n", "# words\n"])
def test_a_text_without_a_line_is_no_list(tmp_path, content):
    with pytest.raises(HashListError, match="empty; not a list"):
        read(tmp_path / "list.txt", content)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.text(max_size=60))
def test_each_line_is_one_row_or_one_refusal(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("pdq") / "list.txt"
    file.write_text(content, newline="")
    try:
        found = list(read_rows(file, "pdq", FileColumns({})))
    except HashListError:
        return
    assert 0 < len(found) <= content.count("\n") + 1


def test_the_names_of_files_become_nothing(tmp_path, workspace):
    file = tmp_path / "list.txt"
    lines = [
        f"{lists.value('pdq', seed).hex()},{100 - 30 * (seed % 3)},secret-{seed}.jpg" for seed in range(30)
    ]
    file.write_text("\n".join(lines))
    report = import_list(workspace, "own", file, ListPolicy(), "pdq", NOW)
    table = open_snapshot(report.snapshot)
    assert (len(table), report.reading.refused) == (20, 10), "low quality is no sign of a broken file"
    assert "secret" not in str(table.to_pylist())
