"""How fingerprints and matches become findings."""

import hashlib
import itertools

import pytest

from scanner.findings.form import cluster_of, ordered, united
from scanner.findings.policy import Dropped, Policies
from scanner.records import Outcome
from tests.unit.findings.cases import LISTS, fingerprint, form, match, ref


def test_a_finding_carries_the_object_its_matches_and_what_was_omitted():
    one = fingerprint(outcome=Outcome.UNDECODABLE)
    (found,) = form([one], [match(), match(algorithm="pdq", distance=6)], {one.object.finding_id: 7})
    assert found.finding_id == one.object.finding_id
    assert found.object == one.object
    assert (found.sha256, found.media_type, found.outcome) == (one.sha256, "image/jpeg", Outcome.UNDECODABLE)
    assert [m.algorithm for m in found.matches] == ["sha256", "pdq"]
    assert (found.severity, found.matches_omitted, found.first_seen_run) == ("report", 7, "run-1")


def test_a_fingerprint_whose_matches_are_all_dropped_is_no_finding():
    dropped = [match(list="strict", algorithm="pdq", distance=20), match(classification="retired")]
    assert form([fingerprint()], dropped) == []


@pytest.mark.parametrize(
    ("matches", "counted"),
    [
        ([match(), match(entry_id="e-2"), match(algorithm="md5")], 7),
        ([match(), match(entry_id="e-2", classification=None)], 0),
        ([match(), match(entry_id="e-2", entry_status="withdrawn")], 0),
        ([match(), match(entry_id="e-2", list="people")], 0),
        ([match(), match(), match(algorithm="md5")], 0),
        ([match(), *(match(entry_id=f"e-{n}", classification="retired") for n in range(2))], 0),
        ([match(list="strict", algorithm="pdq", distance=9, entry_id=f"e-{n}") for n in range(2)], 7),
        ([match(list="strict", algorithm="pdq", distance=n, entry_id=f"e-{n}") for n in (9, 11)], 0),
    ],
)
def test_what_was_left_out_counts_where_what_is_kept_has_as_many_as_the_join_names(matches, counted):
    omitted = {ref().finding_id: 7}
    (found,) = form([fingerprint()], matches, omitted, policies=Policies(LISTS, 2))
    assert found.matches_omitted == counted


def test_an_object_that_lost_every_match_to_the_policies_is_counted():
    one, two, three = (fingerprint(ref(key)) for key in "abc")
    near = match(one.object, list="strict", algorithm="pdq", distance=20)
    old = match(one.object, classification="retired")
    both = [match(two.object), match(two.object, classification="retired", entry_id="e-2")]
    policies = Policies(LISTS, 100)
    found = form([one, two, three], [near, old, old, *both], policies=policies)
    assert [finding.object.key for finding in found] == ["b"]
    assert policies.dropped == Dropped(ignored=2, beyond_list_distance=1, objects=1)


def test_a_finding_keeps_the_run_that_saw_it_first():
    one, two = fingerprint(ref("a")), fingerprint(ref("b"))
    matches = [match(one.object), match(two.object)]
    found = form([one, two], matches, known={one.object.finding_id: "run-0"}, run_id="run-9")
    assert [f.first_seen_run for f in found] == ["run-0", "run-9"]


def test_the_order_of_matches_does_not_depend_on_their_arrival():
    matches = [
        match(algorithm="md5"),
        match(list="people"),
        match(algorithm="pdq", distance=2, locator="frame 1"),
        match(algorithm="pdq", distance=2),
        match(algorithm="phash", distance=1, entry_id="z"),
    ]
    results = {form([fingerprint()], order)[0].matches for order in itertools.permutations(matches)}
    assert len(results) == 1
    assert [m.distance for m in results.pop()] == [0, 0, 1, 2, 2]


def test_a_match_that_comes_twice_counts_once():
    (found,) = form([fingerprint()], [match(), match()])
    assert len(found.matches) == 1


def test_a_match_without_its_fingerprint_is_not_lost_in_silence():
    with pytest.raises(ValueError, match="1 objects have matches but no fingerprint"):
        form([fingerprint()], [match(), match(ref("elsewhere"))])


def test_equal_bytes_share_a_cluster_and_unread_bytes_have_none():
    assert cluster_of(b"a" * 32) == cluster_of(b"a" * 32) != cluster_of(b"b" * 32)
    assert len(cluster_of(b"a" * 32) or "") == 16
    (found,) = form([fingerprint(sha256=None)], [match(algorithm="pdq")])
    assert found.cluster_id is None


def test_a_cluster_is_called_the_same_by_every_version():
    assert cluster_of(b"S" * 32) == hashlib.sha256(b"hashsweep cluster 1" + b"S" * 32).hexdigest()[:16]


def test_a_cluster_is_no_prefix_of_the_digest_that_a_list_holds():
    assert cluster_of(b"S" * 32) not in (b"S" * 32).hex()


def test_rows_of_one_object_version_become_one_finding_that_forgets_nothing():
    denied = fingerprint(outcome=Outcome.DENIED, sha256=None)
    (weak,) = form([denied], [match(algorithm="pdq", distance=8)], {denied.object.finding_id: 2})
    (strong,) = form([fingerprint()], [match()])
    for order in itertools.permutations([weak, strong]):
        whole = united(order)
        assert whole.severity == "report"
        assert whole.matches == ordered((*weak.matches, *strong.matches))
        assert (whole.sha256, whole.outcome, whole.matches_omitted) == (b"S" * 32, Outcome.HASHED, 2)


def test_of_rows_that_read_as_much_the_hashed_one_stands():
    rows = [fingerprint(outcome=outcome) for outcome in (Outcome.CRASHED, Outcome.HASHED, Outcome.TIMED_OUT)]
    same = [form([row], [match(list="people")])[0] for row in rows]
    for order in itertools.permutations(same):
        whole = united(order)
        assert (whole.outcome, whole.severity) == (Outcome.HASHED, "review")


def test_what_was_omitted_is_none_unless_said():
    (found,) = form([fingerprint()], [match()])
    assert found.matches_omitted == 0


def test_without_configured_lists_everything_asks_for_review():
    (found,) = form([fingerprint()], [match()], lists={})
    assert found.severity == "review"
