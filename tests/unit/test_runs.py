"""Runs: what pins one, which is taken up again, which came before."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from scanner.errors import ManifestError, WorkspaceError
from scanner.findings.manifest import write_manifest
from scanner.runs import all_runs, begin, complete_before, finished_before, finished_run, take_up
from scanner.workspace import Workspace, json_bytes

NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
HOURS = timedelta(hours=12)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace").create()


def end(run, at):
    write_manifest(run.path, [], {"run_id": run.run_id, "finished_at": at.isoformat()}, None, None)


@pytest.fixture
def begun(workspace):
    """Return a function that begins runs, some hours before NOW, and ends those that took some."""

    def make(hours=0.0, key="k", target_key="t", finished=False, took=0.0):
        at = NOW - timedelta(hours=hours)
        run = begin(
            workspace, {"key": key, "target_key": target_key}, at, f"{len(list(all_runs(workspace)))}"
        )
        if finished:
            end(run, at + timedelta(hours=took))
        return run

    return make


def test_a_run_is_named_by_the_time_it_began_and_pins_its_header(workspace):
    run = begin(workspace, {"key": "k", "table": "d"}, NOW, "abc")
    assert run.run_id == "20260304T050607Z-abc"
    pinned = json.loads((run.path / "run.json").read_text())
    assert pinned == run.header
    assert {**pinned, "run_id": run.run_id, "key": "k", "table": "d", "schema_version": 1} == pinned
    assert run.started_at == NOW
    assert all(folder.is_dir() for folder in (run.inventory, run.parts, run.matches))


def test_a_name_is_never_used_for_two_runs(workspace):
    begin(workspace, {"key": "one"}, NOW, "abc")
    with pytest.raises(WorkspaceError, match="a run of this name exists; try again"):
        begin(workspace, {"key": "two"}, NOW, "abc")
    assert [run.header["key"] for run in all_runs(workspace)] == ["one"]


def test_a_run_is_finished_once_its_manifest_is_there(begun):
    run = begun()
    assert not run.finished
    end(run, NOW)
    assert run.finished
    assert run.finished_at == NOW


def test_runs_are_told_newest_first(workspace, begun):
    made = [begun(hours) for hours in (5, 50, 500, 0)]
    told = [run.run_id for run in all_runs(workspace)]
    assert told == sorted((run.run_id for run in made), reverse=True)
    assert told[0] == made[3].run_id


def test_a_folder_that_pins_nothing_is_no_run(workspace, begun):
    run = begun()
    (workspace.runs / "99999999T000000Z-killed").mkdir()
    (workspace.runs / "99999999T000001Z-foreign").mkdir()
    (workspace.runs / "99999999T000001Z-foreign" / "run.json").write_text("{}")
    assert list(all_runs(workspace)) == [run]
    assert take_up(workspace, "k", NOW, HOURS) == run


def test_the_newest_unfinished_run_of_the_command_is_taken_up(workspace, begun):
    begun(9)
    newest = begun(3)
    begun(2, key="another command")
    begun(1, finished=True)
    assert take_up(workspace, "k", NOW, HOURS) == newest


@pytest.mark.parametrize(
    ("hours", "taken"), [(0, True), (11.9, True), (12, True), (12.1, False), (900, False)]
)
def test_an_inventory_that_is_too_old_is_not_taken_up(workspace, begun, hours, taken):
    run = begun(hours)
    assert take_up(workspace, "k", NOW, HOURS) == (run if taken else None)


def test_nothing_is_taken_up_where_nothing_is_left_unfinished(workspace, begun):
    assert take_up(workspace, "k", NOW, HOURS) is None
    begun(1, finished=True)
    assert take_up(workspace, "k", NOW, HOURS) is None


def test_the_run_before_is_the_newest_finished_one_of_the_same_targets(workspace, begun):
    begun(9, finished=True)
    before = begun(6, key="other settings", finished=True)
    begun(3, target_key="other targets", finished=True)
    begun(1)
    assert finished_before(workspace, "t")[0] == before
    assert finished_before(workspace, "never scanned") == []


def test_a_difference_compares_with_the_last_complete_run_of_the_same_targets(workspace, begun):
    for hours, complete, target_key in ((5, True, "t"), (4, True, "t"), (3, False, "t"), (2, True, "other")):
        run = begun(hours, target_key=target_key)
        provenance = {"finished_at": run.started_at.isoformat(), "complete": complete}
        write_manifest(run.path, [], {"run_id": run.run_id, **provenance}, None, None)
    chosen = begun(1, finished=True)
    damaged = begun(1.5, finished=True)
    (damaged.path / "manifest.json").write_text("{}")
    assert complete_before(workspace, chosen).run_id == run_at(workspace, 4)
    earliest = next(run for run in all_runs(workspace) if run.run_id == run_at(workspace, 5))
    with pytest.raises(ManifestError, match="no complete run of the same targets before it"):
        complete_before(workspace, earliest)


def run_at(workspace, hours):
    """Return the name of the run that began so many hours ago."""
    (name,) = [run.run_id for run in all_runs(workspace) if run.started_at == NOW - timedelta(hours=hours)]
    return name


def test_runs_that_ended_are_ordered_by_their_ends(workspace, begun):
    between, stopped = begun(5, finished=True, took=1), begun(9, finished=True, took=8)
    last = begun(2, finished=True, took=1.5)
    assert finished_before(workspace, "t") == [last, stopped, between]
    (last.path / "manifest.json").unlink()
    assert finished_run(workspace, None) == stopped
    with pytest.raises(ManifestError, match=f"the newest are {stopped.run_id}, {between.run_id}$"):
        finished_run(workspace, "none")


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        lambda header: {**header, "provenance": {}},
        lambda header: {**header, "provenance": {"finished_at": 7}},
        lambda header: {**header, "provenance": {"finished_at": "yesterday"}},
        lambda header: {**header, "provenance": {"finished_at": "2026-03-04T05:06:07"}},
    ],
)
def test_a_run_whose_manifest_is_damaged_counts_from_its_start(workspace, begun, damage):
    before, damaged = begun(5, finished=True, took=1), begun(9, finished=True, took=8)
    file = damaged.path / "manifest.json"
    file.write_bytes(
        damage if isinstance(damage, bytes) else json_bytes(damage(json.loads(file.read_bytes())))
    )
    assert finished_before(workspace, "t") == [before, damaged]
    assert finished_run(workspace, damaged.run_id).finished_at == damaged.started_at


def test_a_finished_run_is_found_by_its_id_or_as_the_newest(workspace, begun):
    older, newest, _ = begun(5, finished=True), begun(3, finished=True), begun(1)
    assert finished_run(workspace, None) == newest
    assert finished_run(workspace, older.run_id) == older


def test_an_unfinished_or_unknown_run_is_refused_with_those_that_there_are(workspace, begun):
    finished = [begun(hours, finished=True) for hours in range(10, 3, -1)]
    for name in (begun(1).run_id, "nonsense", "../workspace"):
        with pytest.raises(ManifestError, match="no finished run of that id") as refused:
            finished_run(workspace, name)
        known = str(refused.value).partition("the newest are ")[2].split(", ")
        assert known == [run.run_id for run in reversed(finished)][:5]


def test_a_workspace_without_a_finished_run_says_how_to_make_one(workspace, begun):
    begun()
    with pytest.raises(ManifestError, match="no finished run yet; `hashsweep scan TARGET` makes one"):
        finished_run(workspace, None)
