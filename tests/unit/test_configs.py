"""The shipped configurations load whole and commented, and the deployments ask for no more than they need."""

import configparser
import itertools
import json
import re
import tomllib
import typing
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from scanner.config import Config, load
from scanner.errors import ConfigError
from scanner.target import place_of

CONFIGS = Path(__file__).parents[2] / "configs"
EXAMPLES = ("demo", "nightly", "audit")
OPTIONAL = re.compile(r"^# ([a-z_]+ = \S.*)$")
KEY = re.compile(r"^(?:# )?([a-z_]+) = \S")


def _text(name):
    return (CONFIGS / f"{name}.toml").read_text()


def _switched_on(text):
    return "\n".join(OPTIONAL.sub(r"\1", line) for line in text.splitlines())


def _model_keys(model, at=()):
    for name, info in model.model_fields.items():
        inner = [
            part
            for part in (info.annotation, *typing.get_args(info.annotation))
            if isinstance(part, type) and issubclass(part, BaseModel)
        ]
        if not inner:
            yield (*at, name)
        for section in inner:
            yield from _model_keys(section, (*at, name))


def _written_keys(value, at=()):
    if at in (("lists",), ("lists", "members")):  # the next level is names
        value = {key: v for policy in value.values() for key, v in policy.items()}
    for key, inner in value.items():
        place = (*at, key)
        if isinstance(inner, dict) and place != ("lists", "columns"):
            yield from _written_keys(inner, place)
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            for row in inner:
                yield from _written_keys(row, place)
        else:
            yield place


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_loads_as_it_is(name):
    assert load(CONFIGS / f"{name}.toml", environ={})


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_loads_with_every_optional_key_switched_on(name, tmp_path):
    (tmp_path / "all.toml").write_text(_switched_on(_text(name)))
    assert load(tmp_path / "all.toml", environ={})


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_key_of_an_example_has_a_comment_above_it(name):
    lines = _text(name).splitlines()
    for number, line in enumerate(lines):
        if KEY.match(line):
            above = lines[number - 1]
            assert re.match("# [^ -]", above), f"{name}.toml:{number + 1}: {line}"
            assert not KEY.match(above), f"{name}.toml:{number + 1}: {line}"


def test_every_key_of_the_models_stands_in_an_example():
    written = {key for name in EXAMPLES for key in _written_keys(tomllib.loads(_switched_on(_text(name))))}
    assert set(_model_keys(Config)) - written == set()


def test_stated_defaults_of_plain_numbers_are_the_defaults():
    """A comment that says `Default: 12.` above a key must not outlive a change of that default."""
    said = {}
    for name in EXAMPLES:
        section, lines = "", _text(name).splitlines()
        for above, line in itertools.pairwise(lines):
            if line.startswith("["):
                section = line.strip("[]")
            default = re.search(r"Default: ([0-9.]+|true|false)\.(?:$|\s)", above)
            if default and KEY.match(line) and not section.startswith(("targets", "lists")):
                said[section, KEY.match(line)[1], name] = default[1]
    assert len(said) > 15
    defaults = Config()
    for (section, key, name), text in said.items():
        value = getattr(getattr(defaults, section), key)
        assert value == {"true": True, "false": False}.get(
            text, float(text) if text[0].isdigit() else text
        ), f"{name}.toml: {section}.{key}"


def test_the_buckets_of_the_examples_are_places():
    for name in EXAMPLES:
        for target in load(CONFIGS / f"{name}.toml", environ={}).targets:
            if target.url.startswith("s3://"):
                assert place_of(target).bucket


def _actions(policy):
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert "NotAction" not in statement
        action = statement["Action"]
        yield from [action] if isinstance(action, str) else action


@pytest.mark.parametrize("path", sorted((CONFIGS / "iam").glob("*.json")), ids=lambda path: path.name)
def test_a_policy_holds_no_write_action_and_no_wildcard(path):
    actions = list(_actions(json.loads(path.read_text())))
    assert actions
    for action in actions:
        assert re.fullmatch(r"s3:(List|Get)[A-Za-z]+|kms:Decrypt", action), action


def test_the_scan_policy_is_exactly_what_a_scan_calls():
    actions = list(_actions(json.loads((CONFIGS / "iam" / "scan.json").read_text())))
    assert sorted(actions) == [
        "s3:GetBucketVersioning",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketVersions",
    ]


def _unit(name):
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(CONFIGS / "deploy" / name)
    return unit


def test_the_service_takes_findings_for_success_and_incomplete_for_failure():
    service = _unit("hashsweep-nightly.service")["Service"]
    assert service["SuccessExitStatus"] == "1"
    assert service["UMask"] == "0077"
    assert "EnvironmentFile" in service
    workspace = load(CONFIGS / "nightly.toml", environ={}).workspace
    assert workspace == Path("/var/lib") / service["StateDirectory"]


def test_the_timer_makes_up_for_a_missed_night():
    timer = _unit("hashsweep-nightly.timer")["Timer"]
    assert timer["Persistent"] == "true"
    assert timer["OnCalendar"]


def test_the_cron_job_never_overlaps_repeats_no_bad_usage_and_keeps_its_workspace():
    job = yaml.safe_load((CONFIGS / "deploy" / "cronjob.yaml").read_text())
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    work = job["spec"]["jobTemplate"]["spec"]
    (rule,) = work["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onExitCodes"]["values"]) == ("FailJob", [2])
    pod = work["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # what podFailurePolicy demands
    (container,) = pod["containers"]
    environ = {pair["name"]: pair["value"] for pair in container["env"]}
    assert load(CONFIGS / "nightly.toml", environ=environ).run.exit_zero_on_findings
    claimed = {v["name"]: v["persistentVolumeClaim"] for v in pod["volumes"] if "persistentVolumeClaim" in v}
    mounts = {m["mountPath"]: m["name"] for m in container["volumeMounts"]}
    assert mounts[str(load(CONFIGS / "nightly.toml", environ={}).workspace)] in claimed


def test_no_service_beside_the_cron_job_sets_variables_that_are_refused_as_settings():
    job = yaml.safe_load((CONFIGS / "deploy" / "cronjob.yaml").read_text())
    assert job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["enableServiceLinks"] is False
    with pytest.raises(ConfigError, match="HASHSWEEP_SERVICE_HOST"):
        load(CONFIGS / "nightly.toml", environ={"HASHSWEEP_SERVICE_HOST": "10.0.0.1"})


def test_the_container_copies_what_exists_and_runs_as_nobody_in_particular():
    lines = (CONFIGS / "deploy" / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    copied = [
        word
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    root = CONFIGS.parent
    assert copied
    assert [name for name in copied if name != "README.md" and not (root / name).exists()] == []
    assert any(line.startswith("USER 10001") for line in lines)
