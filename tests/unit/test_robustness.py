"""The table of altered copies: its page names what the code has, and what it measures is so."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docs.robustness import page, plot
from scanner.fingerprint import fingerprint
from scanner.records import Outcome
from tests.alterations import ALTERATIONS, SAME_PLACES
from tests.pictures import picture
from tests.robustness import ALGORITHMS, measured, recalls, table

DOCS = Path(__file__).parents[2] / "docs"
SIZE = (320, 240)
TITLES = [alteration.title for alteration in ALTERATIONS]
EVERYTHING = [(title, algorithm.name) for title in TITLES for algorithm in ALGORITHMS]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Measure some made pictures; the last one is a mirrored copy of the first."""
    folder = tmp_path_factory.mktemp("pictures")
    pictures = [picture(seed, SIZE) for seed in range(3)]
    pictures.append(pictures[0].transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    for number, one in enumerate(pictures):
        one.save(folder / f"{number}.png")
    Image.new("RGB", SIZE, "grey").save(folder / "flat.png")
    return measured(sorted(folder.glob("*.png")), processes=1)


def found(data, title, name):
    number = [algorithm.name for algorithm in ALGORITHMS].index(name)
    return data.recall(number, TITLES.index(title))


def test_the_page_names_exactly_the_alterations_and_algorithms_that_there_are():
    assert list(recalls((DOCS / "robustness.md").read_text())) == EVERYTHING


def test_the_page_says_the_radii_that_are_the_defaults():
    (head,) = re.findall(r"^\| altered copy \| (.*) \|$", (DOCS / "robustness.md").read_text(), re.MULTILINE)
    assert head.split(" | ") == [f"{each.name} within {each.radius}" for each in ALGORITHMS]


def drawn(svg):
    """Return the numbers of the heat map's cells, row by row."""
    return [int(cell) for cell in re.findall(r"<rect x[^>]*/>\n<text[^>]*>(\d+)<", svg)]


def test_the_plot_names_exactly_the_alterations_that_there_are_and_says_what_the_page_says():
    svg = (DOCS / "robustness.svg").read_text()
    names = re.findall(r'text-anchor="end"[^>]*>([^<]+)<', svg)
    assert [name for name in names if not name.endswith("0%")] == [each.name for each in ALTERATIONS]
    assert drawn(svg) == list(recalls((DOCS / "robustness.md").read_text()).values())


def test_no_two_alterations_have_one_title_and_groups_are_named_rightly():
    assert len(set(TITLES)) == len(TITLES)
    assert set(SAME_PLACES) < {alteration.group for alteration in ALTERATIONS}


@pytest.mark.parametrize("alteration", ALTERATIONS, ids=TITLES)
def test_an_alteration_makes_another_picture_that_can_be_read_and_always_the_same(alteration):
    original = picture(5, (120, 90))
    before = original.tobytes()
    data = alteration.file(original)
    assert original.tobytes() == before
    assert alteration.file(original) == data
    assert fingerprint(data).outcome is Outcome.HASHED
    with Image.open(io.BytesIO(data)) as opened:
        altered = opened.convert("RGB")
    assert altered.size != original.size or np.asarray(altered).tobytes() != before


def test_everything_is_measured_of_each_picture_but_the_flat_one(data):
    assert data.copies.shape == data.found.shape == (len(ALGORITHMS), len(ALTERATIONS), 4)
    assert data.pixels.tolist() == [SIZE[0] * SIZE[1]] * 4


def test_a_copy_of_too_low_a_quality_is_not_found_however_near_it_is(tmp_path):
    pale = Image.blend(Image.new("RGB", SIZE, "grey"), picture(2, SIZE), 0.46)  # of quality 59
    pale.save(tmp_path / "pale.png")
    data = measured([tmp_path / "pale.png"], processes=1)
    paler = TITLES.index("tone: contrast times 0.8")
    assert all(data.bits(number, paler, 100) <= each.radius for number, each in enumerate(ALGORITHMS))
    assert not data.found[:, paler].any()
    assert data.found[:, TITLES.index("tone: contrast times 1.2")].all()


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
@pytest.mark.parametrize(("title", "share"), [("JPEG: quality 95", 1), ("border: black, 10 %", 0)])
def test_what_was_hardly_altered_is_found_and_what_was_framed_is_not(data, algorithm, title, share):
    assert found(data, title, algorithm.name) == share


def test_a_mirrored_copy_is_found_by_its_transforms_alone(data):
    recall = {algorithm.name: found(data, "turn: mirrored", algorithm.name) for algorithm in ALGORITHMS}
    assert recall["PDQ, all transforms"] > 0.5
    assert {share for name, share in recall.items() if name != "PDQ, all transforms"} == {0}


def test_the_two_pictures_that_are_one_mirrored_do_not_count_as_unrelated(data):
    assert data.unrelated.shape == (len(ALGORITHMS), 4 * 3 - 2)
    assert all(data.apart(number, 0) > each.radius for number, each in enumerate(ALGORITHMS))


def test_page_plot_and_text_say_what_was_measured(data):
    said = recalls(page(data))
    assert list(said) == EVERYTHING
    for (title, name), percent in said.items():
        assert percent == int(100 * found(data, title, name))
    lines = {line[:36].strip(): line[36:].split() for line in table(data).splitlines()}
    for title in TITLES:
        shares = [float(share.rstrip("%")) for share in lines[title] if share.endswith("%")]
        assert shares == [100 * found(data, title, each.name) for each in ALGORITHMS]
    assert drawn(plot(data)) == list(said.values())
