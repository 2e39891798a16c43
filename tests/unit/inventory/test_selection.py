"""Which objects are left out, and that each of them says why."""

from datetime import timedelta

import pytest

from scanner.config import Select
from scanner.inventory.selection import exclusion, selected
from scanner.records import Listed, Outcome
from tests.unit.inventory.listings import DAY, ref


@pytest.mark.parametrize(
    ("rules", "key", "reason"),
    [
        ({}, "anything/at all", None),
        ({"include": ["*.jpg"]}, "deep/in/folders/a.jpg", None),
        ({"include": ["*.jpg"]}, "a.JPG", "matches no include"),
        ({"include": ["*.png", "*.jpg"]}, "a.jpg", None),
        ({"include": ["a.jpg"]}, "deep/a.jpg", "matches no include"),
        ({"include": ["pictures/*"]}, "pictures/", None),
        ({"exclude": ["*.log"]}, "a/b.log", "exclude *.log"),
        ({"exclude": ["tmp/*", "*.log"]}, "a/b.log", "exclude *.log"),
        ({"exclude": ["*/thumbs/*"]}, "a/thumbs/b/c.jpg", "exclude */thumbs/*"),
        ({"exclude": ["a[0-9].jpg"]}, "a7.jpg", "exclude a[0-9].jpg"),
        ({"exclude": ["?.jpg"]}, "ab.jpg", None),
        ({"include": ["*.jpg"], "exclude": ["private/*"]}, "private/a.jpg", "exclude private/*"),
        ({"exclude": ["*.jpg"]}, "two\nlines.jpg", "exclude *.jpg"),
    ],
)
def test_patterns_speak_of_the_whole_key_and_exclude_wins(rules, key, reason):
    assert exclusion(ref(key), Select(**rules)) == reason


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (9, "smaller than min_bytes"),
        (10, None),
        (20, None),
        (21, "larger than max_bytes"),
        (0, "smaller than min_bytes"),
    ],
)
def test_sizes_are_inclusive_bounds(size, reason):
    assert exclusion(ref(size=size), Select(min_bytes=10, max_bytes=20)) == reason


@pytest.mark.parametrize(("seconds", "reason"), [(-1, "older than modified_since"), (0, None), (1, None)])
def test_what_is_older_than_the_date_is_left_out(seconds, reason):
    object_ref = ref(last_modified=DAY + timedelta(seconds=seconds))
    assert exclusion(object_ref, Select(modified_since=DAY)) == reason


def test_an_excluded_object_stays_a_row_with_its_reason():
    listed = Listed(ref("a.log"))
    assert selected(listed, Select(exclude=["*.log"])) == Listed(
        listed.object, Outcome.EXCLUDED, "exclude *.log"
    )


def test_a_denied_folder_is_left_out_only_by_name_because_nobody_knows_what_is_in_it():
    folder = Listed(ref("private/", size=0), Outcome.DENIED, "Permission denied")
    assert selected(folder, Select(include=["*.jpg"], min_bytes=1, modified_since=DAY)) == folder
    assert selected(folder, Select(exclude=["private/*"])).outcome == Outcome.EXCLUDED
