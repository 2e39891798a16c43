"""Which altered copies of photographs each perceptual hash finds: the table of docs/robustness.md, again."""

from pathlib import Path

import pytest

from tests.alterations import ALTERATIONS
from tests.photographs import photographs
from tests.robustness import ALGORITHMS, PHOTOGRAPHS, measured, recalls, table

PAGE = Path(__file__).parents[2] / "docs" / "robustness.md"


def test_altered_copies_are_found_as_often_as_the_page_says(tmp_path):
    data = measured(photographs(tmp_path, PHOTOGRAPHS))
    print(f"\n{table(data)}")
    said = recalls(PAGE.read_text())
    for number, algorithm in enumerate(ALGORITHMS):
        for place, alteration in enumerate(ALTERATIONS):
            seen = 100 * data.recall(number, place)
            # Encoders of another version make a little difference.
            assert seen == pytest.approx(said[alteration.title, algorithm.name], abs=3), alteration.title
