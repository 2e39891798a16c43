import bisect
import io

import numpy as np
import pytest
from imagecodecs import jpegxl_decode, jpegxl_encode, jpegxl_encode_jpeg
from PIL import Image

from scanner.config import Media
from scanner.fingerprint import perceive
from scanner.media import jxl
from scanner.media.jxl_header import CONTAINER, MAGIC, Header
from scanner.records import Outcome
from tests.pictures import animation, encoded, picture
from tests.samples import ANIMATED_JXL, DEEP_JXL, PATCHED_JXL, PROFILED_JXL, TURNED_JXL
from tests.unit.fingerprint.peers import bits
from tests.unit.media.test_jxl_header import FILE_TYPE, box, written

CAPS = Media()
PHOTO = picture(13, (200, 150))
GREY = np.asarray(PHOTO.convert("L"))
LOSSLESS = {"effort": 1}


def opened(data):
    with Image.open(io.BytesIO(data), formats=["JXL"]) as image:
        image.load()
        return image


def turned(orientation):
    """Return a codestream that differs from a turned one's in its orientation alone."""
    at = 8 * len(MAGIC) + 9 + 2  # behind the size, and the flags that say that there is one
    stream = int.from_bytes(TURNED_JXL, "little") & ~(7 << at) | (orientation - 1) << at
    return stream.to_bytes(len(TURNED_JXL), "little")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_noted_and_not_applied(orientation):
    data = turned(orientation)
    image = opened(data)
    difference = np.abs(np.asarray(image, int) - np.asarray(opened(turned(1)), int))
    assert difference.max() <= 2, "but for the decoder's dither"
    assert np.abs(np.asarray(image, int) - np.asarray(picture(6, (64, 48)), int)).mean() < 20
    seen = perceive(data, CAPS)
    assert (seen.outcome, seen.orientation, seen.width, seen.height) == (Outcome.HASHED, orientation, 64, 48)


SEEDS = (1, 2, 3, 4)
FRAMES = [np.asarray(picture(seed, (64, 48))) for seed in SEEDS]
MOVING = animation(SEEDS, "JXL", (64, 48), effort=1)


def flat(seed, size):
    return picture(seed, size).quantize(4, dither=0).convert("RGB")


def patched():
    first = flat(1, (64, 48))
    second = first.copy()
    second.paste(flat(4, (24, 24)), (8, 8))
    third = second.copy()
    third.paste(flat(5, (24, 24)), (36, 20))
    return [np.asarray(frame) for frame in (first, second, third)]


@pytest.mark.parametrize(
    ("data", "frames"), [(MOVING, FRAMES), (PATCHED_JXL, patched())], ids=["whole", "patches"]
)
def test_every_frame_of_an_animation_is_seen_as_it_is_shown_in_any_order(data, frames):
    with Image.open(io.BytesIO(data), formats=["JXL"]) as image:
        assert (image.n_frames, image.is_animated, image.tell()) == (len(frames), True, 0)
        for number in [*reversed(range(len(frames))), 1, 0]:
            image.seek(number)
            assert image.tell() == number
            assert (np.asarray(image) == frames[number]).all()
        for number in (-1, len(frames)):
            with pytest.raises(EOFError):
                image.seek(number)
    seen = perceive(data, CAPS)
    alone = [perceive(encoded(Image.fromarray(frame), "PNG"), CAPS) for frame in frames]
    assert (seen.outcome, seen.frame_count) == (Outcome.HASHED, len(frames))
    assert [other.locator for other in seen.others] == [f"frame={n}" for n in range(1, len(frames))]
    assert [seen.pdq, *(other.pdq for other in seen.others)] == [one.pdq for one in alone]


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "I;16"])
def test_frames_of_every_mode_are_seen(mode):
    frames = [Image.fromarray(frame).convert("LA" if mode == "LA" else "L") for frame in FRAMES]
    if mode == "RGBA":
        frames = [Image.fromarray(frame).convert(mode).rotate(9) for frame in FRAMES]
    if mode == "I;16":
        frames = [Image.fromarray(np.asarray(frame).astype(np.uint16) * 257) for frame in frames]
    data = encoded(frames[0], "JXL", save_all=True, append_images=frames[1:], **LOSSLESS)
    with Image.open(io.BytesIO(data), formats=["JXL"]) as image:
        for number, frame in enumerate(frames):
            image.seek(number)
            image.load()
            assert image.mode == mode
            assert (np.asarray(image) == np.asarray(frame)).all()


def test_frames_that_last_no_time_are_not_shown():
    seen = perceive(ANIMATED_JXL, CAPS)
    assert (seen.outcome, seen.frame_count, seen.others) == (Outcome.HASHED, 1, ())
    distances = [bits(seen.pdq, perceive(encoded(picture(n, (64, 48)), "PNG"), CAPS).pdq) for n in (1, 2, 3)]
    assert distances[2] <= 40
    assert min(distances[:2]) > 80


def bytes_of(frames):
    """Return how long a beginning of the animation holds so many frames."""

    def holds(length):
        try:
            jpegxl_decode(MOVING[:length], index=frames - 1)
        except RuntimeError:
            return False
        return True

    return bisect.bisect_left(range(len(MOVING)), True, key=holds)


