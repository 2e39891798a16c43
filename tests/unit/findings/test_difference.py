"""What became of findings between two runs; what was not looked at is never gone."""

from collections import Counter
from dataclasses import replace

import pytest

from scanner.errors import ManifestError
from scanner.findings.difference import NewRun, State, compare, lessened
from scanner.findings.manifest import read_findings, write_manifest
from scanner.findings.policy import Policies
from scanner.records import Outcome
from tests.unit.findings.cases import LISTS, findings, fingerprint, form, match, ref

UNREAD = {"md5": None, "sha1": None, "sha256": None, "pdq": None, "phash": None, "width": None}


def finding(of=None, **changed):
    named = of or ref()
    return form([fingerprint(named)], [match(named, **changed)])[0]


def run(rows=(), whole=True, entries=True, most=2):
    """Make what a newer run knows from its fingerprint rows."""
    by_id = {row.object.finding_id: row for row in rows}
    return NewRun(by_id.get, lambda _: whole, lambda _: entries, most)


def difference(old, new, newer):
    (one,) = compare(old, new, newer)
    return one


def test_equal_findings_are_unchanged_whatever_the_run():
    later = replace(finding(), first_seen_run="run-0")
    one = difference([finding()], [later], run())
    assert (one.state, one.reason, one.added, one.removed) == (State.UNCHANGED, None, (), ())
    assert one.finding is later


def test_a_finding_that_was_not_there_is_new():
    one = difference([], [finding()], run())
    assert one.state is State.NEW
    assert one.added == (("police", "north", "e-1", "sha256"),)


def test_a_new_match_key_changes_a_finding_and_is_named():
    both = form([fingerprint()], [match(), match(entry_id="e-2")])
    one = difference([finding()], both, run())
    assert (one.state, one.reason) == (State.CHANGED, "matches_added")
    assert one.added == (("police", "north", "e-2", "sha256"),)
    assert one.removed == ()


def test_a_lost_match_key_changes_a_finding_and_is_named():
    both = form([fingerprint()], [match(), match(entry_id="e-2")])
    one = difference(both, [finding()], run([fingerprint()]))
    assert (one.state, one.reason) == (State.CHANGED, "matches_removed")
    assert one.removed == (("police", "north", "e-2", "sha256"),)


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, State.UNCHANGED),
        ({"classification": "B2"}, State.UNCHANGED),
        ({"list": "people"}, State.CHANGED),
        ({"algorithm": "md5"}, State.CHANGED),
    ],
)
def test_a_lost_match_is_no_match_less_only_where_matches_like_it_were_left_out(changed, state):
    two = [match(entry_id=entry) for entry in ("e-1", "e-2")]
    before = form([fingerprint()], [*two, match(entry_id="e-3", **changed)])
    after = form([fingerprint()], two, {ref().finding_id: 5}, policies=Policies(LISTS, 2))
    assert difference(before, after, run([fingerprint()])).state is state
    assert difference(before, after, run([fingerprint()], most=3)).state is State.CHANGED
    whole = [replace(after[0], matches_omitted=0)]
    assert difference(before, whole, run([fingerprint()])).state is State.CHANGED


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.CRASHED, Outcome.UNDECODABLE])
def test_a_match_that_was_not_looked_at_again_is_not_removed(outcome):
    near = [match(algorithm="pdq", distance=3), match(algorithm="phash", distance=1)]
    both = form([fingerprint()], [match(), match(algorithm="md5"), *near])
    blind = fingerprint(outcome=outcome, pdq=None, phash=None)
    one = difference(both, form([blind], [match(), match(algorithm="md5")]), run([blind]))
    assert (one.state, one.reason, one.removed) == (State.UNCHANGED, None, ())
    one = difference(both, form([blind], [match()]), run([blind]))
    assert (one.state, one.reason) == (State.CHANGED, "matches_removed")
    assert one.removed == (("police", "north", "e-1", "md5"),)


def test_what_is_asked_about_is_what_is_gone_or_lost_a_match():
    two = [match(entry_id=entry) for entry in ("e-1", "e-2")]
    (whole,), (half,) = form([fingerprint()], two), form([fingerprint()], two[:1])
    other = finding(ref("z"))
    assert list(lessened([whole, other], [half])) == [whole, other]
    assert list(lessened([half, other], [whole, other])) == []
    assert list(lessened([], [half])) == []


def test_a_new_distance_of_the_same_entry_is_no_change_but_another_severity_is():
    near, nearer = (finding(algorithm="pdq", distance=distance) for distance in (8, 2))
    assert difference([near], [nearer], run()).state is State.UNCHANGED
    urgent = replace(near, severity="report")
    one = difference([near], [urgent], run())
    assert (one.state, one.reason) == (State.CHANGED, "severity_changed")


