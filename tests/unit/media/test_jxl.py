import io

import numpy as np
import pillow_jxl
import pytest
from PIL import Image

from scanner.config import Media
from scanner.fingerprint import perceive
from scanner.media import jxl
from scanner.media.jxl_header import CONTAINER, MAGIC, Header
from scanner.records import Outcome
from tests.pictures import encoded, picture
from tests.samples import ANIMATED_JXL, DEEP_JXL, TURNED_JXL
from tests.unit.fingerprint.peers import bits
from tests.unit.media.test_jxl_header import FILE_TYPE, box, written

CAPS = Media()
PHOTO = picture(13, (200, 150))
GREY = np.asarray(PHOTO.convert("L"))
LOSSLESS = {"lossless": True, "effort": 1}


def opened(data):
    with Image.open(io.BytesIO(data), formats=["JXL"]) as image:
        image.load()
        return image


def jpeg_in_jxl(data, size):
    """Return a JPEG recompressed, with what brings its very bytes back."""
    encoder = pillow_jxl.Encoder("RGB", lossless=True, use_container=True, num_threads=0)
    return bytes(encoder(data, *size, jpeg_encode=True))


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


def test_of_an_animation_the_last_frame_is_seen_and_the_others_are_a_gap():
    seen = perceive(ANIMATED_JXL, CAPS)
    assert seen.outcome is Outcome.UNDECODABLE
    assert seen.reason == "frames before the last one not looked at"
    assert (seen.frame_count, seen.others) == (None, ())
    distances = [bits(seen.pdq, perceive(encoded(picture(n, (64, 48)), "PNG"), CAPS).pdq) for n in (1, 2, 3)]
    assert distances[2] <= 40
    assert min(distances[:2]) > 80


def test_a_jpeg_is_seen_as_its_codestream_shows_it_whatever_would_bring_its_bytes_back():
    photo = encoded(PHOTO, "JPEG", quality=90)
    data = jpeg_in_jxl(photo, PHOTO.size)
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
    decoded = opened(encoded(Image.fromarray(values), "JXL", lossless=True, effort=3))
    assert decoded.mode == "L"
    assert list(np.asarray(decoded)[0, :2]) == [255, 255]
    assert (np.asarray(decoded)[1:] == GREY[1:]).all()
    assert jxl._of_8_bits(np.float32([np.nan, np.inf, -np.inf, 0.5]).tobytes(), 4) == b"\0\xff\0\x80"


def test_values_of_light_are_seen_as_they_are_and_as_viewers_show_them():
    shown = GREY / 255
    light = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    data = encoded(Image.fromarray(np.rint(light * 65535).astype(np.uint16)), "JXL", **LOSSLESS)
    seen, photo = perceive(data, CAPS), perceive(encoded(PHOTO.convert("L"), "PNG"), CAPS)
    assert [other.locator for other in seen.others] == ["grey=clipped", "light=srgb"]
    assert bits(seen.pdq, photo.pdq) > 20
    assert bits(seen.others[1].pdq, photo.pdq) <= 4
    assert bits(seen.others[1].phash, photo.phash) <= 2


def profile(tag, content, count=1):
    return bytes(128) + count.to_bytes(4, "big") + tag + (144).to_bytes(4, "big") + bytes(4) + content


GAMMA = (0x0001_0000).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("content", "linear"),
    [
        (b"para\0\0\0\0\0\3\0\0" + GAMMA, True),
        (b"para\0\0\0\0\0\3\0\0\0\2\x66\x66", False),
        (b"curv\0\0\0\0\0\0\0\0", True),
        (b"curv\0\0\0\0\0\0\0\1\1\0", True),
        (b"curv\0\0\0\0\0\0\0\1\2\x33", False),
        (b"curv\0\0\0\0\0\0\4\0\0\0", False),
        (b"XYZ \0\0\0\0" + GAMMA, False),
        (b"", False),
    ],
)
def test_a_profile_is_linear_where_its_curve_is_none(content, linear):
    assert jxl._is_linear(profile(b"rTRC", content)) is linear
    assert jxl._is_linear(profile(b"kTRC", content, count=1 << 31)) is linear
    assert not jxl._is_linear(profile(b"gXYZ", content))


@pytest.mark.parametrize("data", [b"", bytes(200), b"\xff" * 140])
def test_what_is_no_profile_is_not_linear(data):
    assert not jxl._is_linear(data)


@pytest.fixture
def decoder(monkeypatch):
    """Replace the decoder by one that notes what it is asked, and may raise or answer something else."""

    class Noting:
        asked, threads, answer = [], [], None

        def __init__(self, num_threads):
            self.threads.append(num_threads)

        def __call__(self, stream):
            self.asked.append(stream)
            if self.answer is not None:
                raise self.answer
            return pillow_jxl.Decoder(num_threads=0)(stream)

    monkeypatch.setattr(jxl, "Decoder", Noting)
    return Noting


def test_a_picture_is_decoded_once_in_this_thread(decoder):
    assert perceive(DEEP_JXL, CAPS).outcome is Outcome.HASHED
    assert (decoder.threads, decoder.asked) == ([0], [DEEP_JXL])


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
def test_what_is_too_large_is_never_given_to_the_decoder(decoder, data, reason):
    seen = perceive(data, Media(max_pixels=20_000))
    assert seen.outcome is Outcome.TOO_LARGE
    assert seen.reason in (reason, "200 x 150 is more than 20000 pixels")
    assert decoder.asked == []


def test_a_large_codestream_behind_a_small_one_is_not_decoded(decoder):
    data = CONTAINER + FILE_TYPE + box(b"jxlc", DEEP_JXL) + box(b"jxlc", LARGE)
    assert perceive(data, Media(max_pixels=20_000)) == perceive(DEEP_JXL, CAPS)
    assert LARGE not in decoder.asked


def test_a_picture_of_another_size_than_its_header_says_is_undecodable(monkeypatch):
    monkeypatch.setattr(jxl, "header_of", lambda _: Header(150, 200, 1, False))
    seen = perceive(LARGE, CAPS)
    assert (seen.outcome, seen.reason) == (Outcome.UNDECODABLE, "not decodable (OSError)")


class PanicException(BaseException):
    """What a panic of Rust's is in Python."""


def test_a_panic_of_the_decoder_is_an_outcome(decoder):
    decoder.answer = PanicException("capacity overflow")
    seen = perceive(LARGE, CAPS)
    assert (seen.outcome, seen.reason) == (Outcome.UNDECODABLE, "not decodable (OSError)")


def test_an_interruption_is_none(decoder):
    decoder.answer = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        perceive(LARGE, CAPS)


CONTAINED = CONTAINER + FILE_TYPE + box(b"jxlc", LARGE)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("data", [LARGE, CONTAINED, ANIMATED_JXL], ids=["bare", "in a box", "animated"])
def test_a_file_that_is_cut_is_undecodable_and_shows_nothing(data, share):
    seen = perceive(data[: max(len(MAGIC), int(len(data) * share))], CAPS)
    assert (seen.outcome, seen.pdq) == (Outcome.UNDECODABLE, None)


def test_what_lies_behind_the_codestream_may_be_broken():
    assert perceive(CONTAINED + box(b"Exif", bytes(900))[:50], CAPS) == perceive(LARGE, CAPS)