@pytest.mark.parametrize("whole", [1, 2, 3])
@pytest.mark.parametrize("more", [0, 1, 2, 9, 400])
def test_an_animation_that_is_cut_shows_the_frames_before_and_is_a_gap(whole, more):
    cut = bytes_of(whole) + more
    seen = perceive(MOVING[:cut], CAPS)
    assert (seen.outcome, seen.frame_count) == (Outcome.UNDECODABLE, whole + 1)
    assert seen.reason == f"frame {whole}: not decodable (JpegxlError)"
    assert [other.locator for other in seen.others] == [f"frame={n}" for n in range(1, whole)]
    assert seen.pdq == perceive(MOVING, CAPS).pdq


def test_frames_out_of_reach_are_a_gap():
    caps = Media(max_pixels=64 * 48)  # four may be decoded: the first, and to see the second, both
    seen = perceive(MOVING, caps)
    assert (seen.outcome, seen.reason) == (Outcome.TOO_LARGE, "frames 2 to 3 not looked at")
    assert [other.locator for other in seen.others] == ["frame=1"]


def test_frames_that_the_decoder_does_not_count_are_a_gap(monkeypatch):
    def mute(*args, **options):
        try:
            return jpegxl_decode(*args, **options)
        except ValueError:
            raise ValueError("other words") from None

    monkeypatch.setattr(jxl, "jpegxl_decode", mute)
    seen = perceive(MOVING, CAPS)
    assert (seen.outcome, seen.reason) == (Outcome.UNDECODABLE, "not decodable (OSError)")
    assert (seen.pdq, seen.others) == (perceive(encoded(picture(1, (64, 48)), "PNG"), CAPS).pdq, ())


def test_a_jpeg_is_seen_as_its_codestream_shows_it_whatever_would_bring_its_bytes_back():
    photo = encoded(PHOTO, "JPEG", quality=90)
    data = bytes(jpegxl_encode_jpeg(photo, usecontainer=True, numthreads=1))
    assert b"jbrd" in data
    seen, original = perceive(data, CAPS), perceive(photo, CAPS)
    assert (seen.outcome, seen.pdq_quality) == (Outcome.HASHED, original.pdq_quality)
    assert bits(seen.pdq, original.pdq) <= 2
    assert bits(seen.phash, original.phash) <= 2
    at = data.index(b"jbrd")
    assert perceive(data[: at + 6] + b"noise" + data[at + 11 :], CAPS) == seen


