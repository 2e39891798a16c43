"""The command as shells meet it: narrow terminals, readers that leave, signals, impossible settings."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import line, pictures
from tests.line import COMMAND, hashsweep

KEY = "bücher/猫 \u202e.jpg"
STORE = {KEY: pictures.jpeg(0, (64, 64)), "other.jpg": pictures.jpeg(1, (64, 64))}
ASCII = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a store, a list of all of it, and a workspace with two finished runs."""
    root = tmp_path_factory.mktemp("command")
    line.write_store(root / "store", STORE)
    (root / "ü.toml").write_text(f"select.include = [{json.dumps(KEY)}]", encoding="utf-8")
    known = line.write_list(root / "known.csv", STORE.values(), ["sha256"])
    assert hashsweep("lists", "import", "tests", known, "-w", root / "workspace").code == 0
    for _ in range(2):
        assert hashsweep(*(word.format(root=root) for word in SCAN)).code == 1
    return root


FOLDER = ("-w", "{root}/workspace")
SCAN = ("scan", "file://{root}/store", "--scheduler", "none", *FOLDER)
PRINTING = {
    "findings": ("findings", *FOLDER),
    "findings as lines": ("findings", "--format", "jsonl", *FOLDER),
    "findings as csv": ("findings", "--format", "csv", *FOLDER),
    "difference": ("findings", "--diff", "{run}", *FOLDER),
    "difference as lines": ("findings", "--diff", "{run}", "--format", "jsonl", *FOLDER),
    "verify as json": ("verify", "--json", "{root}/workspace/runs/{run}"),
    "lists": ("lists", "show", *FOLDER),
    "settings": ("config", "show", *FOLDER, "-c", "{root}/ü.toml"),
    "scan": SCAN,
    "scan as json": (*SCAN, "--json"),
    "help": ("--help",),
}
"""Every kind of output."""


def filled(words, root):
    run = min(path.name for path in (root / "workspace" / "runs").iterdir())
    return [word.format(root=root, run=run) for word in words]


@pytest.mark.parametrize("name", PRINTING)
def test_a_terminal_of_few_characters_gets_everything(made, name):
    arguments = filled(PRINTING[name], made)
    narrow = hashsweep(*arguments, env=ASCII)
    assert narrow.code == name.startswith("scan"), narrow.err
    assert "rror" not in narrow.err
    if name.endswith(("lines", "json")) or name == "settings":
        assert narrow.out.isascii()
        for value in narrow.out.splitlines() if name.endswith("lines") else [narrow.out]:
            json.loads(value)
    if name.startswith("findings"):
        assert "cher" in narrow.out


def test_json_holds_the_very_characters(made):
    told = json.loads(hashsweep(*filled(PRINTING["settings"], made), env=ASCII).out)
    assert told["select"]["include"] == [KEY]


def test_a_message_for_a_terminal_of_few_characters_keeps_its_words(tmp_path):
    done = hashsweep("scan", "bücher", "-w", tmp_path / "w", env=ASCII)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "cher: not a target" in done.err


