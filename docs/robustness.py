"""Measure which altered copies are found, and write docs/robustness.md and docs/robustness.svg: some minutes.

.venv/bin/python -m docs.robustness
"""

import re
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from scanner.config import Media
from scanner.records import ALGORITHM_BYTES, OPTIONAL
from tests.alterations import ALTERATIONS, SAME_PLACES
from tests.photographs import PACKAGES, photographs
from tests.robustness import ALGORITHMS, MATCHING, PHOTOGRAPHS, Algorithm, Measured, measured, table

FOLDER = Path(__file__).parent

EXPECTED, HOPELESS = 0.99, 0.5
"""The recall from which a kind of copy counts as found, and below which nobody should expect it."""

LARGE = 700_000
"""Pixels of a photograph as cameras and screens have them; most of the packages' are smaller."""

SAME = np.array([alteration.group in SAME_PLACES for alteration in ALTERATIONS])


def page(data: Measured) -> str:
    """Return the page."""
    packages = ", ".join(f"`{name}`" for name in PACKAGES)
    algorithms = "".join(f" {each.name} |" for each in ALGORITHMS)
    within = "".join(f" {each.name} within {each.radius} |" for each in ALGORITHMS)
    ruler = "|---|" + "---|" * len(ALGORITHMS)
    parts = [
        "# Which altered copies are found",
        _wrapped(
            "Made by `.venv/bin/python -m docs.robustness`; `make bench` measures it again and compares."
            f" {len(data.pixels)} photographs of different motifs, of PDQ quality {MATCHING.min_pdq_quality}"
            f" or more, come from the Debian packages {packages}: landscapes at most 1,600 pixels wide, and"
            f" for the greater part things cut out on white. Each was altered in {len(ALTERATIONS)} ways,"
            " which `tests/alterations.py` defines. A copy is found if its hash lies within the default"
            " radius of that of its original, and its own PDQ quality suffices."
        ),
        "![Which share of the altered copies each algorithm finds, and how distances spread](robustness.svg)",
        "## What follows",
        "\n".join(_wrapped(f"* {said}", "  ") for said in _conclusions(data)),
        "## Another radius",
        _wrapped(
            "The share of all copies within some radii (*nothing moved*: those of the groups"
            f" {', '.join(SAME_PLACES)}), and how many of {data.unrelated.shape[1]:,} comparisons of"
            " unrelated photographs lie within them: of each as a file with each other on a list, less the"
            " few motifs that the packages hold twice, mirrored."
        ),
        "| algorithm | radius | nothing moved | moved or covered | unrelated |\n|---|---|---|---|---|",
        *_radii(data),
        "## Every alteration",
        "Recall at the default radius; in brackets, the distances within which half and 95% of copies lie.",
        f"| altered copy |{within}\n{ruler}",
        *_rows(data),
        "Distances between unrelated photographs, in bits:",
        f"| unrelated |{algorithms}\n{ruler}",
        *_unrelated(data),
    ]
    # Rows of a table follow each other; everything else stands apart.
    return re.sub(r"\|\n\n\|", "|\n|", "\n\n".join(parts)) + "\n"


