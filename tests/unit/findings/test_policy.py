"""What a list's policy keeps, and how urgent it makes a finding."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.findings.policy import REPORT, REVIEW, Dropped, kept_match, severity_of
from scanner.list_policy import ListPolicy, MemberPolicy
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


def acts(policy, **changed):
    """Return how an exact match acts under a policy of its list: as None where it is no finding."""
    lists = {"police": policy}
    found = kept_match(match(**changed), lists, Dropped())
    return None if found is None else severity_of([found], lists)


@pytest.mark.parametrize(
    ("policy", "member", "classification", "act"),
    [
        (ListPolicy(illegal=("*",)), "north", "A1", REPORT),
        (ListPolicy(illegal=("*",)), "north", None, REPORT),
        (ListPolicy(illegal=("*",), review=("A1",)), "north", "A1", REVIEW),
        (ListPolicy(illegal=("A1",), ignore=("*",)), "north", "A1", REPORT),
        (ListPolicy(illegal=("A1",), ignore=("*",)), "north", "B1", None),
        (ListPolicy(illegal=("",)), "north", None, REPORT),
        (ListPolicy(ignore=("",)), "north", None, None),
        (ListPolicy(illegal=("A1",), members={"45": MemberPolicy(review=("*",))}), "45", "A1", REVIEW),
        (ListPolicy(illegal=("A1",), members={"45": MemberPolicy(review=("*",))}), "46", "A1", REPORT),
        (ListPolicy(ignore=("*",), members={"45": MemberPolicy(illegal=("A1",))}), "45", "A1", REPORT),
        (ListPolicy(ignore=("*",), members={"45": MemberPolicy(illegal=("A1",))}), "45", "B1", None),
        (ListPolicy(illegal=("A1",), members={"45": MemberPolicy(user_submitted=True)}), "45", "A1", REVIEW),
        (
            ListPolicy(
                illegal=("A1",), user_submitted=True, members={"45": MemberPolicy(user_submitted=False)}
            ),
            "45",
            "A1",
            REPORT,
        ),
    ],
)
def test_what_a_member_names_wins_over_its_list_and_a_name_over_all(policy, member, classification, act):
    assert acts(policy, member=member, classification=classification) == act


@pytest.mark.parametrize("scheme", ["vics-us", "vics-uk", "vics-custom", "ncmec", None])
@pytest.mark.parametrize("category", ["0", "1", "2", "3", "4", "5", None])
def test_comparison_and_not_illegal_records_are_no_findings_unless_a_policy_says_so(scheme, category):
    ignored = (scheme in ("vics-us", "vics-uk") and category not in ("1", "2", "3")) or (
        scheme == "vics-custom" and category in ("0", None)
    )
    assert acts(ListPolicy(), scheme=scheme, classification=category) == (None if ignored else REVIEW)
    named = ListPolicy(review=(category or "",))
    assert acts(named, scheme=scheme, classification=category) == REVIEW


def test_a_member_has_its_own_distance():
    lists = {"police": ListPolicy(pdq_max_distance=20, members={"45": MemberPolicy(pdq_max_distance=6)})}
    near = [match(algorithm="pdq", distance=7, member=member) for member in ("45", "46")]
    assert [kept_match(one, lists, Dropped()) is None for one in near] == [True, False]


@pytest.mark.parametrize(
    ("agreement", "matches", "severity"),
    [
        (2, [{}], REVIEW),
        (2, [{}, {"entry_id": "e-2"}], REVIEW),
        (2, [{}, {"member": "south"}], REPORT),
        (2, [{"tags": ("by:9",)}], REPORT),
        (2, [{"tags": ("by:north",)}], REVIEW),
        (2, [{"tags": ("against:9", "x")}], REVIEW),
        (3, [{"tags": ("by:9",)}, {"member": "south", "tags": ("by:9",)}], REPORT),
        (2, [{}, {"member": "south", "entry_status": "disputed"}], REVIEW),
        (2, [{}, {"member": "south", "algorithm": "pdq"}], REVIEW),
        (2, [{}, {"member": "south", "classification": "B1"}], REVIEW),
        (2, [{}, {"list": "other"}], REPORT),
    ],
)
def test_one_source_alone_does_not_report_where_more_have_to_agree(agreement, matches, severity):
    lists = {
        "police": ListPolicy(illegal=("A1",), min_agreement=agreement),
        "other": ListPolicy(illegal=("A1",), min_agreement=9),
    }
    assert severity_of([match(**one) for one in matches], lists) == severity


def test_a_member_may_ask_for_more_agreement_than_its_list():
    lists = {"police": ListPolicy(illegal=("A1",), members={"45": MemberPolicy(min_agreement=2)})}
    assert severity_of([match(member="45")], lists) == REVIEW
    assert severity_of([match(member="45"), match(member="46")], lists) == REPORT


WORDS = st.lists(st.sampled_from(["A", "B", "*", ""]), unique=True)


@st.composite
def worded(draw, model):
    """Draw settings that name each word once at most."""
    words = draw(WORDS)
    cuts = sorted(draw(st.tuples(st.integers(0, len(words)), st.integers(0, len(words)))))
    parts = [words[start:stop] for start, stop in itertools.pairwise([0, *cuts, len(words)])]
    return model(**dict(zip(("illegal", "review", "ignore"), parts, strict=True)))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(worded(ListPolicy), worded(MemberPolicy), st.sampled_from(["A", "B", "C", None]))
def test_how_an_entry_acts_is_what_looking_from_the_nearest_name_outwards_says(of_list, of_member, word):
    policy = of_list.model_copy(update={"members": {"45": of_member}})
    said = [
        act
        for level in (of_member, of_list)
        for name in (word or "", "*")
        for act, names in (("report", level.illegal), ("review", level.review), ("ignore", level.ignore))
        if name in names
    ]
    assert policy.act_of("45", "ncmec", word) == (said[0] if said else "review")
