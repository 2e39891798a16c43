"""What a listing adds up to."""

from pathlib import Path

import pytest

from scanner.inventory import Part, Totals, reconcile


def part(target, number, digest, last=False, sampled=False, resume=("versions", "k", "null"), rows=3):
    path = Path(f"{target:03d}-{number:06d}.parquet")
    return Part(target, number, path, rows, rows * 10, 1, last, digest * 64, sampled, resume)


def test_totals_are_kept_by_target():
    totals = reconcile(
        [part(1, 0, "a", last=True), part(0, 0, "b"), part(0, 1, "c", last=True, sampled=True)]
    )
    assert list(totals) == [0, 1]
    assert (totals[0].objects, totals[0].bytes, totals[0].delete_markers, totals[0].parts) == (6, 60, 2, 2)
    assert (totals[0].finished, totals[0].sampled) == (True, True)
    assert (totals[1].objects, totals[1].finished, totals[1].sampled) == (3, True, False)


def test_a_listing_without_its_last_part_is_not_finished():
    assert not reconcile([part(0, 0, "a")])[0].finished


def test_the_digest_speaks_of_the_parts_in_their_order_and_of_nothing_else():
    one, two = part(0, 0, "a"), part(0, 1, "b", last=True)
    digest = reconcile([one, two])[0].digest
    assert reconcile([two, one])[0].digest == digest
    assert reconcile([part(7, 0, "a"), part(7, 1, "b", last=True)])[7].digest == digest
    assert reconcile([part(0, 0, "b"), part(0, 1, "a", last=True)])[0].digest != digest
    assert reconcile([one])[0].digest != digest


def test_an_empty_target_has_totals_of_nothing():
    totals = reconcile([part(0, 0, "a", last=True, resume=None, rows=0)])[0]
    assert totals == Totals(0, 0, 1, 1, totals.digest, True, False, None)


@pytest.mark.parametrize("kind", ["versions", "unversioned", "current", "directory"])
def test_totals_say_how_the_target_was_listed(kind):
    parts = [part(0, 0, "a", resume=(kind, "k")), part(0, 1, "b", last=True, resume=None, rows=0)]
    assert reconcile(parts)[0].listing == kind


def test_nothing_listed_is_nothing():
    assert reconcile([]) == {}
