"""What was read and what was not, and what that makes of a run."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import Exit
from scanner.findings.coverage import (
    OTHER_REASONS,
    Coverage,
    conclude,
    coverage_from,
    coverage_of,
    looked_inside,
    reconcile,
)
from scanner.records import Outcome
from tests.unit.findings.cases import fingerprint, ref

quick = settings(max_examples=100, deadline=None, derandomize=True)


def row(outcome=Outcome.HASHED, size=10, seen=None, **changed):
    """Make a row as the line makes it: only what was seen as a picture has a width."""
    pictured = outcome is Outcome.HASHED if seen is None else seen
    values = {} if pictured else {"pdq": None, "phash": None, "width": None, "height": None}
    if outcome not in (Outcome.HASHED, Outcome.NOT_MEDIA, Outcome.UNDECODABLE):
        values |= {"md5": None, "sha1": None, "sha256": None, "media_type": None, "bytes_read": 0}
    return fingerprint(ref(size=size), **{"outcome": outcome, **values, **changed})


rows = st.lists(
    st.builds(
        row,
        outcome=st.sampled_from(Outcome),
        size=st.integers(0, 1000),
        reason=st.none() | st.sampled_from(["truncated", "HTTP 503", "too slow"]),
        bytes_read=st.integers(0, 1000),
        media_type=st.sampled_from([None, "image/jpeg", "video/mp4", "application/zip"]),
    ),
    max_size=12,
)


def test_counts_are_by_outcome_with_bytes_and_reasons():
    coverage = coverage_of(
        [
            row(size=5, bytes_read=5),
            row(size=7, bytes_read=8),
            row(Outcome.FAILED, reason="HTTP 503", size=3),
            row(Outcome.FAILED, reason="HTTP 503", size=4),
            row(Outcome.FAILED, reason="reset", bytes_read=2),
        ]
    )
    assert coverage.outcomes == {"hashed": 2, "failed": 3}
    assert coverage.bytes == {"hashed": 12, "failed": 17}
    assert coverage.reasons == {("failed", "HTTP 503"): 2, ("failed", "reset"): 1}
    assert (coverage.objects, coverage.bytes_read) == (5, 15)
    assert coverage.outcomes[Outcome.FAILED] == 3


@pytest.mark.parametrize(
    ("one", "inside"),
    [
        (row(), True),
        (row(pdq=None), True),
        (row(pdq=None, phash=None), True),
        (row(seen=False, media_type="video/mp4"), False),
        (row(seen=False, media_type="audio/mpeg"), False),
        (row(seen=False, media_type="application/zip"), False),
        (row(seen=False, media_type="application/pdf"), False),
        (row(Outcome.NOT_MEDIA, media_type="application/octet-stream"), True),
        (row(Outcome.NOT_MEDIA, media_type=None), True),
        (row(Outcome.NOT_MEDIA, media_type="application/zip"), False),
        (row(Outcome.NOT_MEDIA, media_type="application/octet-stream", sha256=None), False),
        (row(Outcome.UNDECODABLE), False),
        (row(Outcome.SCREENED), False),
        (row(Outcome.TOO_LARGE, media_type="image/png"), False),
        (row(Outcome.ARCHIVED), False),
        (row(Outcome.DENIED), False),
    ],
)
def test_looking_inside_means_pixels_or_nothing_to_look_into(one, inside):
    assert looked_inside(one) is inside


def test_what_was_never_looked_inside_is_named_by_type():
    coverage = coverage_of(
        [
            row(),
            row(seen=False, media_type="video/mp4", size=100),
            row(seen=False, media_type="video/mp4", size=50),
            row(Outcome.UNDECODABLE, media_type="image/jpeg", size=7),
            row(Outcome.ARCHIVED, size=9),
            row(Outcome.DENIED, size=1),
            row(Outcome.EXCLUDED, size=1000),
            row(Outcome.NOT_REGULAR, size=1000),
            row(Outcome.GONE, size=1000),
        ]
    )
    assert coverage.to_dict()["unseen"] == {
        "image/jpeg": {"objects": 1, "bytes": 7},
        "unknown": {"objects": 2, "bytes": 10},
        "video/mp4": {"objects": 2, "bytes": 150},
    }


@quick
@given(rows, rows, rows)
def test_parts_may_be_counted_in_any_grouping(a, b, c):
    whole = coverage_of([*a, *b, *c]).to_dict()
    one, two, three = coverage_of(a), coverage_of(b), coverage_of(c)
    assert (one + two + three).to_dict() == whole
    assert (three + (one + two)).to_dict() == whole
    assert sum([one, two, three], Coverage()).to_dict() == whole
    assert one.to_dict() == coverage_of(a).to_dict()  # addition changes neither side


def test_coverage_is_spelled_as_manifests_have_it():
    assert coverage_of([row(size=3, bytes_read=4, reason="odd")]).to_dict() == {
        "objects": 1,
        "outcomes": {"hashed": 1},
        "bytes": {"hashed": 3},
        "bytes_read": 4,
        "reasons": {"hashed": {"odd": 1}},
        "unseen": {},
    }


def test_rows_that_have_one_outcome_too_many_are_counted_right():
    assert reconcile(1, coverage_of([row(), row()])) == [
        "1 object versions were listed and 1 more have an outcome than were listed"
    ]
    assert reconcile(2, coverage_of([row()])) == ["2 object versions were listed and 1 have no outcome"]


@quick
@given(rows)
def test_a_coverage_in_plain_values_is_json_and_counts_everything(some):
    coverage = coverage_of(some)
    plain = json.loads(json.dumps(coverage.to_dict()))
    assert plain == coverage.to_dict()
    assert (plain["outcomes"], plain["bytes"]) == (coverage.outcomes, coverage.bytes)
    assert sum(len(counts) for counts in plain["reasons"].values()) == len(coverage.reasons)
    assert {name: unseen["bytes"] for name, unseen in plain["unseen"].items()} == coverage.unseen_bytes
    assert coverage_from(plain) == coverage


def test_reasons_stay_small_and_lose_no_object():
    many = coverage_of(row(Outcome.UNDECODABLE, reason=f"{n} bytes missing") for n in range(2000))
    common = coverage_of(row(Outcome.UNDECODABLE, reason="truncated") for _ in range(50))
    total = many + common
    assert len(total.reasons) < 510
    assert total.reasons.total() == 2050
    assert total.reasons["undecodable", "truncated"] == 50
    assert total.reasons["undecodable", OTHER_REASONS] > 1000


@quick
@given(rows, st.integers(0, 30))
def test_a_run_reconciles_or_says_by_how_much_it_does_not(some, listed):
    problems = reconcile(listed, coverage_of(some))
    assert bool(problems) == (listed != len(some))
    if problems:
        assert str(abs(listed - len(some))) in problems[0]


def test_an_object_without_an_outcome_is_said():
    coverage = coverage_of([row()])
    assert reconcile(3, coverage) == ["3 object versions were listed and 2 have no outcome"]
    assert reconcile(0, coverage) == [
        "0 object versions were listed and 1 more have an outcome than were listed"
    ]


def verdict(some, findings=0, tolerance=0.05, **changed):
    settings = {"listing_finished": True, "allow_empty": False, "stale_lists": [], **changed}
    listed = settings.pop("listed", {"s3://bucket/": len(some)})
    return conclude(listed, coverage_of(some), findings, tolerance, **settings)


def test_complete_runs_are_clean_or_have_findings():
    assert verdict([row()]) == (Exit.CLEAN, [])
    assert verdict([row()], findings=2) == (Exit.FINDINGS, [])
    complete = [row(), row(Outcome.NOT_MEDIA), row(Outcome.EXCLUDED), row(Outcome.NOT_REGULAR)]
    assert verdict([*complete, row(Outcome.SCREENED)]) == (Exit.CLEAN, [])


@pytest.mark.parametrize("findings", [0, 3])
@pytest.mark.parametrize("outcome", [Outcome.DENIED, Outcome.FAILED, Outcome.CHANGED])
def test_one_object_that_should_have_been_read_makes_a_run_incomplete_whatever_was_found(outcome, findings):
    some = [*[row()] * 1000, row(outcome)]
    assert verdict(some, findings, tolerance=1.0) == (Exit.INCOMPLETE, [f"1 objects {outcome}"])


@pytest.mark.parametrize(
    "outcome",
    [Outcome.ARCHIVED, Outcome.TOO_LARGE, Outcome.UNDECODABLE, Outcome.TIMED_OUT, Outcome.CRASHED],
)
def test_gaps_are_tolerated_up_to_a_share_and_not_beyond(outcome):
    assert verdict([*[row()] * 19, row(outcome)])[0] is Exit.CLEAN
    code, reasons = verdict([*[row()] * 18, row(outcome)], findings=1)
    assert code is Exit.INCOMPLETE
    assert reasons == [
        f"5.26% of 19 objects could not be looked at (1 {outcome}); run.gap_tolerance allows 5.00%"
    ]
    assert verdict([row(), row(outcome)], tolerance=0.0)[0] is Exit.INCOMPLETE
    assert verdict([row(outcome)], tolerance=1.0)[0] is Exit.CLEAN


def test_gaps_are_a_share_of_what_was_meant_to_be_read():
    excluded = [*[row(Outcome.EXCLUDED)] * 500, *[row(Outcome.NOT_REGULAR)] * 500]
    code, reasons = verdict([*excluded, *[row()] * 9, row(Outcome.ARCHIVED)])
    assert code is Exit.INCOMPLETE
    assert reasons[0].startswith("10.00% of 10 objects")
    assert coverage_of(excluded).gap_share == 0.0
    assert verdict(excluded, allow_empty=True) == (Exit.CLEAN, [])


def test_a_few_objects_may_vanish_but_a_vanished_store_is_no_clean_one():
    assert verdict([*[row()] * 19, row(Outcome.GONE)]) == (Exit.CLEAN, [])
    code, reasons = verdict([*[row()] * 18, row(Outcome.GONE)])
    assert code is Exit.INCOMPLETE
    assert reasons[0].startswith(
        "1 of 19 objects were gone when they were read; is the store the one that was listed?"
    )
    assert verdict([row(Outcome.GONE)] * 24)[0] is Exit.INCOMPLETE


def test_a_run_that_was_meant_to_read_nothing_is_not_clean():
    code, reasons = verdict([row(Outcome.EXCLUDED)] * 24)
    assert code is Exit.INCOMPLETE
    assert reasons == [
        "nothing was meant to be read: every listed object is excluded; if that is right, --allow-empty"
    ]


def test_different_gaps_add_up():
    gaps = [row(Outcome.ARCHIVED), row(Outcome.CRASHED)]
    assert verdict([*[row()] * 30, *gaps])[1][0].startswith("6.25% of 32 objects")


def test_an_unfinished_listing_is_incomplete():
    assert verdict([row()], 1, listing_finished=False) == (Exit.INCOMPLETE, ["the listing is not finished"])


def test_each_empty_target_is_incomplete_unless_that_is_allowed():
    listed = {"s3://full/": 1, "s3://empty/": 0}
    code, reasons = verdict([row()], listed=listed)
    assert code is Exit.INCOMPLETE
    assert reasons == ["s3://empty/: no objects; if that is right, --allow-empty"]
    assert verdict([row()], listed=listed, allow_empty=True) == (Exit.CLEAN, [])


def test_a_stale_list_and_a_row_too_few_are_incomplete():
    assert verdict([row()], stale_lists=["police"])[1] == ["police: older than its max_age_hours"]
    assert verdict([row()], listed={"s3://bucket/": 2})[0] is Exit.INCOMPLETE


def test_all_reasons_are_given():
    some = [row(Outcome.DENIED), row(Outcome.FAILED), row(Outcome.ARCHIVED)]
    code, reasons = verdict(some, 5, listing_finished=False, stale_lists=["a"], listed={"x": 4, "y": 0})
    assert code is Exit.INCOMPLETE
    assert len(reasons) == 7