@pytest.mark.parametrize(
    ("image", "mode"),
    [
        (PHOTO, "RGB"),
        (PHOTO.convert("RGBA").rotate(9), "RGBA"),
        (PHOTO.convert("L"), "L"),
        (PHOTO.convert("RGBA").rotate(9).convert("LA"), "LA"),
        (Image.fromarray(GREY.astype(np.uint16) * 257 - GREY), "I;16"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_every_mode_is_decoded_as_it_was_encoded(image, mode):
    decoded = opened(encoded(image, "JXL", **LOSSLESS))
    assert decoded.mode == mode
    assert (np.asarray(decoded) == np.asarray(image)).all()


def test_greys_of_16_bits_keep_their_alpha():
    decoded = opened(DEEP_JXL)
    shown, alpha = np.asarray(decoded, int).transpose(2, 0, 1)
    assert decoded.mode == "LA"
    assert np.abs(shown - np.asarray(picture(6, (64, 48)).convert("L"), int)).mean() < 12
    assert alpha[:, :40].min() > 240
    assert np.abs(alpha[:, 40:] - (20_000 >> 8)).max() < 10
    assert [other.locator for other in perceive(DEEP_JXL, CAPS).others] == ["alpha=dropped"]


def test_floats_mean_0_to_1_and_what_is_beyond_is_cut_off():
    values = GREY.astype(np.float32) / 255
    values[0, :2] = (7.5, 1.01)
    decoded = opened(encoded(Image.fromarray(values), "JXL", effort=3))
    assert decoded.mode == "L"
    assert list(np.asarray(decoded)[0, :2]) == [255, 255]
    assert (np.asarray(decoded)[1:] == GREY[1:]).all()
    assert jxl._of_8_bits(np.float32([np.nan, np.inf, -np.inf, 0.5])).tobytes() == b"\0\xff\0\x80"


@pytest.mark.parametrize("bits_each", [1, 2, 4, 7, 10, 12, 15])
def test_integers_of_few_bits_mean_as_much_as_those_of_many(bits_each):
    values = np.rint(GREY / 255 * ((1 << bits_each) - 1)).astype(np.uint8 if bits_each <= 8 else np.uint16)
    data = bytes(jpegxl_encode(values, bitspersample=bits_each, lossless=True, effort=1, numthreads=1))
    decoded = opened(data)
    most = 255 if bits_each <= 8 else 65535
    assert decoded.mode == ("L" if bits_each <= 8 else "I;16")
    assert np.abs(np.asarray(decoded) - values * (most / ((1 << bits_each) - 1))).max() <= 0.5


def test_floats_of_16_bits_mean_0_to_1():
    decoded = opened(bytes(jpegxl_encode((GREY / 255).astype(np.float16), effort=3, numthreads=1)))
    assert (np.asarray(decoded) == GREY).all()


def test_a_channel_that_is_no_alpha_is_not_shown():
    planes = np.stack([GREY, GREY[::-1], GREY.T.reshape(GREY.shape)])
    data = bytes(jpegxl_encode(planes, photometric="GRAY", planar=True, effort=1, numthreads=1))
    decoded = opened(data)
    assert jpegxl_decode(data).shape == planes.shape
    assert (decoded.mode, (np.asarray(decoded) == GREY).all()) == ("L", True)


def test_values_of_light_are_seen_as_they_are_and_as_viewers_show_them():
    shown = GREY / 255
    light = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    data = encoded(Image.fromarray(np.rint(light * 65535).astype(np.uint16)), "JXL", **LOSSLESS)
    seen, photo = perceive(data, CAPS), perceive(encoded(PHOTO.convert("L"), "PNG"), CAPS)
    assert [other.locator for other in seen.others] == ["grey=clipped", "light=srgb"]
    assert bits(seen.pdq, photo.pdq) > 20
    assert bits(seen.others[1].pdq, photo.pdq) <= 4
    assert bits(seen.others[1].phash, photo.phash) <= 2


def test_a_lossy_picture_whose_profile_is_not_followed_is_seen_on_the_curve_too():
    assert [other.locator for other in perceive(PROFILED_JXL, CAPS).others] == ["light=srgb"]
    shades, photo = (np.asarray(image, int) for image in (opened(PROFILED_JXL), picture(6, (64, 48))))
    assert photo.mean() - shades.mean() > 20


@pytest.fixture
def asked(monkeypatch):
    """Note what the decoder is asked."""
    noted = []

    def noting(stream, **options):
        noted.append((stream, options["numthreads"]))
        return jpegxl_decode(stream, **options)

    monkeypatch.setattr(jxl, "jpegxl_decode", noting)
    return noted


def test_a_picture_is_decoded_once_in_this_thread(asked):
    assert perceive(DEEP_JXL, CAPS).outcome is Outcome.HASHED
    assert asked == [(DEEP_JXL, 1)]


def test_frames_are_decoded_in_this_thread(asked):
    assert perceive(MOVING, CAPS).outcome is Outcome.HASHED
    assert {threads for _, threads in asked} == {1}
    assert len(asked) == len(SEEDS) + 2  # to count them, and to see that none is missing


HUGE = MAGIC + written([(1, 0), (2, 3), (30, (1 << 30) - 1), (3, 7), (1, 1)]) + bytes(50)
LARGE = encoded(PHOTO, "JXL", **LOSSLESS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (LARGE, "200 x 150 is more than 20000 pixels"),
        (CONTAINER + FILE_TYPE + box(b"jxlc", LARGE), "200 x 150 is more than 20000 pixels"),
        (
            CONTAINER
            + FILE_TYPE
            + box(b"jxlp", bytes(4) + LARGE[:4])
            + box(b"jxlp", b"\x80\0\0\1" + LARGE[4:]),
            None,
        ),
        (HUGE, "more than 20000 pixels"),
    ],
    ids=["bare", "in a box", "in parts", "huge"],
)
def test_what_is_too_large_is_never_given_to_the_decoder(asked, data, reason):
    seen = perceive(data, Media(max_pixels=20_000))
    assert seen.outcome is Outcome.TOO_LARGE
    assert seen.reason in (reason, "200 x 150 is more than 20000 pixels")
    assert asked == []


def test_a_large_codestream_behind_a_small_one_is_not_decoded(asked):
    data = CONTAINER + FILE_TYPE + box(b"jxlc", DEEP_JXL) + box(b"jxlc", LARGE)
    assert perceive(data, Media(max_pixels=20_000)) == perceive(DEEP_JXL, CAPS)
    assert {stream for stream, _ in asked} == {DEEP_JXL}


def test_a_picture_of_another_size_than_its_header_says_is_undecodable(monkeypatch):
    monkeypatch.setattr(jxl, "header_of", lambda _: Header(150, 200, 1, False, 8, False))
    seen = perceive(LARGE, CAPS)
    assert (seen.outcome, seen.reason) == (Outcome.UNDECODABLE, "not decodable (OSError)")


CONTAINED = CONTAINER + FILE_TYPE + box(b"jxlc", LARGE)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("data", [LARGE, CONTAINED, ANIMATED_JXL], ids=["bare", "in a box", "animated"])
def test_a_file_that_is_cut_is_undecodable_and_shows_nothing(data, share):
    seen = perceive(data[: max(len(MAGIC), int(len(data) * share))], CAPS)
    assert (seen.outcome, seen.pdq) == (Outcome.UNDECODABLE, None)


def test_what_lies_behind_the_codestream_may_be_broken():
    assert perceive(CONTAINED + box(b"Exif", bytes(900))[:50], CAPS) == perceive(LARGE, CAPS)
