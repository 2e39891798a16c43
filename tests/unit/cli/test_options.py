"""The options that commands share: later sources win, consoles leave text as it is."""

from pathlib import Path

import pytest

from scanner.cli.options import WIDTH, console, opened, resolve
from scanner.errors import ConfigError, WorkspaceError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('workspace = "from-file"\n[run]\npart_objects = 7\n[fetch]\nattempts = 2\n')
    return path


def test_flags_win_over_variables_and_variables_over_the_file(file, monkeypatch):
    monkeypatch.setenv("HASHSWEEP_RUN__PART_OBJECTS", "8")
    monkeypatch.setenv("HASHSWEEP_WORKSPACE", "from-variable")
    settings = resolve(file, Path("from-flag"), {"scheduler.workers": 3, "select.sample": None})
    assert (settings.workspace, settings.run.part_objects) == (Path("from-flag"), 8)
    assert (settings.fetch.attempts, settings.scheduler.workers, settings.select.sample) == (2, 3, None)
    assert resolve(file, None).workspace == Path("from-variable")


def test_a_wrong_flag_is_refused_by_its_name():
    with pytest.raises(ConfigError, match=r"command line: scheduler\.workers"):
        resolve(None, None, {"scheduler.workers": 0})


def test_a_command_that_reads_makes_no_workspace(tmp_path):
    with pytest.raises(WorkspaceError, match="not a hashsweep workspace"):
        opened(resolve(None, tmp_path / "nothing"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stderr", [False, True])
def test_text_for_a_pipe_is_neither_cut_nor_coloured_nor_taken_for_markup(capsys, stderr):
    text = "[bold]key[/bold] :smile: 1234 'quoted' " + "x" * (2 * WIDTH)
    console(stderr).print(text)
    assert capsys.readouterr()[stderr] == f"{text}\n"
