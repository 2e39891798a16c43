"""How exact the two PDQ methods are, beside `pdqhash` and imagehash, and what that rests on."""

import io
import math

import hypothesis.strategies as st
import imagehash
import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings
from PIL import Image

from scanner.config import Media
from scanner.fingerprint import perceive
from scanner.fingerprint.pdq import pdq
from scanner.records import OPTIONAL
from tests.patterns import KINDS, graphics
from tests.photographs import encoded, photographs
from tests.pictures import encoded as saved

FILES = 154
ENCODINGS = [(scale, quality) for scale in (0.5, 1.0, 2.0) for quality in (40, 88)]


def reference(rgb):
    bits, quality = pdqhash.compute(rgb)
    return np.packbits(bits.astype(np.uint8)).tobytes(), quality


def bits(one, other):
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return photographs(tmp_path_factory.mktemp("photographs"), FILES)


def test_full_equals_the_reference_on_photographs(paths):
    clear = 0
    for path in paths:
        for scale, quality in ENCODINGS[1::2]:
            body = encoded(path, "JPEG", scale, quality=quality)
            expected = reference(np.asarray(Image.open(io.BytesIO(body))))
            seen = perceive(body, Media())
            assert (seen.pdq, seen.pdq_quality) == expected
            clear += expected[1] >= 50
    print(f"\npdq/full equals pdqhash, hash and quality, on {clear} JPEGs of photographs of quality >= 50")


sides = st.floats(math.log(5.001), math.log(6000.99)).map(lambda side: int(math.exp(side)))


def test_full_equals_the_reference_on_random_sizes():
    met = []

    @settings(derandomize=True, deadline=None, max_examples=1000)
    @given(st.sampled_from(KINDS), st.integers(0, 2**32), sides, sides)
    def equal(kind, seed, height, width):
        rgb = np.ascontiguousarray(kind(seed, height, width))
        assert pdq(rgb) == reference(rgb)
        met.append((height, width))

    equal()
    ratios = [max(size) / min(size) for size in met]
    print(
        f"\npdq/full equals pdqhash, hash and quality, on {len(met):,} pictures, {min(met)} to {max(met)} "
        f"pixels (height, width); {sum(ratio > 20 for ratio in ratios)} of them are longer than 20 to 1"
    )


def luma_error(bodies):
    """Return how far PDQ, pHash and quality from luma are off, for each file of quality >= 50."""
    pairs = [(perceive(body, Media()), perceive(body, Media(pdq="luma"))) for body in bodies]
    assert all(luma.method == "pdq/luma phash/luma" for _, luma in pairs)
    return np.array(
        [
            (bits(full.pdq, luma.pdq), bits(full.phash, luma.phash), abs(full.pdq_quality - luma.pdq_quality))
            for full, luma in pairs
            if full.pdq_quality >= 50
        ]
    )


def described(name, errors):
    pdqs, phashes, qualities = errors.T
    print(
        f"{name:<34} {len(errors):5}  PDQ mean {pdqs.mean():.2f}, at most {pdqs.max()} bits; "
        f"pHash mean {phashes.mean():.2f}, at most {phashes.max()} bits; quality at most {qualities.max()}"
    )


def test_luma_lies_near_the_full_method(paths):
    print("\npdq/luma and phash/luma: distance from pdq/full and phash/imagehash of the same JPEG")
    errors = {
        "photographs": luma_error(
            encoded(path, "JPEG", scale, quality=quality) for path in paths for scale, quality in ENCODINGS
        ),
        "saturated graphics": luma_error(
            saved(Image.fromarray(graphics(seed, height, width)), "JPEG", quality=quality)
            for seed in range(100)
            for height, width in ((480, 640), (1200, 1600))
            for quality in (40, 88)
        ),
    }
    for name, found in errors.items():
        described(name, found)
    assert errors["photographs"][:, 0].mean() <= 1.5
    assert errors["photographs"][:, 0].max() <= 14


EVERY = Media(also=OPTIONAL)
IMAGEHASH = {"phash": imagehash.phash, "dhash": imagehash.dhash, "whash": imagehash.whash}


def test_imagehash_is_equalled_on_photographs(paths):
    for path in paths:
        body = encoded(path, "JPEG", quality=88)
        seen, image = perceive(body, EVERY), Image.open(io.BytesIO(body))
        assert {name: getattr(seen, name).hex() for name in IMAGEHASH} == {
            name: str(hashed(image)) for name, hashed in IMAGEHASH.items()
        }
    print(f"\nphash, dhash and whash/imagehash equal imagehash on {len(paths)} photographs")


def test_dhash_and_whash_of_luma_lie_near_those_of_imagehash(paths):
    errors = []
    for path in paths:
        for scale, quality in ENCODINGS:
            body = encoded(path, "JPEG", scale, quality=quality)
            full, luma = perceive(body, EVERY), perceive(body, EVERY.model_copy(update={"pdq": "luma"}))
            if full.pdq_quality >= 50:
                errors.append([bits(getattr(full, name), getattr(luma, name)) for name in OPTIONAL])
    dhashes, whashes = np.array(errors).T
    print("\ndhash/luma and whash/luma: distance from dhash/imagehash and whash/imagehash of the same JPEG")
    print(
        f"{'photographs':<34} {len(errors):5}  dHash mean {dhashes.mean():.2f}, at most {dhashes.max()} bits",
        f"; wHash mean {whashes.mean():.2f}, at most {whashes.max()} bits",
        sep="",
    )
    assert dhashes.max() <= 3
    assert whashes.mean() <= 0.5
