"""The demo: what is refused before anything is made, and in which words."""

import os

import pytest

from scanner.cli.tour import _imported, _prepared, show_line
from scanner.config import load
from scanner.errors import Exit, WorkspaceError
from scanner.workspace import Workspace
from tests.line import write_list
from tests.unit.sweeps import PICTURES

ENDING = "; name a new folder where you may write"


def refusal(folder):
    with pytest.raises(WorkspaceError) as caught:
        show_line(folder, "none")
    assert caught.value.exit_code is Exit.USAGE
    return str(caught.value)


@pytest.mark.parametrize("within", ["", "/below", "/below/it"])
def test_a_file_where_the_demo_should_be_is_told(tmp_path, within):
    (tmp_path / "q.toml").write_text("")
    folder = tmp_path / f"q.toml{within}"
    assert refusal(folder) == f"{folder}: no demo can be made there: Not a directory{ENDING}"
    assert (tmp_path / "q.toml").read_text() == ""


@pytest.mark.parametrize("name", ["x" * 300, "/proc/x", "/proc/x/y"])
def test_a_folder_that_cannot_be_made_is_told(tmp_path, name):
    folder = tmp_path / name
    told = refusal(folder)
    assert told.startswith(f"{folder}: no demo can be made there: ")
    assert told.endswith(ENDING)
    assert list(tmp_path.iterdir()) == []


def test_a_demo_whose_files_cannot_be_written_is_told(tmp_path):
    (tmp_path / "demo.toml").mkdir()
    assert refusal(tmp_path) == f"{tmp_path}: no demo can be made there: Is a directory{ENDING}"


def test_a_folder_whose_name_is_not_utf8_is_told_before_anything_is_made(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    assert "the name is not UTF-8" in refusal(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_files_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("")
    assert "is not empty and not an earlier demo" in refusal(tmp_path)


def test_the_demo_imports_no_list_while_another_import_goes_on(tmp_path):
    config = load(_prepared(tmp_path / "demo"), {})
    workspace = Workspace(config.workspace).create()
    path = write_list(tmp_path / "list.csv", [PICTURES["0.jpg"]])
    with workspace.lock("lists"), pytest.raises(WorkspaceError, match=r"another hashsweep .*\(lists\)"):
        _imported(config, path)
    assert list(workspace.lists.iterdir()) == []
    assert _imported(config, path).describe().startswith("demo: ")
