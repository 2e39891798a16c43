"""All snapshots of a list: which there are, whether they are whole, and how two of them differ."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from scanner.cli.commands import app
from scanner.config import ListPolicy
from scanner.errors import HashListError
from scanner.hashlist.importer import import_list
from scanner.hashlist.kept import before_active, changes, chosen, lists_of, snapshots_of, verified
from tests.unit.hashlist import lists

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def bring(workspace, tmp_path):
    """Return a function that imports rows as the next content of a list."""
    times = (AT + timedelta(days=day) for day in range(9))

    def brought(*listed, name="iwf"):
        file = lists.write_csv(tmp_path / "list.csv", listed)
        return import_list(
            workspace, name, file, ListPolicy(), None, next(times), accept_changes=True
        ).snapshot

    return brought


def entry(number, value=None, algorithm="md5", **columns):
    seed = number if value is None else value
    return {
        "entry_id": f"e{number}",
        "algorithm": algorithm,
        "value": lists.value(algorithm, seed).hex(),
        **columns,
    }


def test_snapshots_come_in_the_order_of_their_import(workspace, bring):
    put = [bring(entry(number)) for number in (5, 3, 4)]
    assert [one.digest for one in snapshots_of(workspace, "iwf")] == [one.digest for one in put]
    assert before_active(workspace, "iwf")[0].digest == put[1].digest
    assert [one.digest for one in before_active(workspace, "iwf")][1] == put[2].digest
    assert snapshots_of(workspace, "other") == []


def test_changes_are_told_by_algorithm_and_entries_that_never_match_are_none(workspace, bring):
    status = {"status": "active"}
    earlier = bring(entry(1, **status), entry(2), entry(3), entry(4, algorithm="pdq"))
    later = bring(
        entry(1, **status), entry(2, 9), entry(3, status="withdrawn"), entry(5, algorithm="pdq"), entry(6)
    )
    said = changes(workspace, earlier, later)
    assert (said["added"], said["withdrawn"], said["changed"]) == (
        {"md5": 1, "pdq": 1},
        {"md5": 1, "pdq": 1},
        {"md5": 1},
    )
    assert changes(workspace, None, later)["added"] == {"md5": 3, "pdq": 1}
    assert (said["earlier"], said["later"]) == (earlier.digest, later.digest)


def test_a_snapshot_is_chosen_by_how_its_digest_begins(workspace, bring):
    first, second = bring(entry(1)), bring(entry(2))
    assert chosen(workspace, "iwf", first.digest[:8]) == first
    for digest in ("", "zz"):
        with pytest.raises(HashListError, match=rf"snapshots begin with '{digest}'.*{second.digest[:12]}"):
            chosen(workspace, "iwf", digest)


def test_what_is_damaged_is_told_and_what_is_whole_too(workspace, bring):
    first, second, other = bring(entry(1)), bring(entry(2)), bring(entry(3), name="other")
    assert [(one.active, one.problem) for one in verified(workspace, ["other"])] == [(True, None)]
    (first.path / "entries.parquet").chmod(0o600)
    (first.path / "entries.parquet").write_bytes(b"PAR1")
    (workspace.lists / "other" / "current.json").unlink()
    told = {(one.list, one.digest): one for one in verified(workspace, lists_of(workspace))}
    assert "import the list again" in told["iwf", first.digest].problem
    assert told["iwf", second.digest].problem is None
    assert "no snapshot is active" in told["other", ""].problem
    assert (told["other", other.digest].active, told["other", other.digest].problem) == (False, None)


def test_the_commands_say_figures_and_no_value(workspace, bring):
    first = bring(entry(1), entry(2))
    bring(entry(2), entry(3), entry(4))
    runner, place = CliRunner(), ["-w", str(workspace.root)]
    done = runner.invoke(app, ["lists", "diff", "iwf", *place])
    assert done.output.splitlines()[1:] == ["  added: md5 2", "  withdrawn: md5 1", "  changed: none"]
    done = runner.invoke(app, ["lists", "diff", "iwf", first.digest[:9], "--json", *place])
    assert json.loads(done.output)["added"] == {"md5": 2}
    whole = runner.invoke(app, ["lists", "verify", *place])
    assert (whole.exit_code, whole.output.count("whole")) == (0, 2)
    (first.path / "entries.parquet").unlink()
    broken = runner.invoke(app, ["lists", "verify", "iwf", "--json", *place])
    assert broken.exit_code == 3
    assert sum(one["problem"] is not None for one in json.loads(broken.output)) == 1
    outputs = "".join(one.output for one in (done, whole, broken))
    assert not any(spelt in outputs for n in range(5) for spelt in lists.spellings(lists.value("md5", n)))


def test_a_list_that_was_never_imported_has_no_difference(workspace):
    with pytest.raises(HashListError, match="list iwf: no snapshot is active"):
        before_active(workspace, "iwf")
