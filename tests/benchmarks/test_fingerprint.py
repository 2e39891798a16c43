"""Milliseconds for one picture on one core, from the bytes of a JPEG, beside the peers in the same run."""

import hashlib
import io
import statistics
import time

import imagehash
import numpy as np
import pdqhash
import pytest
import simplejpeg
from perception import hashers
from PIL import Image
from threatexchange.signal_type.pdq.signal import PdqSignal

from scanner.config import Media
from scanner.fingerprint import fingerprint
from scanner.fingerprint.dhash import dhash
from scanner.fingerprint.pdq import TRANSFORMS, pdq, pdq_of_luma
from scanner.fingerprint.phash import phash
from scanner.fingerprint.whash import whash
from scanner.media.jpeg import LEAST_SIDE, SCALES, luma_of_jpeg, pixels_of_jpeg
from tests.photographs import encoded, photographs

ROUNDS = 5
PICTURES = 6


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Return photographs that are 1,600 pixels wide."""
    paths = photographs(tmp_path_factory.mktemp("photographs"), 40)
    return [path for path in paths if width(path) == 1600][:PICTURES]


def width(path):
    with Image.open(path) as image:
        return image.width


def pixels(data):
    with Image.open(io.BytesIO(data)) as image:
        return pixels_of_jpeg(data, *image.size)


def luma(data):
    """Return a JPEG's luma as it is hashed, the sides of the whole picture, and the scale."""
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
    plane, scale = luma_of_jpeg(data, width, height)
    return plane, height, width, scale


def luma_alone(data):
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    scale = next(scale for scale in SCALES if scale == 1 or min(width, height) >= LEAST_SIDE * scale)
    simplejpeg.decode_jpeg(data, "GRAY", min_height=-(-height // scale), min_width=-(-width // scale))


LUMA = Media(pdq="luma")


def by_peers(data):
    for name in ("md5", "sha1", "sha256"):
        hashlib.new(name, data).digest()
    PdqSignal.hash_from_bytes(data)
    imagehash.phash(Image.open(io.BytesIO(data)))


def by_perception(data):
    for name in ("md5", "sha1", "sha256"):
        hashlib.new(name, data).digest()
    picture = hashers.tools.read(io.BytesIO(data))  # once for both
    PERCEPTION_PDQ.compute(picture)
    PERCEPTION_PHASH.compute(picture)


PERCEPTION_PDQ, PERCEPTION_PHASH = hashers.PDQHash(), hashers.PHash()

WAYS = {
    "PDQ": {
        "python-threatexchange": PdqSignal.hash_from_bytes,
        "Pillow, then pdqhash": lambda data: pdqhash.compute(
            np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        ),
        "perception (OpenCV, pdqhash)": lambda data: PERCEPTION_PDQ.compute(io.BytesIO(data)),
        "hashsweep (pdq/full)": lambda data: pdq(pixels(data)),
        "decoding alone": simplejpeg.decode_jpeg,
        "hashsweep (pdq/luma)": lambda data: pdq_of_luma(*luma(data), TRANSFORMS[:1]),
        "decoding luma alone, same scale": luma_alone,
    },
    "pHash": {
        "Pillow, then imagehash": lambda data: imagehash.phash(Image.open(io.BytesIO(data))),
        "perception (OpenCV)": lambda data: PERCEPTION_PHASH.compute(io.BytesIO(data)),
        "hashsweep (phash/imagehash)": lambda data: phash(pixels(data)),
    },
    "dHash": {
        "Pillow, then imagehash": lambda data: imagehash.dhash(Image.open(io.BytesIO(data))),
        "hashsweep (dhash/imagehash)": lambda data: dhash(pixels(data)),
    },
    "wHash": {
        "Pillow, then imagehash": lambda data: imagehash.whash(Image.open(io.BytesIO(data))),
        "hashsweep (whash/imagehash)": lambda data: whash(pixels(data)),
    },
    "MD5, SHA-1, SHA-256, PDQ, pHash": {
        "hashlib, python-threatexchange, imagehash": by_peers,
        "hashlib, perception (decoding once)": by_perception,
        "hashsweep": fingerprint,
        "hashsweep (luma)": lambda data: fingerprint(data, caps=LUMA),
    },
}


def milliseconds(ways, data):
    """Return the median of some rounds for each way; the ways take turns, so that noise meets all of them."""
    taken = {name: [] for name in ways}
    for _ in range(ROUNDS + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way(data)
            taken[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


@pytest.mark.parametrize(("megapixels", "scale"), [(2, 1.05), (7, 2.0)])
def test_fingerprints_beside_the_peers(wide, megapixels, scale):
    bodies = [encoded(path, "JPEG", scale, quality=88) for path in wide]
    for title, ways in WAYS.items():
        each = [milliseconds(ways, body) for body in bodies]
        print(
            f"\n{title}: ms for a JPEG of about {megapixels} megapixels, median of {len(bodies)} photographs"
        )
        base = statistics.median(times[next(iter(ways))] for times in each)
        for name in ways:
            typical = statistics.median(times[name] for times in each)
            print(f"  {name:<42} {typical:8.1f} {base / typical:6.1f}x")
    for body in bodies:
        value, quality = pdq(pixels(body))
        assert (value.hex(), quality >= 50) == (PdqSignal.hash_from_bytes(body), True)