def test_an_object_that_is_not_listed_any_more_is_gone():
    one = difference([finding()], [], run())
    assert (one.state, one.reason) == (State.GONE, "object_gone")
    assert one.removed == (("police", "north", "e-1", "sha256"),)


def test_an_object_that_went_between_listing_and_reading_is_gone():
    one = difference([finding()], [], run([fingerprint(outcome=Outcome.GONE, **UNREAD)]))
    assert (one.state, one.reason) == (State.GONE, "object_gone")


def test_an_object_that_an_unfinished_listing_did_not_reach_is_unchecked():
    one = difference([finding()], [], run(whole=False))
    assert (one.state, one.reason) == (State.UNCHECKED, "not_listed")


def test_a_listing_is_asked_about_the_object_itself():
    old = sorted([finding(ref("a/1")), finding(ref("b/1"))], key=lambda f: f.object.identity)
    newer = NewRun({}.get, lambda object_ref: object_ref.key.startswith("a/"), lambda _: True, 2)
    assert [d.state for d in compare(old, [], newer)] == [State.GONE, State.UNCHECKED]


def test_a_withdrawn_entry_and_a_changed_policy_are_told_apart():
    rows = [fingerprint()]
    one = difference([finding()], [], run(rows, entries=False))
    assert (one.state, one.reason) == (State.GONE, "entry_withdrawn")
    one = difference([finding()], [], run(rows, entries=True))
    assert (one.state, one.reason) == (State.GONE, "policy_changed")


def test_the_table_is_asked_for_the_very_entry():
    asked = []
    newer = NewRun({finding().finding_id: fingerprint()}.get, lambda _: True, asked.append, 2)
    assert difference([finding()], [], newer).reason == "entry_withdrawn"
    assert asked == [("police", "north", "e-1", "sha256")]


@pytest.mark.parametrize("algorithm", ["md5", "sha256", "pdq", "phash"])
@pytest.mark.parametrize("entries", [True, False])
@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.GONE}))
def test_an_object_that_was_not_read_is_unchecked_and_never_gone(outcome, algorithm, entries):
    newer = run([fingerprint(outcome=outcome, **UNREAD)], entries=entries)
    one = difference([finding(algorithm=algorithm)], [], newer)
    assert (one.state, one.reason) == (State.UNCHECKED, outcome)


@pytest.mark.parametrize(
    ("algorithm", "state"),
    [("md5", State.GONE), ("sha256", State.GONE), ("pdq", State.UNCHECKED), ("phash", State.UNCHECKED)],
)
def test_an_object_that_was_read_and_not_seen_is_checked_by_its_digests_alone(algorithm, state):
    blind = fingerprint(outcome=Outcome.UNDECODABLE, pdq=None, phash=None)
    assert difference([finding(algorithm=algorithm)], [], run([blind])).state is state


def test_one_match_that_was_not_checked_is_enough_to_stay_unchecked():
    both = form([fingerprint()], [match(), match(algorithm="pdq", distance=3)])
    blind = fingerprint(outcome=Outcome.CRASHED, pdq=None)
    assert difference(both, [], run([blind])).state is State.UNCHECKED


def test_a_new_upload_of_the_same_bytes_is_a_new_finding_and_the_old_one_is_gone():
    old, new = finding(ref(etag="1")), finding(ref(etag="2"))
    states = [(d.finding.object.etag, d.state) for d in compare([old], [new], run())]
    assert states == [("1", State.GONE), ("2", State.NEW)]


def test_manifests_are_compared_row_by_row(tmp_path):
    rows = findings(60)
    write_manifest(tmp_path / "1", rows[:40], {"run_id": "run-1"}, None, None)
    write_manifest(tmp_path / "2", rows[20:], {"run_id": "run-2"}, None, None)
    old, new = read_findings(tmp_path / "1"), read_findings(tmp_path / "2")
    found = list(compare(old, new, run()))
    assert Counter(d.state for d in found) == {State.GONE: 20, State.UNCHANGED: 20, State.NEW: 20}
    identities = [d.finding.object.identity for d in found]
    assert identities == sorted(identities)
    assert {d.finding.finding_id for d in found if d.state is State.NEW} == {r.finding_id for r in rows[40:]}


def test_nothing_and_nothing_differ_in_nothing():
    assert list(compare([], [], run())) == []


@pytest.mark.parametrize("turn", [0, 1])
def test_a_manifest_out_of_order_is_refused_rather_than_compared_wrongly(turn):
    rows = sorted(findings(3), key=lambda f: f.object.identity)
    for wrong in (rows[::-1], [rows[0], *rows]):
        sides = [rows, rows]
        sides[turn] = wrong
        with pytest.raises(ManifestError, match="not in its order"):
            list(compare(*sides, run()))


def test_states_are_spelled_as_programs_read_them():
    assert [str(state) for state in State] == ["new", "changed", "unchanged", "gone", "unchecked"]
