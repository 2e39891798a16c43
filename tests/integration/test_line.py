"""The whole line on real stores: the same findings whatever the store, the engine, or the number of runs."""

import json
import os
import signal
import stat
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import LocalCluster

from tests import line, pictures
from tests.line import FOUND, content, hashsweep, import_known, rows, start, write_store

SETTINGS = "[run]\npart_objects = 10\ngap_tolerance = 1.0\n"


@pytest.fixture(scope="module")
def store():
    return content()


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS)
    return path


@pytest.fixture
def workspace(tmp_path, store):
    import_known(tmp_path / "workspace", store)
    return tmp_path / "workspace"


@pytest.fixture
def directory(tmp_path, store):
    return write_store(tmp_path / "store", store)


@pytest.fixture
def command(directory, workspace, settings):
    """The scan of the directory by the plain loop, as a command line."""
    return scan_of(directory, workspace, settings)


def scan_of(directory, workspace, settings, scheduler="none"):
    target = f"file://{directory}"
    return ("scan", target, "-c", settings, "-w", workspace, "--json", "--scheduler", scheduler)


def put(server, bucket, store):
    client = server.client()
    for key, data in store.items():
        client.put_object(Bucket=bucket, Key=key, Body=data)


def told(row):
    """What a finding says apart from the store's identity."""
    matches = [{k: v for k, v in match.items() if k != "finding_id"} for match in row["matches"]]
    return row["key"], row["size"], row["sha256"], row["severity"], row["cluster_id"], json.dumps(matches)


def test_every_copy_is_found_and_nothing_else(command, workspace):
    done = hashsweep(*command)
    assert done.code == 1, done.err
    assert {row["key"] for row in rows(workspace)} == FOUND
    assert done.json["coverage"]["objects"] == done.json["inventory"]["objects"] == len(content())


def test_a_jsonl_line_holds_what_the_takedown_needs(command, workspace):
    hashsweep(*command)
    row = next(row for row in rows(workspace) if row["key"] == "copies/exact.jpg")
    names = "finding_id store bucket key version_id etag size last_modified is_latest sha256 matches"
    assert set(names.split()) <= set(row)
    exact = next(match for match in row["matches"] if match["algorithm"] == "sha256")
    wanted = {"list": "tests", "member": "tests", "entry_id": "e0", "distance": 0, "threshold": 0}
    assert {**exact, **wanted, "classification": "A"} == exact


def test_the_plain_loop_and_dask_write_equal_rows(directory, workspace, settings, tmp_path, store):
    other = tmp_path / "other"
    import_known(other, store)
    plain = hashsweep(*scan_of(directory, workspace, settings))
    dask = hashsweep(*scan_of(directory, other, settings, "local"), "--workers", "2")
    assert (plain.code, dask.code) == (1, 1), dask.err
    assert dask.json["rows_digest"] == plain.json["rows_digest"]
    assert dask.json["coverage"] == plain.json["coverage"]
    assert dask.json["inventory"] == plain.json["inventory"]


def test_one_content_gives_the_same_findings_from_directory_moto_and_seaweedfs(
    directory, moto, seaweedfs, settings, tmp_path, store
):
    seen = {}
    targets = {"file": (f"file://{directory}", None)}
    for name, server in (("moto", moto), ("seaweedfs", seaweedfs)):
        bucket = server.new_bucket(versioned=True)
        put(server, bucket, store)
        targets[name] = (f"s3://{bucket}", server.endpoint_url)
    for name, (target, endpoint) in targets.items():
        import_known(tmp_path / name, store)
        options = ["--scheduler", "none", *(["--endpoint-url", endpoint] if endpoint else [])]
        done = hashsweep("scan", target, "-c", settings, "-w", tmp_path / name, *options)
        assert done.code == 1, done.err
        seen[name] = sorted(told(row) for row in rows(tmp_path / name))
    assert seen["moto"] == seen["seaweedfs"] == seen["file"]
    assert {told_row[0] for told_row in seen["file"]} == FOUND


def test_a_second_run_reads_no_object_again_while_nothing_changed(command, workspace):
    first = hashsweep(*command)
    again = hashsweep(*command)
    assert again.json["run_id"] != first.json["run_id"]
    assert again.json["rows_digest"] == first.json["rows_digest"]
    parts = [sorted((workspace / "runs" / run.json["run_id"] / "parts").iterdir()) for run in (first, again)]
    assert [p.name for p in parts[0]] == [p.name for p in parts[1]]
    assert all(one.samefile(other) for one, other in zip(*parts, strict=True))


