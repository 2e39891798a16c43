"""What results are named by: another method, decoder or version must never serve for this one's."""

from pathlib import Path

import pytest

from scanner import scan, slices
from scanner.config import Config, Media
from scanner.fingerprint import methods, methods_of
from scanner.inventory import Part
from scanner.slices import slice_of

PART = Part(0, 0, Path("inventory/000-000000.parquet"), 10, 1000, 0, True, "a" * 64)
NAMED = {"methods_of": lambda _: ["another"], "DECODERS": "another", "VERSION": "another"}
ALL = Media(also=("dhash", "whash"))


def test_methods_have_the_ids_under_which_fingerprints_are_kept():
    """A renamed method makes every part at rest foreign: rename it when its values change, never else."""
    assert methods(Media()).split() == ["pdq/full", "phash/imagehash"]
    assert methods(Media(also=("whash",))).split() == ["pdq/full", "phash/imagehash", "whash/imagehash"]
    assert methods(ALL) == f"{methods(Media())} dhash/imagehash whash/imagehash"
    assert methods(ALL, luma_alone=True) == "pdq/luma phash/luma dhash/luma whash/luma"
    assert methods_of(Media()) == [methods(Media())]
    assert methods_of(Media(pdq="luma")) == [methods(Media()), "pdq/luma phash/luma"]


@pytest.mark.parametrize("name", NAMED)
def test_a_part_of_fingerprints_is_named_by_who_made_it(monkeypatch, name):
    before = slice_of(PART, Path("parts"), Config()).output
    monkeypatch.setattr(slices, name, NAMED[name])
    assert slice_of(PART, Path("parts"), Config()).output != before


@pytest.mark.parametrize("name", NAMED)
def test_the_same_command_with_other_code_is_another_run(monkeypatch, room, name):
    first = room.start()
    assert room.start().run == first.run
    monkeypatch.setattr(scan, name, NAMED[name])
    assert room.start().run != first.run
