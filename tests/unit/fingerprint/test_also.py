"""dHash and wHash stand beside PDQ and pHash wherever these do, where they are asked for and nowhere else."""

import io
from dataclasses import replace

import imagehash
import numpy as np
import pytest
from PIL import Image

from scanner.config import Media
from scanner.fingerprint import fingerprint, perceive
from scanner.fingerprint.pdq import TRANSFORMS
from scanner.records import Fingerprint, records_of, table_of
from tests import pictures
from tests.pictures import animation, encoded, picture

ALL = Media(also=("dhash", "whash"))
PHOTO = picture(21, (400, 300))
JPEG = encoded(PHOTO, "JPEG", quality=85)


def by_imagehash(image):
    return tuple(bytes.fromhex(str(hashed(image))) for hashed in (imagehash.dhash, imagehash.whash))


def also(seen):
    return seen.dhash, seen.whash


def bits(one, other):
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def test_nothing_is_computed_that_was_not_asked_for():
    for chosen in ((), ("dhash",), ("whash",)):
        seen = perceive(animation((1, 2)), Media(also=chosen))
        for one in (seen, *seen.others):
            computed = [name for name in ("dhash", "whash") if getattr(one, name) is not None]
            assert computed == list(chosen)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_they_are_those_of_imagehash_and_everything_else_stays_as_it_is(file_format, mode):
    data = encoded(PHOTO.convert(mode), file_format)
    seen = perceive(data, ALL)
    assert also(seen) == by_imagehash(Image.open(io.BytesIO(data)).convert("RGB"))
    plain = perceive(data, Media())
    assert seen == replace(plain, dhash=seen.dhash, whash=seen.whash, method=seen.method)
    assert seen.method == f"{plain.method} dhash/imagehash whash/imagehash"


def test_frames_have_them_too():
    seen = perceive(animation((1, 2, 3), "WEBP", lossless=True), ALL)
    assert [also(one) for one in (seen, *seen.others)] == [
        by_imagehash(picture(seed, (160, 120))) for seed in (1, 2, 3)
    ]


def test_a_picture_without_its_alpha_channel_has_them_too():
    image = PHOTO.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    seen = perceive(encoded(image, "PNG"), ALL)
    ((locator, dropped),) = [(other.locator, also(other)) for other in seen.others]
    assert (locator, dropped) == ("alpha=dropped", by_imagehash(PHOTO))
    assert also(seen) == by_imagehash(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image))


def test_what_is_turned_and_mirrored_has_pdq_alone():
    seen = perceive(JPEG, Media(also=("dhash", "whash"), transforms="all"))
    assert [other.transform for other in seen.others] == list(TRANSFORMS[1:])
    assert {also(other) for other in seen.others} == {(None, None)}


def test_frames_that_only_one_of_them_tells_apart_are_both_kept():
    """Frames too small for PDQ, of equal pHash and dHash: where wHash is asked for, it is not lost."""
    tops = ([0, 160, 0], [0, 240, 0])
    frames = [Image.fromarray(np.array([top, [0, 240, 0], [240, 160, 240]], np.uint8)) for top in tops]
    data = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    seen = {chosen: perceive(data, Media(also=chosen)) for chosen in ((), ("dhash",), ("whash",))}
    assert {chosen: len(one.others) for chosen, one in seen.items()} == {(): 0, ("dhash",): 0, ("whash",): 1}
    assert [seen["whash",].whash, seen["whash",].others[0].whash] == [by_imagehash(one)[1] for one in frames]


def test_what_was_seen_in_part_has_them_too():
    seen = perceive(pictures.truncated(JPEG), ALL)
    assert seen.reason.endswith("; seen in part")
    assert None not in also(seen)


@pytest.mark.parametrize("size", [(400, 300), (1100, 1030), (2500, 2100)], ids=str)
def test_the_luma_of_a_jpeg_gives_nearly_the_same_and_says_so(size):
    data = encoded(picture(7, size), "JPEG", quality=88)
    seen, full = perceive(data, ALL.model_copy(update={"pdq": "luma"})), perceive(data, ALL)
    assert seen.method == "pdq/luma phash/luma dhash/luma whash/luma"
    assert bits(seen.dhash, full.dhash) <= 3
    assert bits(seen.whash, full.whash) <= 4


def test_they_are_stored_and_read_back_as_they_were():
    rows = [fingerprint(animation((1, 2)), caps=ALL), fingerprint(JPEG, caps=ALL), fingerprint(JPEG)]
    assert list(records_of(Fingerprint, table_of(Fingerprint, rows))) == rows
    assert also(rows[1]) == by_imagehash(Image.open(io.BytesIO(JPEG)))
    assert also(rows[0].others[0]) == also(perceive(animation((1, 2)), ALL).others[0])