def test_findings_remember_the_run_that_first_saw_them(command, workspace):
    first, second = hashsweep(*command).json, hashsweep(*command).json
    assert {row["first_seen_run"] for row in rows(workspace, second["run_id"])} == {first["run_id"]}
    header = json.loads((workspace / "runs" / second["run_id"] / "manifest.json").read_text())
    assert header["previous"] == {"run_id": first["run_id"], "digest": first["manifest_digest"]}


def test_a_changed_setting_is_never_mistaken_for_the_old_one(directory, workspace, settings):
    command = ("scan", f"file://{directory}", "-w", workspace, "--scheduler", "none", "--json")
    first = hashsweep(*command, "-c", settings).json
    settings.write_text(SETTINGS + "[media]\nmax_pixels = 50_000\n[match]\npdq_max_distance = 0\n")
    second = hashsweep(*command, "-c", settings).json
    assert second["rows_digest"] != first["rows_digest"]
    assert second["coverage"]["outcomes"]["too_large"] > 0


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("scheduler", ["none", "local"])
def test_a_stopped_run_says_what_is_missing_and_the_same_command_continues(
    directory, workspace, settings, scheduler, sent
):
    command = scan_of(directory, workspace, settings, scheduler)
    running = start(*command)
    while not list(workspace.glob("runs/*/parts/*.parquet")):
        assert running.poll() is None, running.communicate()[1]
        time.sleep(0.02)
    os.killpg(running.pid, sent) if sent == signal.SIGINT else running.send_signal(sent)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 3, err
    assert not out
    assert "stopped" in err
    assert "parts" in err
    assert "the same command continues" in err
    assert "Traceback" not in err
    done = hashsweep(*command)
    assert done.code == 1
    assert len(list((workspace / "runs").iterdir())) == 1


def test_without_a_list_a_scan_is_refused_with_the_command_that_imports_one(directory, tmp_path):
    done = hashsweep("scan", f"file://{directory}", "-w", tmp_path / "empty", "--scheduler", "none")
    assert done.code == 2
    assert "hashsweep lists import" in done.err


def test_an_empty_target_is_incomplete_unless_allowed(workspace, tmp_path):
    (tmp_path / "nothing").mkdir()
    command = ("scan", f"file://{tmp_path / 'nothing'}", "-w", workspace, "--scheduler", "none")
    assert hashsweep(*command).code == 3
    assert hashsweep(*command, "--allow-empty").code == 0


def test_findings_can_be_no_error_for_schedulers_that_know_two_codes(command):
    assert hashsweep(*command, "--exit-zero-on-findings").code == 0


def schema_version(path):
    """Return what a file says of its format; raw arrays and lines leave that to the header beside them."""
    if path.suffix == ".parquet":
        return pq.read_schema(path).metadata[b"hashsweep.schema_version"].decode()
    if path.suffix == ".arrow":
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).schema.metadata[b"hashsweep.schema_version"].decode()
    headers = {".npy": path.parents[1] / "table.json", ".jsonl": path.with_name("run.json")}
    return str(json.loads(headers.get(path.suffix, path).read_text())["schema_version"])


