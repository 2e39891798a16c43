"""Order and memory of sorting."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.findings.order import in_order
from scanner.records import Outcome
from tests.unit.findings.cases import findings


@pytest.mark.parametrize("run_rows", [1, 7, 60, 61, 1000])
def test_any_arrival_and_any_memory_give_the_same_order(tmp_path, run_rows):
    expected = sorted(findings(61), key=lambda finding: finding.object.identity)
    for seed in range(3):
        shuffled = findings(61)
        random.Random(seed).shuffle(shuffled)
        assert list(in_order(shuffled, tmp_path, run_rows)) == expected
    assert list(tmp_path.iterdir()) == []


def test_nothing_comes_of_nothing(tmp_path):
    assert list(in_order([], tmp_path)) == []


@pytest.mark.parametrize("run_rows", [1, 2, 100])
def test_an_object_version_that_came_twice_is_one_finding(tmp_path, run_rows):
    rows = findings(9)
    whole = next(row for row in rows if row.sha256)
    repeated = [*rows, whole, replace(whole, outcome=Outcome.DENIED, sha256=None)]
    ordered = list(in_order(repeated, tmp_path, run_rows))
    assert len(ordered) == 9
    assert sorted(f.finding_id for f in ordered) == sorted(f.finding_id for f in rows)
    assert whole in ordered


def descriptors():
    return set(Path("/proc/self/fd").iterdir())


def test_what_waits_on_disk_is_private_has_no_name_and_goes(tmp_path):
    before = descriptors()
    stream = in_order(findings(20), tmp_path, run_rows=5)
    next(stream)
    spools = descriptors() - before
    assert len(spools) == 3
    assert list(tmp_path.iterdir()) == []
    stream.close()
    assert descriptors() <= before
