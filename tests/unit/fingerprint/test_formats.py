"""Each way to write a picture has hashes as near to its PNG's as docs/formats.md states."""

import functools
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from scanner.config import Media
from scanner.fingerprint import methods, perceive
from scanner.media import picture as media
from scanner.media import sniff
from scanner.records import Outcome
from tests.pictures import encoded, picture
from tests.unit.fingerprint.formats import ROWS, TYPES
from tests.unit.fingerprint.peers import bits, peers
from tests.unit.fingerprint.writers import in_mode, shown

CAPS = Media()
DOC = Path("docs/formats.md").read_text("utf-8")
DEEP = ("I", "I;16", "I;16B", "F")
WRITTEN = {f"{row.format} {variant.name}": (row, variant) for row in ROWS for variant in row.variants}


@functools.cache
def drawn(seed, size, mode):
    """Return a picture in a mode, and what is seen of it as PNG."""
    image = picture(seed, size)
    return in_mode(image, mode), perceive(encoded(shown(image, mode), "PNG", compress_level=1), CAPS)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_picture_is_hashed_as_the_peers_do_within_the_stated_distance_of_its_png(name):
    row, variant = WRITTEN[name]
    for seed, size in variant.drawn:
        image, png = drawn(seed, size, variant.mode)
        data = variant.write(image)
        seen = perceive(data, CAPS)
        assert (seen.outcome, seen.reason, seen.method) == (Outcome.HASHED, None, methods(CAPS))
        assert seen.media_type in TYPES[row.format]
        assert (seen.width, seen.height) == size
        assert bits(seen.pdq, png.pdq) <= row.pdq
        assert bits(seen.phash, png.phash) <= row.phash
        assert abs(seen.pdq_quality - png.pdq_quality) <= row.pdq
        assert (seen.frame_count, [other.locator for other in seen.others]) == further(row, variant)
        if variant.mode not in (*DEEP, "RGBA", "LA"):
            with Image.open(io.BytesIO(data)) as opened:
                assert (seen.pdq, seen.pdq_quality, seen.phash) == peers(opened.convert("RGBA"))


def further(row, variant):
    """Return how many frames a variant has, and what is seen of it beside the picture."""
    frames = 2 if re.search("animated|several", variant.name) else 1
    views = {"RGBA": ["alpha=dropped"], "LA": ["alpha=dropped"]}.get(variant.mode, [])
    if variant.mode in DEEP and (row.format, variant.mode) != ("JPEG XL", "F"):
        views = ["grey=clipped"]
    if row.format == "JPEG XL" and variant.mode in DEEP:  # which the encoder says measure light
        views = [*views, "light=srgb"]
    return frames, views + ["frame=1"] * (frames - 1)


ORIENTED = {
    "JPEG": {},
    "PNG": {},
    "WEBP": {"lossless": True},
    "AVIF": {"speed": 10},
}


@pytest.mark.parametrize("file_format", [*ORIENTED, "TIFF"])
def test_orientation_is_noted_and_only_that_of_tiff_is_applied(file_format):
    image, exif = picture(24, (200, 120)), Image.Exif()
    exif[0x0112] = 6
    options = ORIENTED.get(file_format, {})
    seen = perceive(encoded(image, file_format, exif=exif, **options), CAPS)
    as_is = perceive(encoded(image, file_format, **options), CAPS)
    assert seen.orientation == 6
    assert (seen.pdq == as_is.pdq) is (file_format != "TIFF")
    assert (seen.width, seen.height) == ((120, 200) if file_format == "TIFF" else (200, 120))


EXACT = ("PNG", "GIF", "BMP", "ICO", "PPM", "others")


def test_what_loses_nothing_is_hashed_as_the_png_is():
    exact = {
        name
        for name, (row, variant) in WRITTEN.items()
        if row.format in EXACT or re.search("lossless|reversible", variant.name)
    }
    assert {name for name in exact if WRITTEN[name][0].pdq or WRITTEN[name][0].phash} == set()


def test_the_stated_distances_are_those_that_are_tested():
    stated = re.findall(r"^\| ([^|]+) \| ([^|]+) \| (\d+) \| (\d+) \|$", DOC, re.MULTILINE)
    assert stated == [
        (row.format, ", ".join(variant.name for variant in row.variants), str(row.pdq), str(row.phash))
        for row in ROWS
    ]


def listed(heading):
    section = DOC.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"`(\w+/[\w.-]+)`", section)


GUARDED = [media_type for _, media_type in (*sniff._PICTURES, *sniff._OTHERS)]
KNOWN = [*(row[2] for row in sniff._MAGICS), *sniff._FORMS.values(), *sniff._BRANDS.values(), *GUARDED]
PICTURES = {media_type.name for media_type in KNOWN if media_type.kind is sniff.Kind.PICTURE}


def test_every_format_that_is_read_is_named():
    stated = {name for names in TYPES.values() for name in names}
    assert sorted(stated.union(listed("Also read"))) == sorted(media._OPENERS)
    assert stated.isdisjoint(listed("Also read"))


def test_every_format_that_is_known_and_not_read_is_named():
    assert listed("Not read") == sorted(PICTURES - set(media._OPENERS))
