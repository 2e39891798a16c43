"""The scan command: how flags become settings, who does the work, what the exit code is."""

import json
import random
import time

import pytest
from typer.testing import CliRunner

from scanner.cli.commands import app
from scanner.cli.run import builder_of, engine_of, reporter, retry_of, run, with_targets
from scanner.config import Config, Fetch, Scheduler, Target
from scanner.errors import ConfigError, HashListError
from scanner.hashlist.building import plainly
from scanner.plain import PlainLoop
from scanner.progress import LogReporter

FILE = (
    Target(url="s3://one", profile="p", store="minio"),
    Target(url="s3://two", region="eu-west-1"),
)
CONFIG = Config(targets=FILE)


def test_without_a_target_on_the_command_line_those_of_the_file_are_scanned():
    assert with_targets(CONFIG, [], {}).targets == FILE


def test_a_target_of_the_command_line_is_scanned_instead_of_those_of_the_file():
    assert with_targets(CONFIG, ["s3://three"], {}).targets == (Target(url="s3://three"),)


def test_a_target_that_the_file_knows_keeps_what_the_file_says_of_it():
    named = with_targets(CONFIG, ["s3://two", "s3://new", "s3://one"], {}).targets
    assert named == (FILE[1], Target(url="s3://new"), FILE[0])


@pytest.mark.parametrize("written", ["/", "/.", "//", "/../one", "/../link"])
def test_a_directory_that_the_file_knows_keeps_what_the_file_says_however_it_is_written(tmp_path, written):
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to("one")
    known = Target(url=f"file://{tmp_path}/one", store="nas")
    config = Config(targets=(Target(url=f"file://{tmp_path}/unmounted"), known))
    assert with_targets(config, [f"{known.url}{written}"], {}).targets == (known,)
    assert with_targets(config, [f"file://localhost{tmp_path}/one"], {}).targets == (known,)


@pytest.mark.parametrize(
    ("url", "known"), [("s3://one/", True), ("s3://one//", False), ("s3://one/x", False)]
)
def test_a_bucket_is_known_with_a_slash_and_a_prefix_is_another_place(url, known):
    (target,) = with_targets(CONFIG, [url], {}).targets
    assert target == (FILE[0] if known else Target(url=url))


@pytest.mark.parametrize("url", ["one", "s3://", "file:///none/such/directory"])
def test_an_address_that_is_none_is_not_taken_for_another(url):
    config = Config(targets=(Target(url="gs://one"), Target(url="file:///none/of/these")))
    assert with_targets(config, [url], {}).targets == (Target(url=url),)


def test_a_target_that_the_file_names_twice_must_be_told_apart():
    twice = Config(targets=(*FILE, FILE[0].model_copy(update={"store": "ceph"})))
    with pytest.raises(ConfigError, match=r"s3://one: names 2 targets .* \(stores ceph, minio\)"):
        with_targets(twice, ["s3://one"], {})
    assert with_targets(twice, ["s3://two"], {}).targets == (FILE[1],)
    assert with_targets(twice, [], {}).targets == twice.targets


@pytest.mark.parametrize("urls", [[], ["s3://one", "s3://new"]])
def test_access_on_the_command_line_wins_for_every_target(urls):
    access = {"endpoint_url": "http://127.0.0.1:1", "profile": "other"}
    for target in with_targets(CONFIG, urls, access).targets:
        assert (target.endpoint_url, target.profile) == ("http://127.0.0.1:1", "other")
    assert with_targets(CONFIG, urls, access).targets[0].store == "minio"


def test_settings_that_are_not_targets_stay():
    config = CONFIG.model_copy(update={"fetch": Fetch(attempts=2)})
    assert with_targets(config, ["s3://new"], {}).fetch == Fetch(attempts=2)


def test_no_scheduler_is_the_plain_loop(tmp_path):
    assert engine_of(Scheduler(address="none"), tmp_path) is PlainLoop
    assert builder_of(Scheduler(address="none"), tmp_path) is plainly


@pytest.mark.parametrize(
    ("address", "builder"), [("none", "scanner.hashlist.building"), ("local", "jobs.building")]
)
def test_large_tables_are_built_by_who_does_the_scan(tmp_path, address, builder):
    seen = []

    def start(config, workspace, around):
        seen.append(around.builder.__module__)
        raise HashListError("far enough")

    config = Config(targets=FILE, workspace=tmp_path / "workspace", scheduler=Scheduler(address=address))
    with pytest.raises(HashListError, match="far enough"):
        run(config, start)
    assert seen == [builder]


def test_an_address_that_is_none_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(ConfigError, match="use none, local, tls://"):
        engine_of(Scheduler(address="ray"), tmp_path)


def test_patience_is_what_the_settings_say():
    retry = retry_of(Config(fetch=Fetch(attempts=3, backoff_seconds=0.5, max_backoff_seconds=2)))
    assert (retry.attempts, retry.backoff_seconds, retry.max_backoff_seconds) == (3, 0.5, 2)
    assert (retry.sleep, retry.random) == (time.sleep, random.random)


def test_progress_is_lines_where_nobody_watches():
    assert isinstance(reporter(), LogReporter)


def invoke(room, *arguments, env=None):
    fixed = ["-w", str(room.workspace.root), "--scheduler", "none"]
    return CliRunner().invoke(app, ["scan", room.store.as_uri(), *fixed, *arguments], env=env)


def test_a_scan_ends_with_its_exit_code_and_one_json_value_on_standard_output(room):
    done = invoke(room, "--json")
    assert done.exit_code == 1, done.output
    said = json.loads(done.stdout)
    assert (said["exit_code"], said["counts"]["findings"]) == (1, 3)
    events = {json.loads(line)["event"] for line in done.stderr.splitlines()}
    assert events == {"run begins", "queries joined", "progress"}


def test_flags_reach_the_settings_of_the_run(room):
    flags = ["--include", "*.jpg", "--include", "copy", "--exclude", "1*", "--sample", "5", "--read-all"]
    done = invoke(room, *flags, "--allow-empty", "--exit-zero-on-findings", "--workers", "3")
    assert done.exit_code == 0, done.output
    (run,) = room.workspace.runs.iterdir()
    said = json.loads((run / "run.json").read_text())["config"]
    assert said["select"]["include"] == ["*.jpg", "copy"]
    assert (said["select"]["exclude"], said["select"]["sample"]) == (["1*"], 5)
    assert (said["fetch"]["read_all"], said["run"]["allow_empty"]) == (True, True)
    assert (said["run"]["exit_zero_on_findings"], said["scheduler"]["workers"]) == (True, 3)
    assert "complete, with findings for people to judge" in done.stdout


def test_findings_are_no_error_only_where_asked(room):
    for path in room.store.iterdir():
        path.unlink()
    assert invoke(room, "--exit-zero-on-findings").exit_code == 3
