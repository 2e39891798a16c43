"""Entries that very many findings name are told, in the manifest and to a person, and never in silence."""

import pytest

from scanner.cli.report import CROWDS_SHOWN, _crowds
from scanner.findings.crowds import TOLD, Crowds
from scanner.findings.row import Tally
from scanner.records import Finding, Match


def of(*entries):
    matches = tuple(
        Match("f", "iwf", "s", "north", entry_id, "pdq", distance, 31) for entry_id, distance in entries
    )
    return Finding("f", None, matches=matches)


def test_entries_in_more_findings_than_the_bound_are_told_with_their_number():
    crowds = Crowds(2)
    for _ in range(3):
        crowds.add(of(("popular", 0), ("popular", 2), ("rare", 4)))
    crowds.add(of(("popular", 1)))
    for _ in range(2):
        crowds.add(of(("within", 1)))
    crowded = crowds.told()["crowded_entries"]
    assert (crowded["more_than"], crowded["entries"]) == (2, 2)
    assert [(one["entry_id"], one["findings"]) for one in crowded["most"]] == [("popular", 4), ("rare", 3)]
    assert crowded["most"][0].items() >= {"list": "iwf", "member": "north", "algorithm": "pdq"}.items()


def test_nothing_is_told_where_no_entry_is_crowded():
    crowds = Crowds(1)
    crowds.add(of(("one", 0)))
    assert crowds.told() == {}
    assert "crowded_entries" not in Tally().counts


@pytest.mark.parametrize("entries", [1, CROWDS_SHOWN, CROWDS_SHOWN + 1, TOLD + 50])
def test_however_many_are_crowded_few_are_named_and_all_are_counted(entries):
    crowds = Crowds(1)
    for _ in range(2):
        crowds.add(of(*((f"e{n:04}", 0) for n in range(entries))))
    crowded = crowds.told()["crowded_entries"]
    assert crowded["entries"] == entries
    assert [one["entry_id"] for one in crowded["most"]] == [f"e{n:04}" for n in range(min(entries, TOLD))]
    lines = [*_crowds({"crowded_entries": crowded, "matches_omitted": 0})]
    assert lines[0] == "entry iwf/north/e0000 (pdq) matched more than 1 objects: 2"
    assert len(lines) == min(entries, CROWDS_SHOWN) + (entries > CROWDS_SHOWN)
    if entries > CROWDS_SHOWN:
        assert f"so did {entries - CROWDS_SHOWN} other entries" in lines[-1]


def test_entries_that_were_left_out_are_said():
    assert [*_crowds({"matches_omitted": 1234})] == [
        "1,234 further entries lie near objects whose nearest ones are named"
    ]
