"""`config show`: every setting as it came out, and no secret."""

import json

import pytest
from typer.testing import CliRunner

from scanner.cli.commands import app
from scanner.config import Config


def shown(*arguments, env=None):
    done = CliRunner().invoke(app, ["config", "show", *map(str, arguments)], env=env)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_every_setting_is_shown():
    told = json.loads(shown())
    assert told == json.loads(json.dumps(Config().shown()))


def test_what_a_file_and_variables_say_is_shown_as_it_came_out(tmp_path):
    (tmp_path / "s.toml").write_text(
        '[[targets]]\nurl = "s3://bücket"\n[fetch]\nsingle_get_bytes = "1 MiB"\n'
    )
    text = shown("-c", tmp_path / "s.toml", "-w", tmp_path, env={"HASHSWEEP_RUN__GAP_TOLERANCE": "0.5"})
    told = json.loads(text)
    assert told["targets"][0]["url"] == "s3://bücket"
    assert told["fetch"]["single_get_bytes"] == 1 << 20
    assert told["run"]["gap_tolerance"] == 0.5
    assert told["workspace"] == str(tmp_path)
    assert "b\\u00fccket" in text


@pytest.mark.parametrize("source", ["file", "variable"])
def test_a_secret_is_never_shown(tmp_path, source):
    settings = tmp_path / "s.toml"
    target = '[[targets]]\nurl = "s3://bucket"\n'
    settings.write_text(target + 'external_id = "s3cret"\n' if source == "file" else target)
    in_variable = {"HASHSWEEP_TARGETS": '[{url = "s3://bucket", external_id = "s3cret"}]'}
    env = {"HASHSWEEP_REDACTION_KEY": "s3cret" * 9, **(in_variable if source == "variable" else {})}
    text = shown("-c", settings, env=env)
    assert "s3cret" not in text
    assert set(json.loads(text)["targets"][0]["external_id"]) == {"*"}


def test_a_file_named_by_the_variable_is_read(tmp_path):
    (tmp_path / "s.toml").write_text("[run]\npart_objects = 7\n")
    told = json.loads(shown(env={"HASHSWEEP_CONFIG": str(tmp_path / "s.toml")}))
    assert told["run"]["part_objects"] == 7
