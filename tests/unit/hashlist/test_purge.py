"""What a list held before goes when it is old, or when the persons concerned withdrew it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from scanner.cli.commands import app
from scanner.config import Matching
from scanner.errors import HashListError
from scanner.hashlist.delta import delta_of
from scanner.hashlist.importer import import_list
from scanner.hashlist.kept import before_active, snapshots_of, verified
from scanner.hashlist.purge import every_plan, planned, purge
from scanner.hashlist.snapshot import open_snapshot
from scanner.hashlist.stream import checked_entries
from scanner.hashlist.table import build_table
from scanner.list_policy import ListPolicy
from scanner.match.distances import max_distances
from tests.unit.hashlist import lists

AT = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = ListPolicy(user_submitted=True)


@pytest.fixture
def bring(workspace, tmp_path):
    """Return a function that imports so many entries, each time a day later."""
    days = iter(range(99))

    def brought(count, start=0, policy=None, name="own"):
        file = lists.write_csv(tmp_path / "list.csv", lists.rows("md5", count, start=start))
        at = AT + timedelta(days=next(days))
        return import_list(workspace, name, file, policy or ListPolicy(), None, at, accept_changes=True)

    return brought


def bytes_below(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_old_snapshots_lose_their_entries_but_the_active_one_and_the_one_before(workspace, bring):
    put = [bring(count).snapshot for count in (3, 4, 5, 6)]
    policy, now = ListPolicy(retention_days=10), AT + timedelta(days=12)
    plan = planned(workspace, "own", policy, now)
    assert [one.snapshot.digest for one in plan] == [put[0].digest, put[1].digest]
    assert planned(workspace, "own", policy, AT + timedelta(days=9)) == []
    purge(workspace, plan, now)
    states = {one.digest: (one.problem, one.purged) for one in verified(workspace, ["own"])}
    why = "older than its retention (2026-03-13)"
    assert states == {
        put[0].digest: (None, why),
        put[1].digest: (None, why),
        put[2].digest: (None, None),
        put[3].digest: (None, None),
    }
    assert planned(workspace, "own", policy, now) == []
    assert before_active(workspace, "own")[0].digest == put[2].digest


def test_a_purged_snapshot_keeps_its_digest_counts_and_the_reason(workspace, bring):
    first = bring(3).snapshot
    bring(5, policy=PEOPLE, start=1)
    kept = snapshots_of(workspace, "own")[0]
    assert (kept.digest, kept.counts) == (first.digest, first.counts)
    with pytest.raises(HashListError, match="purged: persons concerned withdrew entries"):
        list(checked_entries(kept))


def test_what_persons_withdrew_is_purged_from_earlier_snapshots_tables_and_deltas(workspace, bring):
    value = lists.value("md5", 0)
    snapshots = [bring(3 + start, start=1 - start, policy=PEOPLE).snapshot for start in (0, 1)]
    delta = delta_of(workspace, *snapshots)
    tables = [build_table(workspace, [one], max_distances(Matching())) for one in (snapshots[1], delta.added)]
    assert all(value in bytes_below(table.path) for table in tables)
    report = bring(4, start=1, policy=PEOPLE)
    assert report.remarks == (
        "2 earlier snapshots were purged: persons concerned withdrew entries of the list",
    )
    assert value not in bytes_below(workspace.root)
    assert not (workspace.deltas / "own").exists()
    assert len(open_snapshot(report.snapshot)) == 4


def test_tables_of_other_lists_stay(workspace, bring):
    other = bring(3, name="other").snapshot
    table = build_table(workspace, [other], max_distances(Matching()))
    bring(3, policy=PEOPLE)
    bring(3, start=1, policy=PEOPLE)
    assert table.path.exists()


def test_a_list_that_loses_nothing_purges_nothing(workspace, bring):
    bring(3, policy=PEOPLE)
    assert bring(4, policy=PEOPLE).remarks == ()
    assert all(one.purged is None for one in verified(workspace, ["own"]))


def test_a_scan_at_work_is_not_disturbed_and_the_purge_is_left_to_a_command(workspace, bring):
    bring(3, policy=PEOPLE)
    with workspace.lock("scan"):
        report = bring(3, start=1, policy=PEOPLE)
    assert "another hashsweep is at work here (scan)" in report.remarks[0]
    assert "afterwards: hashsweep lists prune own --yes" in report.remarks[0]
    assert len(every_plan(workspace, {"own": PEOPLE}, ["own"], AT)) == 1


def test_a_list_that_comes_back_to_a_purged_content_is_whole_again(workspace, bring):
    first = bring(3).snapshot
    bring(4, start=5, policy=PEOPLE)
    assert bring(3).snapshot.digest == first.digest
    assert len(open_snapshot(first)) == 3
    assert all(one.problem is None for one in verified(workspace, ["own"]))


@pytest.fixture
def command(workspace, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text(f'workspace = "{workspace.root}"\n[lists.own]\nretention_days = 1.0\n')
    return lambda *words: CliRunner().invoke(app, ["lists", *words, "-c", str(file)])


def test_pruning_is_told_first_and_done_on_demand(workspace, bring, command):
    put = [bring(count).snapshot for count in (3, 4, 5)]
    line = f"own {put[0].digest[:12]} would be purged: older than its retention\n"
    assert command("prune").output == line + "nothing was changed; --yes does it\n"
    done = json.loads(command("prune", "own", "--yes", "--json").output)
    assert done == {
        "done": True,
        "snapshots": [{"list": "own", "digest": put[0].digest, "reason": "older than its retention"}],
    }
    assert command("prune").output == "nothing to prune\n"
    assert "purged: older than its retention" in command("verify").output
    assert command("verify").exit_code == 0


def test_show_tells_all_snapshots_of_a_list_by_counts_refusals_and_changes(bring, command):
    put = [bring(count).snapshot for count in (3, 5)]
    text = command("show", "own").output.splitlines()
    assert text[0].startswith(f"own {put[0].digest[:12]}, imported 2026-03-01 00:00")
    assert text[1:6] == [
        "  3 entries, 3 matched",
        "  by algorithm: md5 3",
        "  by classification: none 3",
        "  by status: active 3",
        "  refused: none",
    ]
    assert text[6].startswith(f"own {put[1].digest[:12]}, imported 2026-03-02 00:00, active")
    assert text[-4:] == [
        f"changed since {put[0].digest[:12]}:",
        "  added: md5 2",
        "  withdrawn: none",
        "  changed: none",
    ]
    told = json.loads(command("show", "own", "--json").output)
    assert (told["active"], told["changes"]["added"]) == (put[1].digest, {"md5": 2})
    assert [one["refusals"] for one in told["snapshots"]] == [{}, {}]


def test_show_of_a_list_that_was_never_imported_says_so(command):
    assert "no snapshot is active" in str(command("show", "nobody").exception)


def test_no_command_on_lists_shows_a_value(workspace, bring, command):
    bring(3)
    bring(5)
    for words in (
        ["show"],
        ["show", "own"],
        ["show", "own", "--json"],
        ["diff", "own"],
        ["verify"],
        ["prune"],
    ):
        output = command(*words).output
        assert not any(lists.value("md5", n).hex()[:8] in output for n in range(5))
