import json
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import pytest

from scanner.config import Matching
from scanner.match.distances import max_distances
from scanner.match.expected import expected_matches, random_match
from scanner.match.measured import NEAREST, measured_matches
from scanner.records import ALGORITHM_BYTES, PERCEPTUAL


@dataclass
class Sizes:
    """A hash table of which only the sizes matter here."""

    algorithms: dict


@dataclass
class Size:
    width: int
    entries: int


def sized(**entries):
    return Sizes({name: Size(ALGORITHM_BYTES[name], count) for name, count in entries.items()})


@pytest.mark.parametrize(("bits", "max_distance"), list(product([1, 4, 8], [0, 1, 3])))
def test_the_probability_is_that_of_counting_all_values(bits, max_distance):
    near = sum(value.bit_count() <= max_distance for value in range(2**bits))
    assert random_match(bits, max_distance) == Fraction(near, 2**bits)


def test_everything_lies_within_all_bits():
    assert random_match(64, 64) == 1


@pytest.mark.parametrize(
    ("radius", "low", "high", "excessive"),
    [(8, 1 / 1100, 1 / 900, True), (4, 1 / 8.5e6, 1 / 7.5e6, False)],
)
def test_the_figures_of_the_design_for_phash_come_out(radius, low, high, excessive):
    expected = expected_matches(sized(phash=3_500_000), Matching(phash_max_distance=radius))
    assert low < expected.per_object < high
    assert expected.excessive == excessive


def test_the_default_distances_expect_nothing_of_large_lists():
    table = sized(**dict.fromkeys(ALGORITHM_BYTES, 50_000_000))
    assert not expected_matches(table, Matching()).excessive


def test_the_limit_is_one_in_a_hundred_thousand_inclusive_over_all_algorithms():
    at_zero = Matching(phash_max_distance=0, pdq_max_distance=0)
    limit = 2**64 // 100_000
    assert not expected_matches(sized(phash=limit), at_zero).excessive
    assert expected_matches(sized(phash=limit + 1), at_zero).excessive
    assert expected_matches(sized(phash=limit, pdq=2**250), at_zero).excessive


def test_the_figure_is_said_in_words_and_in_plain_values():
    expected = expected_matches(sized(pdq=10, phash=3_500_000), Matching(phash_max_distance=8))
    assert expected.describe() == (
        "97 random matches are expected per 100,000 objects, most of them from phash within 8 bits of "
        "3,500,000 entries; of 11,476 pairs of unrelated photographs none came so near"
    )
    shown = json.loads(json.dumps(expected.to_dict()))
    assert shown["algorithms"]["phash"]["entries"] == 3_500_000
    assert 96 < shown["per_100000_objects"] < 98


@pytest.mark.parametrize(
    ("algorithm", "radius", "matches"),
    [
        *(("phash", radius, matches) for radius, matches in ((4, 0), (13, 0), (14, 5), (16, 20))),
        *(("dhash", radius, matches) for radius, matches in ((3, 0), (9, 0), (10, 3), (16, 58))),
        *(("whash", radius, matches) for radius, matches in ((0, 0), (3, 0), (4, 1), (6, 10), (16, 1_067))),
    ],
)
def test_the_measured_rate_on_unrelated_photographs_stands_beside_the_computed_one(
    algorithm, radius, matches
):
    matching = Matching(**{f"{algorithm}_max_distance": radius})
    expected = expected_matches(sized(**{algorithm: 1000, "md5": 5}), matching)
    shown = expected.to_dict()["algorithms"]
    assert shown[algorithm]["measured"] == {"photographs": 152, "pairs": 11_476, "matches": matches}
    assert shown["md5"]["measured"] is None
    assert f"photographs {matches or 'none'} came so near" in expected.describe()


def test_without_entries_nothing_is_expected():
    expected = expected_matches(sized(), Matching())
    assert (expected.per_object, expected.excessive) == (0, False)
    assert expected.most is None
    assert "no entries" in expected.describe()


@pytest.mark.parametrize("algorithm", PERCEPTUAL)
def test_by_default_no_unrelated_photograph_came_nearly_so_near(algorithm):
    limit = max_distances(Matching())[algorithm]
    assert measured_matches(algorithm, limit) == 0
    assert limit <= min(NEAREST[algorithm]) / 2
