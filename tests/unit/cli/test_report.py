"""What a person reads at the end of a run: what was found, what was not read and why, what to do next."""

import io
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from scanner.cli.report import WORDS, print_conclusion
from scanner.conclusion import Conclusion
from scanner.errors import Exit
from scanner.findings.coverage import Coverage

COVERAGE = Coverage(
    outcomes=Counter(hashed=12_000, denied=3, undecodable=6),
    reasons=Counter(
        {
            ("denied", "AccessDenied"): 3,
            **{("undecodable", f"reason {n}"): 1 for n in range(5)},
            ("undecodable", "the most frequent"): 2,
        }
    ),
    unseen_objects=Counter({"video/mp4": 2, "application/zip": 1}),
    unseen_bytes=Counter({"video/mp4": 5_000, "application/zip": 7_000_000}),
)


def told(code=Exit.CLEAN, reasons=(), coverage=COVERAGE, findings=0, markers=0, dropped=None, earlier=None):
    provenance = {
        "rematch_of": earlier,
        "inventory": {"objects": 12_009, "bytes": 34_500_000, "delete_markers": markers, "targets": []},
        "coverage": coverage.to_dict(),
        "expected_false_matches": {"words": "0.1 random matches are expected"},
    }
    manifest = {
        "run_id": "run-1",
        "digest": "d" * 64,
        "rows_digest": "r" * 64,
        "counts": {"findings": findings, "not_findings": dropped or {}},
        "provenance": provenance,
    }
    sink = io.StringIO()
    console = Console(file=sink, width=160, highlight=False, markup=False, soft_wrap=True)
    print_conclusion(Conclusion(Path("runs/run-1"), code, list(reasons), manifest), console)
    return sink.getvalue()


@pytest.mark.parametrize("code", [Exit.CLEAN, Exit.FINDINGS, Exit.INCOMPLETE])
def test_every_end_that_a_run_can_come_to_has_its_words(code):
    assert f"run run-1: {WORDS[code]}\n" in told(code)
    assert "manifest: runs/run-1/manifest.json" in told(code)


def test_a_clean_run_never_says_that_what_was_not_read_is_clean():
    assert WORDS[Exit.CLEAN] == "complete, nothing found in what was read"
    assert "a match is not a verdict" in WORDS[Exit.FINDINGS]


def test_a_rematch_never_says_that_anything_was_listed_today():
    assert "\nstored fingerprints of run run-0: 12,009 object versions listed then, 34.5 MB" in told(
        earlier="run-0"
    )
    assert "\n12,009 object versions listed, 34.5 MB" in told()


def lines(text):
    return [line.split() for line in text.splitlines()]


def test_outcomes_are_told_with_their_reasons_the_most_frequent_first():
    text = told()
    names = [line[0] for line in lines(text)[:4]]
    assert names == ["outcome", "hashed", "undecodable", "denied"]
    assert "12,000" in text
    (gap,) = [line for line in text.splitlines() if line.startswith("undecodable")]
    assert gap.rstrip().endswith("the most frequent (2); reason 0 (1); reason 1 (1); reason 2 (1); 2 more")
    assert "AccessDenied (3)" in text


def test_what_was_never_looked_inside_is_told_the_largest_first():
    text = told()
    unseen = text.partition("never looked inside")[2]
    assert unseen.index("application/zip") < unseen.index("video/mp4")
    assert "7,000,000" in unseen
    assert "never looked inside" not in told(coverage=Coverage(outcomes=Counter(hashed=1)))


def test_numbers_are_those_of_the_run():
    text = told(findings=1234)
    assert "12,009 object versions listed, 34.5 MB\n" in text
    assert "1,234 findings; 0.1 random matches are expected" in text


def test_what_policies_keep_from_being_findings_is_told_in_numbers():
    dropped = {"ignored": 1200, "beyond_list_distance": 34, "objects": 1100}
    assert (
        "1,200 matches of ignored classifications and 34 beyond the distance of their list are no findings; "
        "1,100 objects matched nothing else\n"
    ) in told(dropped=dropped)
    assert "no findings" not in told(dropped=dict.fromkeys(dropped, 0)) + told()


def test_delete_markers_are_told_where_there_are_any():
    assert "34.5 MB; 1,500 delete markers" in told(markers=1500)
    assert "delete markers" not in told()


def test_every_reason_for_an_incomplete_run_is_told():
    reasons = ["[s3://bucket/]: cannot be listed", "3 objects denied"]
    text = told(Exit.INCOMPLETE, reasons)
    assert "run run-1: incomplete\n  [s3://bucket/]: cannot be listed\n  3 objects denied\n" in text