def unread():
    """Return the writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


BUFFERED = {**os.environ, "PYTHONUNBUFFERED": ""}
"""The surroundings of a shell: what cannot be written is noticed late, some of it when all is over."""


def ended(words, **streams):
    done = subprocess.run([COMMAND, *words], text=True, check=False, timeout=120, env=BUFFERED, **streams)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ["findings as csv", "difference", "lists", "scan as json", "help"])
def test_standard_output_that_nobody_reads_ends_quietly_and_never_as_findings(made, name):
    stream = unread()
    code, _, err = ended(filled(PRINTING[name], made), stdout=stream, stderr=subprocess.PIPE)
    os.close(stream)
    assert code == 4
    told = [text for text in err.splitlines() if not text.startswith('{"at"')]
    assert told == []


@pytest.mark.parametrize("name", ["findings", "findings as lines", "settings", "scan"])
def test_standard_output_on_a_full_disk_is_told(made, name):
    with Path("/dev/full").open("w") as full:
        code, _, err = ended(filled(PRINTING[name], made), stdout=full, stderr=subprocess.PIPE)
    assert code == 4
    told = [text for text in err.splitlines() if not text.startswith('{"at"')]
    assert told == [f"hashsweep: standard output: cannot be written: {os.strerror(errno.ENOSPC)}"]


@pytest.mark.parametrize("closing", ["2> >(true)", "2>/dev/full", "2>&-"])
def test_a_scan_whose_log_nobody_reads_goes_on_to_its_end(made, closing):
    command = f"exec '{COMMAND}' {' '.join(filled(PRINTING['scan as json'], made))} {closing}"
    code, out, _ = ended_in_bash(command)
    assert code == 1
    assert json.loads(out)["counts"]["findings"] == 2


@pytest.mark.parametrize("name", ["scan", "findings as lines"])
def test_a_command_without_any_standard_stream_comes_to_its_end(made, name):
    words = filled(PRINTING[name], made)
    command = f"exec '{COMMAND}' {' '.join(words)} <&- >&- 2>&-"
    assert ended_in_bash(command) == (int(name == "scan"), "", "")


def ended_in_bash(command):
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=120, env=BUFFERED
    )
    return done.returncode, done.stdout, done.stderr


IN_THE_MIDST = [(signal.SIGINT, name) for name in ("typer", "pyarrow", "numba", "boto3")]


@pytest.mark.parametrize(("number", "module"), [*IN_THE_MIDST, (signal.SIGTERM, "numba")])
def test_a_signal_in_the_midst_of_imports_ends_with_one_line(made, number, module):
    command = [sys.executable, "-X", "importtime", COMMAND, *filled(SCAN, made)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for text in process.stderr:
            if text.rpartition("|")[2].strip().partition(".")[0] == module:
                process.send_signal(number)
                break
        _, err = process.communicate(timeout=60)
    told = [text for text in err.splitlines() if not text.startswith("import time:")]
    assert (process.returncode, told) == (130, ["hashsweep: stopped before it began"])


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("scan", "--help")])
def test_help_waits_for_nothing_that_takes_time_to_import(words):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", COMMAND, *words], capture_output=True, text=True, check=True
    )
    imported = {text.rpartition("|")[2].strip() for text in done.stderr.splitlines()}
    assert "typer" in imported
    assert imported & {"numpy", "pyarrow", "boto3", "numba", "dask", "PIL", "scanner.config"} == set()


def test_a_password_in_an_address_is_never_repeated(tmp_path):
    for arguments in (
        ("s3://bucket", "--endpoint-url", "http://user:sesame@127.0.0.1:1"),
        ("s3://user:sesame@bucket",),
    ):
        done = hashsweep("scan", *arguments, "-w", tmp_path / "w")
        assert done.code == 2
        assert "sesame" not in done.out + done.err
    assert not (tmp_path / "w").exists()


def test_a_workspace_in_its_own_target_is_refused_before_it_is_made(made):
    workspace = made / "store" / "workspace"
    done = hashsweep("scan", (made / "store").as_uri(), "-w", workspace, "--scheduler", "none")
    assert done.code == 2
    assert str(workspace) in done.err
    assert (made / "store").as_uri() in done.err
    assert not workspace.exists()


def test_a_folder_of_other_files_is_not_made_a_workspace(made):
    before = {path: path.stat().st_mode for path in made.rglob("*")}
    done = hashsweep("lists", "import", "tests", made / "known.csv", "-w", made / "store")
    assert (done.code, "name a new or empty folder" in done.err) == (2, True)
    assert {path: path.stat().st_mode for path in made.rglob("*")} == before


TWO_STORES = """
[[targets]]
url = "s3://photos"
store = "ceph-1"
endpoint_url = "http://127.0.0.1:1"

[[targets]]
url = "s3://photos"
store = "ceph-2"
endpoint_url = "http://127.0.0.1:2"
"""


def test_an_address_that_two_stores_of_the_settings_share_is_refused(tmp_path):
    (tmp_path / "s.toml").write_text(TWO_STORES)
    done = hashsweep("scan", "s3://photos", "-c", tmp_path / "s.toml", "-w", tmp_path / "w")
    assert done.code == 2
    assert "s3://photos: names 2 targets of the settings (stores ceph-1, ceph-2)" in done.err


def test_a_broken_aws_configuration_is_bad_usage(made, tmp_path):
    (tmp_path / "config").write_text("sesame")
    done = hashsweep(
        *("scan", "s3://photos", "-w", made / "workspace", "--scheduler", "none"),
        env={"AWS_CONFIG_FILE": str(tmp_path / "config")},
    )
    assert done.code == 2
    assert f"{tmp_path / 'config'} is not a configuration file" in done.err
    assert "sesame" not in done.err
