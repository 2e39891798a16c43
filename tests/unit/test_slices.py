"""Slices: which file holds which rows, by names that say all that the rows depend on."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.config import Config, Fetch, Matching, Media, Run, Scheduler, Select
from scanner.errors import WorkspaceError
from scanner.inventory import Part
from scanner.records import Fingerprint, ObjectRef, Outcome, Picture
from scanner.slices import Slice, assemble, put_fingerprints, read_fingerprints, slice_of

PART = Part(2, 7, Path("inventory/002-000007.parquet"), 10, 1000, 0, False, "a" * 64)
CONFIG = Config()


def name_of(part=PART, **sections):
    return slice_of(part, Path("parts"), Config(**sections)).output.name


def row(number, **changed):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    ref = ObjectRef("file", "/store", f"{number:03d}.jpg", None, f"e{number}", number, at)
    return replace(Fingerprint(ref, sha256=bytes([number]) * 32, pdq=bytes([number]) * 32), **changed)


def made(folder, rows):
    return Slice(0, 0, folder / "000-000000.parquet", 0, rows, folder / "abc.parquet")


def test_the_slice_of_a_part_is_all_its_rows():
    work = slice_of(PART, Path("parts"), CONFIG)
    assert (work.target, work.number, work.inventory) == (2, 7, PART.path)
    assert (work.start, work.stop, len(work)) == (0, 10, 10)
    assert work.output.parent == Path("parts")
    assert work.name == "002-000007[0:10]"


@pytest.mark.parametrize(
    "sections",
    [
        {"fetch": Fetch(read_all=True)},
        {"fetch": Fetch(single_get_bytes="1 MiB")},
        {"fetch": Fetch(max_picture_bytes="1 MiB")},
        {"media": Media(max_pixels=1000)},
        {"media": Media(max_frames=3)},
        {"media": Media(seconds=1)},
    ],
)
def test_what_changes_a_fingerprint_changes_the_name(sections):
    assert name_of(**sections) != name_of()


def test_other_listed_objects_have_another_name():
    assert name_of(replace(PART, digest="b" * 64)) != name_of()


@pytest.mark.parametrize(
    "sections",
    [
        {"fetch": Fetch(in_flight=1, in_flight_bytes="1 MiB", attempts=1, timeout_seconds=1)},
        {"fetch": Fetch(backoff_seconds=1, max_backoff_seconds=2)},
        {"match": Matching(pdq_max_distance=1)},
        {"scheduler": Scheduler(address="none", workers=3)},
        {"run": Run(gap_tolerance=1, part_objects=5)},
        {"select": Select(include=("*",))},
    ],
)
def test_tuning_and_what_the_part_already_holds_leave_the_name(sections):
    assert name_of(**sections) == name_of()


def test_the_same_objects_serve_under_any_number_of_any_target():
    assert name_of(replace(PART, target=0, number=1, path=Path("elsewhere"))) == name_of()


def alone(work):
    return [work] if len(work) == 1 else [one for half in work.halves() for one in alone(half)]


def outputs(work):
    below = [] if len(work) == 1 else [path for half in work.halves() for path in outputs(half)]
    return [work.output, *below]


@settings(max_examples=40, derandomize=True)
@given(st.integers(1, 70))
def test_halving_ends_at_every_row_alone_and_no_two_slices_share_an_output(rows):
    whole = made(Path("parts"), rows)
    assert [(one.start, one.stop) for one in alone(whole)] == [(n, n + 1) for n in range(rows)]
    assert len(set(outputs(whole))) == 2 * rows - 1
    assert {path.parent for path in outputs(whole)} == {Path("parts")}


def test_rows_come_back_as_they_were_put(tmp_path):
    rows = [
        row(1, others=(Picture("frame 3", 4, 5, b"p" * 32, 77, None),)),
        Fingerprint(row(2).object, Outcome.DENIED, "AccessDenied"),
        row(3, object=replace(row(3).object, key="\ufffd", key_bytes=b"\xff")),
    ]
    put_fingerprints(tmp_path / "one.parquet", rows)
    assert read_fingerprints(tmp_path / "one.parquet") == rows


def test_what_was_put_stays(tmp_path):
    put_fingerprints(tmp_path / "one.parquet", [row(1)])
    put_fingerprints(tmp_path / "one.parquet", [row(2)])
    assert read_fingerprints(tmp_path / "one.parquet") == [row(1)]


@pytest.mark.parametrize("rows", [2, 3, 9])
def test_a_part_put_together_is_the_one_that_was_never_apart(tmp_path, rows):
    content = [row(n) for n in range(rows)]
    content[1] = Fingerprint(content[1].object, Outcome.CRASHED, "died")
    whole = made(tmp_path / "split", rows)
    pieces = alone(whole)
    for piece in pieces:
        put_fingerprints(piece.output, content[piece.start : piece.stop])
    assemble(whole, pieces[::-1])
    put_fingerprints(tmp_path / "whole.parquet", content)
    assert whole.output.read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert list(whole.output.parent.iterdir()) == [whole.output]


def test_a_missing_piece_leaves_the_part_unmade_and_the_others_there(tmp_path):
    whole = made(tmp_path, 2)
    first, second = whole.halves()
    put_fingerprints(first.output, [row(0)])
    with pytest.raises(WorkspaceError, match="missing"):
        assemble(whole, [first, second])
    assert not whole.output.exists()
    assert first.output.exists()


def test_pieces_that_a_kill_left_beside_the_whole_are_removed(tmp_path):
    whole = made(tmp_path, 2)
    put_fingerprints(whole.output, [row(0), row(1)])
    before = whole.output.read_bytes()
    for number, half in enumerate(whole.halves()):
        put_fingerprints(half.output, [row(number)])
    assemble(whole, whole.halves())
    assert list(tmp_path.iterdir()) == [whole.output]
    assert whole.output.read_bytes() == before
