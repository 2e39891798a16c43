"""The only place where it is computed how many matches chance alone would give."""

from dataclasses import dataclass
from fractions import Fraction
from math import comb
from typing import Any

from scanner.config import Matching
from scanner.hashlist.table import HashTable
from scanner.match.distances import max_distances
from scanner.match.measured import PAIRS, PHOTOGRAPHS, measured_matches

MAX_PER_OBJECT = Fraction(1, 100_000)
"""More random matches than this make a configuration that has to be accepted by name."""


@dataclass(frozen=True)
class ExpectedRate:
    """Of one algorithm: how many entries there are, the distance in bits, random matches per object."""

    entries: int
    max_distance: int
    per_object: Fraction


@dataclass(frozen=True)
class ExpectedMatches:
    """The matches that independent random bits would give, by algorithm.

    Real pictures are not random bits: this is a lower bound on what a configuration lets through.
    """

    rates: dict[str, ExpectedRate]

    @property
    def per_object(self) -> Fraction:
        """Return the random matches to expect per object, over all algorithms."""
        return sum((rate.per_object for rate in self.rates.values()), Fraction(0))

    @property
    def excessive(self) -> bool:
        """Tell whether more than one random match per 100,000 objects is to be expected."""
        return self.per_object > MAX_PER_OBJECT

    @property
    def most(self) -> str | None:
        """Return the algorithm that contributes most; None where there are no entries."""
        return max(self.rates, key=lambda name: self.rates[name].per_object, default=None)

    def describe(self) -> str:
        """Return the figure in words, with the algorithm that contributes most."""
        if self.most is None:
            return "no random matches are expected, because there are no entries"
        rate = self.rates[self.most]
        words = (
            f"{float(self.per_object * 100_000):.2g} random matches are expected per 100,000 objects, most "
            f"of them from {self.most} within {rate.max_distance} bits of {rate.entries:,} entries"
        )
        met = measured_matches(self.most, rate.max_distance)
        if met is None:
            return words
        return f"{words}; of {PAIRS:,} pairs of unrelated photographs {met or 'none'} came so near"

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {
            "per_100000_objects": float(self.per_object * 100_000),
            "algorithms": {
                name: {
                    "entries": rate.entries,
                    "max_distance": rate.max_distance,
                    "per_object": float(rate.per_object),
                    "measured": _measured(name, rate.max_distance),
                }
                for name, rate in self.rates.items()
            },
        }


def _measured(algorithm: str, max_distance: int) -> dict[str, int] | None:
    """Return what unrelated photographs gave at this distance, with the size of the sample."""
    met = measured_matches(algorithm, max_distance)
    return None if met is None else {"photographs": PHOTOGRAPHS, "pairs": PAIRS, "matches": met}


def expected_matches(table: HashTable, matching: Matching) -> ExpectedMatches:
    """Return how many matches chance would give per object against this table at these distances."""
    limits = max_distances(matching)
    return ExpectedMatches(
        {
            name: ExpectedRate(
                values.entries,
                limits[name],
                values.entries * random_match(8 * values.width, limits[name]),
            )
            for name, values in table.algorithms.items()
        }
    )


def random_match(bits: int, max_distance: int) -> Fraction:
    """Return the probability that two random values of so many bits lie within a distance, exactly."""
    return Fraction(sum(comb(bits, distance) for distance in range(max_distance + 1)), 2**bits)
