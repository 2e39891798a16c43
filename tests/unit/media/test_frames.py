import io
import itertools
import struct
import zlib

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from PIL import Image

from scanner.media.frames import MAX_COUNTED, TooManyFrames, frame_count, reachable, sampled
from tests.pictures import animation, encoded, frame_bomb, picture


def counted(data):
    with Image.open(io.BytesIO(data)) as image:
        return frame_count(image, data)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF", "HEIF", "MPO", "JXL"])
@pytest.mark.parametrize("frames", [1, 2, 7])
def test_frames_are_counted(file_format, frames):
    assert counted(animation(range(frames), file_format, size=(64, 48))) == frames


@pytest.mark.parametrize("file_format", ["JPEG", "BMP", "PPM", "JPEG2000"])
def test_a_single_picture_has_one_frame(file_format):
    assert counted(encoded(picture(1, (64, 48)), file_format)) == 1


@pytest.mark.parametrize("options", [{"comment": b"a" * 700}, {"loop": 3}, {"interlace": 1}, {"disposal": 2}])
def test_extensions_of_a_gif_are_no_frames(options):
    data = animation(range(5), "GIF", size=(64, 48), **options)
    with Image.open(io.BytesIO(data)) as image:
        assert frame_count(image, data) == image.n_frames == 5


def test_a_count_has_an_end():
    assert counted(frame_bomb(MAX_COUNTED)) == MAX_COUNTED
    with pytest.raises(TooManyFrames, match="more than 10000 frames"):
        counted(frame_bomb(MAX_COUNTED + 1))


def test_a_claimed_count_is_not_believed_beyond_the_limit():
    data = animation(range(2), "PNG", size=(64, 48))
    at = data.index(b"acTL") + 4
    claim = struct.pack(">II", 1 << 30, 0)
    lied = data[:at] + claim + struct.pack(">I", zlib.crc32(b"acTL" + claim)) + data[at + 12 :]
    with pytest.raises(TooManyFrames):
        counted(lied)


def test_pages_in_a_circle_are_counted_once():
    data = bytearray(animation(range(3), "TIFF", size=(16, 16)))
    first = struct.unpack_from("<I", data, 4)[0]
    tags = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * tags, first)
    assert counted(bytes(data)) == 1


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(0, 3000), st.binary(max_size=40))
def test_a_cut_or_garbled_gif_still_has_a_count(cut, tail):
    data = animation((1, 2, 3), "GIF", size=(32, 24))
    with Image.open(io.BytesIO(data)) as image:
        assert 1 <= frame_count(image, data[:cut] + tail) <= len(data)


@settings(derandomize=True)
@given(st.integers(1, 12_000), st.integers(1, 40))
def test_samples_are_even_and_begin_with_the_first(count, wanted):
    numbers = sampled(count, wanted)
    steps = {later - earlier for earlier, later in itertools.pairwise(numbers)}
    assert numbers[0] == 0
    assert len(numbers) == min(count, wanted)
    assert not steps or max(steps) - min(steps) <= 1
    assert wanted == 1 or numbers[-1] == count - 1


def test_only_pages_can_be_reached_without_what_stands_before_them():
    with Image.open(io.BytesIO(animation((1, 2, 3), "TIFF", size=(64, 48)))) as pages:
        assert reachable(pages, 3, 1, 16) == 3
    with Image.open(io.BytesIO(animation((1, 2, 3), "GIF", size=(64, 48)))) as frames:
        assert [reachable(frames, 3, 64 * 48 * n, 16) for n in range(5)] == [1, 1, 2, 3, 3]


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 2000), st.integers(1, 5000), st.integers(2, 40))
def test_frames_that_are_made_anew_from_those_before_them_are_reckoned_in_full(count, affordable, wanted):
    with Image.open(io.BytesIO(animation((1, 2), "JXL", size=(8, 8)))) as frames:
        reach = reachable(frames, count, 64 * affordable + 63, wanted)
    decoded = sum(number + 1 for number in sampled(reach, wanted))
    assert 1 <= reach <= count
    assert decoded <= affordable or reach == 1
    if reach < count:
        assert sum(number + 1 for number in sampled(reach + 2, wanted)) > affordable - wanted
