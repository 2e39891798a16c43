"""The end of every command: one message, one exit code, no traceback."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scanner import errors
from scanner.errors import Exit, HashsweepError
from scanner.version import VERSION
from tests.line import COMMAND
from tests.unit.cli import commands

RAISED = sorted(
    name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, HashsweepError)
)
ASKED = {
    "ZeroDivisionError": [
        "fail",
        "ZeroDivisionError",
        "of nothing",
    ],  # first, as logs go to the first's stderr
    **{name: ["fail", name] for name in RAISED},
    "OSError": ["fail", "OSError", "disk"],
    "version": ["--version"],
    "no command": ["sweep"],
    "no option": ["scan", "--nonsense"],
    "help": ["--help"],
    "nothing": [],
}


def run(command_lines):
    """Return how `main` ended with each of some command lines."""
    done = subprocess.run(
        [sys.executable, commands.__file__],
        input=json.dumps(command_lines),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def ended():
    """How `main` ended with each of the command lines, by their names."""
    return dict(zip(ASKED, run(list(ASKED.values())), strict=True))


@pytest.mark.parametrize("name", RAISED)
def test_an_error_of_ours_is_one_message_and_its_exit_code(ended, name):
    assert ended[name]["code"] == getattr(errors, name).exit_code
    assert (ended[name]["out"], ended[name]["err"]) == ("", "hashsweep: where: what; what to do\n")


@pytest.mark.parametrize("name", ["ZeroDivisionError", "OSError"])
def test_an_unexpected_error_is_one_message_and_exit_4(ended, name):
    assert ended[name]["code"] == Exit.UNEXPECTED
    assert ended[name]["err"].startswith(f"hashsweep: unexpected error: {name}\n")
    assert "run it again with -v before the command" in ended[name]["err"]
    assert ASKED[name][-1] not in ended[name]["err"]  # its text may hold a key, or a value of a list
    assert "Traceback" not in ended[name]["err"]


def test_verbose_says_where_an_unexpected_error_came_from():
    (told,) = run([["-v", *ASKED["ZeroDivisionError"]]])
    assert told["code"] == Exit.UNEXPECTED
    assert "Traceback" in told["err"]
    assert "ZeroDivisionError: of nothing" in told["err"]
    assert "commands.py" in told["err"]


@pytest.mark.parametrize("name", ["no command", "no option"])
def test_bad_usage_is_exit_2_and_says_how_to_ask(ended, name):
    assert ended[name]["code"] == Exit.USAGE
    assert "--help" in ended[name]["err"]


def test_the_version_is_that_of_the_package(ended):
    assert (ended["version"]["code"], ended["version"]["out"]) == (Exit.CLEAN, f"hashsweep {VERSION}\n")


def test_help_is_no_error_and_nothing_at_all_is_help(ended):
    assert ended["help"]["code"] == Exit.CLEAN
    assert "Find known abuse imagery" in ended["help"]["out"]
    assert "Usage: hashsweep" in ended["nothing"]["out"] + ended["nothing"]["err"]


@pytest.mark.parametrize("words", [("config", "show"), ("findings",)])
def test_output_that_nobody_reads_any_more_is_never_taken_for_findings(room, words):
    room.conclude()
    reading, writing = os.pipe()
    os.close(reading)
    command = [COMMAND, *words, "--workspace", room.workspace.root]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (Exit.UNEXPECTED, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", [("findings",), *(("findings", "--format", form) for form in ("jsonl", "csv", "parquet"))]
)
def test_output_on_a_full_disk_is_told_however_it_is_buffered(room, words, unbuffered):
    room.conclude()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, *words, "--workspace", room.workspace.root],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    words = f"hashsweep: standard output: cannot be written: {os.strerror(errno.ENOSPC)}\n"
    assert (done.returncode, done.stderr) == (Exit.UNEXPECTED, words)