def test_a_schema_version_is_in_every_file_that_is_written(command, workspace):
    assert hashsweep(*command).code == 1
    files = [path for path in workspace.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert {path.suffix for path in files} == {".parquet", ".arrow", ".json", ".jsonl", ".npy"}
    assert {schema_version(path) for path in files} == {"1"}


def test_all_files_of_a_workspace_are_private(directory, workspace, settings):
    hashsweep(*scan_of(directory, workspace, settings, "local"))
    for path in [workspace, *workspace.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_no_list_value_is_in_any_output_log_or_manifest(command, workspace):
    listed = [text.split(",")[3] for text in workspace.with_suffix(".csv").read_text().split("\n")[1:-1]]
    scanned = hashsweep("-vv", *command)
    shown = hashsweep("findings", "-w", workspace)
    key = {"HASHSWEEP_REDACTION_KEY": "k" * 40}
    redacted = hashsweep("findings", "-w", workspace, "--redacted", "--format", "jsonl", env=key)
    assert redacted.code == 0, redacted.err
    for text in (scanned.out, scanned.err, shown.out, redacted.out):
        assert not [value for value in listed if value in text.lower()]
    perceptual = [value for value in listed if len(value) == 16 or value not in _digests(workspace)]
    manifest = max((workspace / "runs").iterdir())
    for path in manifest.glob("manifest.*"):
        assert not [value for value in perceptual if value.encode() in path.read_bytes()]


def _digests(workspace: Path) -> set[str]:
    return {row["sha256"] for row in rows(workspace)}


def test_a_target_that_cannot_be_listed_leaves_the_others_scanned_and_the_run_incomplete(
    seaweedfs, workspace, settings, store, directory
):
    settings.write_text(
        SETTINGS
        + f'[[targets]]\nurl = "s3://no-such-bucket"\nendpoint_url = "{seaweedfs.endpoint_url}"\n'
        + f'[[targets]]\nurl = "file://{directory}"\n'
    )
    done = hashsweep("scan", "-c", settings, "-w", workspace, "--scheduler", "none", "--json")
    assert done.code == 3
    assert "no-such-bucket" in " ".join(done.json["reasons"])
    assert {row["key"] for row in rows(workspace)} == FOUND


def test_two_scans_of_one_workspace_at_once_are_refused(command, workspace):
    running = start(*command)
    while not list(workspace.glob("runs/*/run.json")):
        time.sleep(0.01)
    running.send_signal(signal.SIGSTOP)  # else it may be over before the second one has begun
    second = hashsweep(*command)
    running.send_signal(signal.SIGCONT)
    running.communicate(timeout=60)
    assert second.code == 2
    assert "another hashsweep is at work" in second.err
    assert running.returncode == 1


def test_a_decoder_cap_costs_the_object_and_keeps_its_digests(command, directory):
    (directory / "bomb.png").write_bytes(pictures.pixel_bomb())
    done = hashsweep(*command)
    assert done.code == 1
    assert done.json["coverage"]["outcomes"]["too_large"] == 1


def test_a_remote_scheduler_without_encryption_needs_the_named_flag(directory, workspace, settings):
    with LocalCluster(2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        command = ("scan", f"file://{directory}", "-c", settings, "-w", workspace, "--json")
        refused = hashsweep(*command, "--scheduler", cluster.scheduler_address)
        assert refused.code == 2
        assert "--insecure-scheduler" in refused.err
        done = hashsweep(*command, "--scheduler", cluster.scheduler_address, "--insecure-scheduler")
        assert done.code == 1, done.err
        again = hashsweep(*command, "--scheduler", cluster.scheduler_address, "--insecure-scheduler")
        assert again.json["rows_digest"] == done.json["rows_digest"]


def test_an_unknown_scheduler_is_refused_by_name(directory, workspace):
    done = hashsweep("scan", f"file://{directory}", "-w", workspace, "--scheduler", "ray")
    assert done.code == 2
    assert "none, local, tls://" in done.err


def test_a_sample_says_that_it_is_one(command):
    done = hashsweep(*command, "--sample", "7")
    assert done.json["inventory"]["objects"] == 7
    assert done.json["inventory"]["targets"][0]["sampled"] is True


def test_the_line_module_names_what_is_known():
    assert len(FOUND) == len(line.KNOWN) + 4


def test_a_difference_tells_new_gone_and_unchecked_findings_apart(command, directory, workspace, settings):
    first = hashsweep(*command).json["run_id"]
    (directory / "copies" / "exact.jpg").rename(directory / "copies" / "renamed.jpg")
    (directory / "photos" / "001.jpg").unlink()
    settings.write_text(SETTINGS + '[select]\nexclude = ["photos/002.jpg"]\n')
    assert hashsweep(*command).code == 1
    told = hashsweep("findings", "-w", workspace, "--diff", first, "--format", "jsonl")
    states = {row["key"]: (row["state"], row["reason"]) for row in map(json.loads, told.out.splitlines())}
    expected = dict.fromkeys(FOUND, ("unchanged", None))
    expected["copies/renamed.jpg"] = ("new", None)
    expected["copies/exact.jpg"] = expected["photos/001.jpg"] = ("gone", "object_gone")
    expected["photos/002.jpg"] = ("unchecked", "excluded")
    assert states == expected
    assert (
        "1 new, 0 changed, 7 unchanged, 2 gone, 1 unchecked"
        in hashsweep("findings", "-w", workspace, "--diff", first).out
    )


def test_a_withdrawn_entry_retires_its_findings_with_the_reason(command, workspace):
    first = hashsweep(*command).json["run_id"]
    lines = workspace.with_suffix(".csv").read_text().splitlines()
    workspace.with_suffix(".csv").write_text("\n".join(line for line in lines if not line.startswith("e5,")))
    again = ("lists", "import", "tests", workspace.with_suffix(".csv"), "-w", workspace)
    assert hashsweep(*again).code == 2, "losing more than one percent of a list is asked about"
    assert hashsweep(*again, "--accept-changes").code == 0
    hashsweep(*command)
    told = hashsweep("findings", "-w", workspace, "--diff", first, "--format", "jsonl")
    gone = [row for row in map(json.loads, told.out.splitlines()) if row["state"] == "gone"]
    assert [(row["key"], row["reason"]) for row in gone] == [("photos/005.jpg", "entry_withdrawn")]
