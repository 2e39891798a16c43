"""What people read is what the program does: commands, options, exit codes, outcomes, links."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from scanner.cli.commands import app
from scanner.errors import Exit
from scanner.records import GAPS, INCOMPLETE, Outcome

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [path for name in ("*.md", "docs/*.md", "configs/**/*") for path in sorted(ROOT.glob(name))]
TEXTS = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in PAGES
    if path.is_file() and path.name != "commands.md"
}

LINE = re.compile(
    r"""(?:^\ {4}|^\$\ |^\#\ Run:\ +|^\#\ {2,}|^ExecStart=\S*/|\bthen:\ |&&\ )  # how a line of a shell begins
        hashsweep\ +([^`\n#&]*)""",
    re.MULTILINE | re.VERBOSE,
)
INLINE = re.compile(r"`hashsweep +([^`\n]*)`")


def told(pattern):
    return [(name, found[1]) for name, text in TEXTS.items() for found in pattern.finditer(text)]


def walked(words):
    """Return the command that words name, and the words behind its name."""
    command = get_command(app)
    while commands := getattr(command, "commands", None):
        leading = [word for word in words if not word.startswith("-")]
        if not leading:
            break
        assert leading[0] in commands, f"no command {leading[0]!r}"
        words = words[words.index(leading[0]) + 1 :]
        command = commands[leading[0]]
    return command, words


def options(command):
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize(("name", "line"), told(LINE))
def test_a_command_line_that_is_shown_is_one_that_is_understood(name, line):
    command, words = walked(shlex.split(line))
    assert command.name != "hashsweep"
    command.make_context(command.name, list(words))  # raises what a person would be told


@pytest.mark.parametrize(("name", "line"), told(INLINE))
def test_a_command_that_is_mentioned_exists_with_its_options(name, line):
    command, words = walked(shlex.split(line))
    used = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert used <= options(command)


def test_there_are_command_lines_to_check():
    assert {name for name, _ in told(LINE)} >= {"README.md", "configs/nightly.toml", "configs/demo.toml"}
    assert len(told(LINE)) >= 10
    assert told(INLINE)


@pytest.mark.parametrize("words", [["sweep"], ["lists", "impart", "a", "b"]])
def test_a_command_that_does_not_exist_would_be_noticed(words):
    with pytest.raises(AssertionError, match="no command"):
        walked(words)


@pytest.mark.parametrize("flag", sorted(set(re.findall(r"`(--[a-z-]+)", README))))
def test_a_flag_that_the_readme_names_exists(flag):
    group = get_command(app)
    below = [group, *group.commands.values()]
    assert any(flag in options(command) for command in below)


def test_the_page_of_commands_is_what_the_program_says():
    made = subprocess.run(
        [sys.executable, ROOT / "docs" / "commands.py"],
        capture_output=True,
        check=True,
        env={**os.environ, "COLUMNS": "40", "PYTHONPATH": str(ROOT)},
    ).stdout.decode()
    assert made == (ROOT / "docs" / "commands.md").read_text(), "make it anew with docs/commands.py"


def table(heading):
    """Return the cells of the README's table whose first heading is this."""
    rows = README.partition(f"\n| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_exit_codes_of_the_readme_are_those_of_the_program():
    assert [row[0] for row in table("exit code")] == [str(int(code)) for code in Exit]


def test_the_exit_codes_of_the_help_are_those_of_the_program():
    said = get_command(app).commands["scan"].help.partition("Exit codes:")[2]
    assert re.findall(r"\b(\d) ", said) == [str(int(code)) for code in Exit]


def outcomes():
    return [(name, row[-1]) for row in table("outcome") for name in re.findall(r"`(\w+)`", row[0])]


def test_the_outcomes_of_the_readme_are_those_of_the_program_each_once():
    names = [name for name, _ in outcomes()]
    assert sorted(names) == sorted(set(Outcome) - {Outcome.SCREENED})


def test_the_readme_says_of_each_outcome_what_it_makes_of_a_run():
    for name, run in outcomes():
        tolerated = GAPS | {Outcome.GONE}
        assert ("incomplete" in run) is (name in INCOMPLETE | tolerated), name
        assert ("run.gap_tolerance" in run) is (name in tolerated), name


@pytest.mark.parametrize("name", sorted(name for name in TEXTS if name.endswith(".md")))
def test_no_placeholder_is_left(name):
    assert re.findall(r"^\s*[A-Z]{2,}\s*$", TEXTS[name], re.MULTILINE) == []


@pytest.mark.parametrize("name", sorted(name for name in TEXTS if name.endswith(".md")))
def test_every_link_within_the_repository_leads_somewhere(name):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", TEXTS[name])
    inner = [link for link in links if "://" not in link]
    assert [link for link in inner if not (ROOT / name).parent.joinpath(link).exists()] == []
