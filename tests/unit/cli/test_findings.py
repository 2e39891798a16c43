"""`findings` and `verify`: a run that did not look everywhere says so, and damage is never bad usage."""

import json

import pytest
from typer.testing import CliRunner

from scanner.cli.commands import app
from scanner.config import Media
from scanner.errors import Exit
from scanner.records import Outcome
from tests.unit.sweeps import Written

AGAIN = Media(max_frames=3)


def ran(*words):
    done = CliRunner().invoke(app, [*map(str, words)])
    return done.exit_code, done.stdout, done.stderr


def findings(room, *words):
    return ran("findings", "-w", room.workspace.root, *words)


def test_a_complete_run_is_told_without_a_word_beside_it(room):
    room.conclude()
    code, out, err = findings(room)
    assert (code, err) == (0, "")
    assert out.count("tests") == 3


@pytest.mark.parametrize("form", ["table", "jsonl", "csv"])
def test_an_incomplete_run_is_told_as_such_with_the_reasons(room, form):
    done = room.conclude(Written(Outcome.DENIED))
    code, out, err = findings(room, "--format", form)
    run_id = done.manifest["run_id"]
    assert code == 0
    assert out.count("\n") == (form == "csv")
    said = f"hashsweep: run {run_id} is incomplete; what it did not read may hold more:\n  6 objects denied\n"
    assert err == said + f"hashsweep: no findings in run {run_id}\n" * (form == "table")


def test_nothing_found_is_told_with_the_run(room):
    for key in ("0.jpg", "1.jpg", "copy"):
        (room.store / key).unlink()
    done = room.conclude()
    assert findings(room) == (0, "", f"hashsweep: no findings in run {done.manifest['run_id']}\n")


@pytest.mark.parametrize("turn", [1, -1])
def test_a_difference_names_the_run_that_is_incomplete(room, turn):
    whole, partial = room.conclude(), room.conclude(Written(Outcome.DENIED), media=AGAIN)
    old, new = [one.manifest["run_id"] for one in (whole, partial)][::turn]
    code, _, err = findings(room, new, "--diff", old)
    assert code == 0
    assert err.startswith(f"hashsweep: run {partial.manifest['run_id']} is incomplete; ")
    assert whole.manifest["run_id"] not in err


@pytest.mark.parametrize("damage", [b"", b"{}", b"{", b"[]", b"\xff", b'{"program": "hashsweep"}'])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_damaged_manifest_is_one_that_verify_rejects(room, damage, as_json):
    folder = room.conclude().folder
    (folder / "manifest.json").write_bytes(damage)
    code, out, err = ran("verify", folder, *["--json"] * as_json)
    assert (code, err) == (Exit.INCOMPLETE, "")
    if as_json:
        told = json.loads(out)
        assert (told["holds"], told["run_id"], told["digest"], told["chain"]) == (False, None, None, "unread")
        assert str(folder / "manifest.json") in told["problems"][0]
    else:
        assert out.startswith(f"{folder / 'manifest.json'}: ")
        assert out.endswith("1 problems: do not rely on this manifest\n")


def test_a_manifest_that_is_not_there_is_bad_usage(room):
    folder = room.conclude().folder
    (folder / "manifest.json").unlink()
    done = CliRunner().invoke(app, ["verify", str(folder)])
    assert done.exception.exit_code is Exit.USAGE
    assert "no such manifest" in str(done.exception)