def _wrapped(words: str, indent: str = "") -> str:
    return textwrap.fill(words, 118, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _conclusions(data: Measured) -> Iterator[str]:
    recall, unasked = data.found.mean(axis=2), [each.media == Media() for each in ALGORITHMS]
    surely, likely = (recall[unasked] >= EXPECTED).all(axis=0), recall >= HOPELESS
    names = " and ".join(each.name for each in ALGORITHMS if each.media == Media())
    yield f"**Found** by each of {names}, {EXPECTED:.0%} or more: {_named(surely)}."
    yield f"**Likely, not certain**, by one or the other: {_named(likely[unasked].any(axis=0) & ~surely)}."
    for number, algorithm in enumerate(ALGORITHMS):
        if more := _named(likely[number] & ~likely[unasked].any(axis=0)):
            yield f"**{algorithm.name}** adds, where it is asked for: {more}. {_derived(algorithm)}".rstrip()
    yield (
        f"**Nobody should expect a match** of: {_named(~likely.any(axis=0))}. Each of the algorithms finds"
        f" less than {HOPELESS:.0%} of them: what frames, cuts or leans a picture moves all that they are"
        " made of."
    )
    yield from _sizes(data)
    yield (
        f"**The default radii** of {names} are where nearly all copies are found in which nothing was moved."
        " A wider one finds more of the others, too. But these are thousands of comparisons, and a scan makes"
        " as many as it has pictures times entries of lists; what a radius costs by chance, it then says."
        f" {_nearest(data)}"
    ).rstrip()


def _derived(algorithm: Algorithm) -> str:
    if algorithm.media.transforms == "original":
        return ""
    return "Some are lost: a derived hash lies some bits from that of the file that was turned."


def _nearest(data: Measured) -> str:
    """Say why the radii of the weaker hashes are what they are."""
    weaker = [
        f"{data.apart(number, 0)} bits ({each.name})"
        for number, each in enumerate(ALGORITHMS)
        if each.attribute in OPTIONAL
    ]
    return (
        f"Unrelated pictures come as near as {' and '.join(weaker)}: their radii are narrow, and find less."
        if weaker
        else ""
    )


def _named(chosen: np.ndarray) -> str:
    """Return the chosen alterations by group; a group that is chosen whole is not listed."""
    said = []
    for group, places in groupby(range(len(ALTERATIONS)), lambda place: ALTERATIONS[place].group):
        members = list(places)
        names = [ALTERATIONS[place].name for place in members if chosen[place]]
        if len(names) == len(members):
            said.append(f"{group} (all)")
        elif names:
            said.append(f"{group} ({', '.join(names)})")
    return "; ".join(said)


def _sizes(data: Measured) -> Iterator[str]:
    """Say what the first algorithm, PDQ, loses of small photographs."""
    large = data.pixels >= LARGE
    resized = data.found[0][[each.group == "size" for each in ALTERATIONS]]
    if 0 < large.sum() < large.size and resized[:, large].mean() > resized[:, ~large].mean():
        yield (
            f"**Small pictures:** {ALGORITHMS[0].name} finds {_percent(resized[:, large].mean())} of the"
            f" resized copies of the {large.sum()} photographs of {LARGE / 1e6:g} megapixels or more, and"
            f" {_percent(resized[:, ~large].mean())} of those of the {(~large).sum()} smaller ones, which its"
            " filters hardly smooth before they are sampled."
        )


def _percent(share: float) -> str:
    """Return a share in percent, rounded down, so that 100% means all."""
    return f"{int(100 * share + 1e-9)}%"


def _radii(data: Measured) -> Iterator[str]:
    for number, algorithm in enumerate(ALGORITHMS):
        default = algorithm.radius
        for radius in sorted({default // 2, default, default * 3 // 2 or 2, default * 2 or 4}):
            within = (data.copies[number] <= radius).mean(axis=1)
            cells = (
                algorithm.name,
                f"{radius} (default)" if radius == default else f"{radius}",
                f"{within[SAME].mean():.1%}",
                f"{within[~SAME].mean():.1%}",
                f"{(data.unrelated[number] <= radius).sum():,}",
            )
            yield f"| {' | '.join(cells)} |"


def _rows(data: Measured) -> Iterator[str]:
    for place, alteration in enumerate(ALTERATIONS):
        cells = (
            f"{_percent(data.recall(number, place))}"
            f" ({data.bits(number, place, 50)}, {data.bits(number, place, 95)})"
            for number in range(len(ALGORITHMS))
        )
        yield f"| {alteration.title} | {' | '.join(cells)} |"


def _unrelated(data: Measured) -> Iterator[str]:
    for words, percent in (("nearest", 0.0), ("1% within", 1.0), ("half within", 50.0)):
        cells = (f"{data.apart(number, percent)}" for number in range(len(ALGORITHMS)))
        yield f"| {words} | {' | '.join(cells)} |"


LABELS, CELL, ROW, GAP, TOP = 240, 52, 17, 7, 76
PANEL, LEGEND, WORDS, LOWEST = 270, 92, 60, 80
_GROUPS = len({alteration.group for alteration in ALTERATIONS})
_ROWS = TOP + ROW * len(ALTERATIONS) + GAP * _GROUPS + 10
PITCH = max(LOWEST + WORDS, (_ROWS - LEGEND) // len(ALGORITHMS))
HEIGHT = PITCH - WORDS
"""The panels of the algorithms share the height of the heat map, if it is enough; words are around each."""

INK, RADIUS = "#1b1f24", "#b3202c"
CURVES = (
    ("copies of which nothing was moved", "#1f5fa8"),
    ("copies that were moved or covered", "#d9822b"),
    ("unrelated pictures", "#8a8f98"),
)


def plot(data: Measured) -> str:
    """Return the plot as SVG on a ground of its own: a heat map of recall, and how distances spread."""
    left = LABELS + CELL * len(ALGORITHMS) + 60
    width, height = left + PANEL + 30, max(_ROWS, LEGEND + PITCH * len(ALGORITHMS))
    marks = [*_heat(data), *_legend(left)]
    marks += [mark for number in range(len(ALGORITHMS)) for mark in _spread(data, number, left)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" font-family="Helvetica, Arial, sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(marks) + "\n</svg>\n"
    )


def _text(x: float, y: float, words: str, anchor: str = "start", fill: str = INK, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}"{more}>{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"{more}/>'


BOLD, SMALL = ' font-weight="bold"', ' font-size="10"'


def _heat(data: Measured) -> Iterator[str]:
    """Yield a cell for each alteration and algorithm: the darker, the more of its copies are found."""
    yield _text(12, 22, "Copies found, in % (recall at the default radius)", more=BOLD)
    for number, algorithm in enumerate(ALGORITHMS):
        words = algorithm.name.split()
        for line, word in enumerate(words):
            middle = LABELS + CELL * (number + 0.5)
            yield _text(middle, TOP - 8 - 12 * (len(words) - 1 - line), word, "middle", more=SMALL)
    top, place = float(TOP), 0
    for group, alterations in groupby(ALTERATIONS, lambda alteration: alteration.group):
        yield _text(12, top + 13, group, more=BOLD)
        for alteration in alterations:
            yield _text(LABELS - 8, top + 13, alteration.name, "end")
            for number in range(len(ALGORITHMS)):
                yield from _cell(LABELS + CELL * number, top, data.recall(number, place))
            top, place = top + ROW, place + 1
        top += GAP


def _cell(x: float, y: float, share: float) -> Iterator[str]:
    light, dark = np.array([238, 242, 247]), np.array([24, 78, 140])
    red, green, blue = np.round(light + (dark - light) * share).astype(int)
    yield (
        f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" width="{CELL - 2}" height="{ROW - 2}"'
        f' fill="#{red:02x}{green:02x}{blue:02x}"/>'
    )
    yield _text(x + CELL / 2, y + 13, _percent(share)[:-1], "middle", "white" if share > 0.5 else INK)


def _legend(left: float) -> Iterator[str]:
    yield _text(left, 22, "Share within each distance", more=BOLD)
    for line, (words, colour) in enumerate(CURVES):
        y = 42 + 16 * line
        yield _line(left, y - 4, left + 22, y - 4, colour, ' stroke-width="2.5"')
        yield _text(left + 30, y, words)


def _spread(data: Measured, number: int, left: float) -> Iterator[str]:
    """Yield a panel for an algorithm: which share of copies, and of strangers, lies within each distance."""
    algorithm, top = ALGORITHMS[number], LEGEND + 20 + PITCH * number
    longest = 8 * ALGORITHM_BYTES[algorithm.attribute] * 5 // 8
    yield _text(left, top - 10, algorithm.name, more=BOLD)
    for share in (0.0, 0.5, 1.0):
        y = top + HEIGHT * (1 - share)
        yield _line(left, y, left + PANEL, y, "#d7dbe0")
        yield _text(left - 6, y + 4, f"{share:.0%}", "end")
    for bits in range(0, longest + 1, longest // 5):
        at = left + PANEL * bits / longest
        yield _line(at, top + HEIGHT, at, top + HEIGHT + 4, INK)
        yield _text(at, top + HEIGHT + 17, f"{bits} bits" if bits == longest else f"{bits}", "middle")
    kinds = (data.copies[number][SAME], data.copies[number][~SAME], data.unrelated[number])
    for (_, colour), distances in zip(CURVES, kinds, strict=True):
        shares = [(distances <= bits).mean() for bits in range(longest + 1)]
        points = (
            f"{left + PANEL * bits / longest:.1f},{top + HEIGHT * (1 - share):.1f}"
            for bits, share in enumerate(shares)
        )
        yield f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2.2"/>'
    at = left + PANEL * algorithm.radius / longest
    yield _line(at, top - 2, at, top + HEIGHT, RADIUS, ' stroke-dasharray="4 3"')
    yield _text(at + 5, top + HEIGHT - 7, f"default radius, {algorithm.radius}", fill=RADIUS)


def main() -> None:
    """Measure, say so, and write both files."""
    with tempfile.TemporaryDirectory() as cache:
        data = measured(photographs(Path(cache), PHOTOGRAPHS))
    sys.stdout.write(table(data) + "\n")
    (FOLDER / "robustness.md").write_text(page(data))
    (FOLDER / "robustness.svg").write_text(plot(data))


if __name__ == "__main__":
    main()
