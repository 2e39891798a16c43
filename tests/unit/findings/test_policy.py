"""What a list's policy keeps, and how urgent it makes a finding."""

import pytest

from scanner.config import ListPolicy
from scanner.findings.policy import REPORT, REVIEW, Dropped, kept_match, severity_of
from tests.unit.findings.cases import LISTS, match


@pytest.mark.parametrize(
    ("algorithm", "distance", "threshold", "kept"),
    [
        ("pdq", 10, 31, 10),
        ("pdq", 11, 31, None),
        ("pdq", 5, 8, 8),
        ("phash", 2, 4, 2),
        ("phash", 3, 4, None),
        ("dhash", 1, 3, 1),
        ("dhash", 2, 3, None),
        ("whash", 0, 4, 0),
        ("whash", 1, 4, None),
        ("md5", 0, 0, 0),
        ("sha256", 0, 0, 0),
    ],
)
def test_the_effective_threshold_is_the_stricter_one(algorithm, distance, threshold, kept):
    found = kept_match(
        match(list="strict", algorithm=algorithm, distance=distance, threshold=threshold), LISTS, Dropped()
    )
    assert (found.threshold if found else None) == kept


def test_a_list_of_its_own_distance_cannot_widen_the_join():
    lists = {"wide": ListPolicy(pdq_max_distance=64)}
    found = kept_match(match(list="wide", algorithm="pdq", distance=30, threshold=31), lists, Dropped())
    assert found is not None
    assert found.threshold == 31


def test_an_ignored_classification_is_dropped_only_on_its_own_list():
    assert kept_match(match(classification="retired"), LISTS, Dropped()) is None
    assert kept_match(match(classification="retired", list="people"), LISTS, Dropped()) is not None
    assert kept_match(match(classification=None), LISTS, Dropped()) is not None


@pytest.mark.parametrize(
    ("matches", "counted"),
    [
        ([match(classification="retired")], Dropped(ignored=1)),
        ([match(list="strict", algorithm="pdq", distance=11)], Dropped(beyond_list_distance=1)),
        ([match(), match(list="strict", algorithm="pdq", distance=10)], Dropped()),
        ([match(classification="retired")] * 2, Dropped(ignored=2)),
    ],
)
def test_what_is_dropped_is_counted_by_the_reason(matches, counted):
    dropped = Dropped()
    for one in matches:
        kept_match(one, LISTS, dropped)
    assert dropped == counted


def test_what_is_ignored_at_any_distance_counts_as_ignored():
    dropped = Dropped()
    far = match(list="both", algorithm="pdq", distance=9, classification="B")
    assert kept_match(far, {"both": ListPolicy(ignore=("B",), pdq_max_distance=3)}, dropped) is None
    assert dropped == Dropped(ignored=1)


def test_nothing_but_the_threshold_changes():
    near = match(list="strict", algorithm="pdq", distance=4, tags=("t",), locator="frame 2", quality=77)
    found = kept_match(near, LISTS, Dropped())
    assert found is not None
    assert found.threshold == 10
    assert {**vars(found), "threshold": 31} == vars(near)


@pytest.mark.parametrize(
    ("changed", "severity"),
    [
        ({}, REPORT),
        ({"algorithm": "md5"}, REPORT),
        ({"algorithm": "sha1"}, REPORT),
        ({"classification": "B1"}, REVIEW),
        ({"classification": None}, REVIEW),
        ({"algorithm": "pdq", "distance": 0}, REVIEW),
        ({"algorithm": "phash", "distance": 0}, REVIEW),
        ({"entry_status": "disputed"}, REVIEW),
        ({"entry_status": "withdrawn"}, REVIEW),
        ({"list": "people"}, REVIEW),
        ({"list": "not configured"}, REVIEW),
    ],
)
def test_only_an_exact_match_on_an_active_illegal_entry_asks_for_a_report(changed, severity):
    assert severity_of([match(**changed)], LISTS) == severity


def test_one_reportable_match_among_others_is_enough():
    others = [match(list="people"), match(algorithm="pdq", distance=2)]
    assert severity_of(others, LISTS) == REVIEW
    assert severity_of([*others, match()], LISTS) == REPORT


def test_severities_are_spelled_as_manifests_have_them():
    assert (REPORT, REVIEW) == ("report", "review")
