import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from pillow_jxl import Decoder

from scanner.media.jxl_header import CONTAINER, MAGIC, Header, codestream, header_of
from tests.pictures import encoded, picture
from tests.samples import ANIMATED_JXL, DEEP_JXL, TURNED_JXL

SIDE = ((9, 1), (13, 1), (18, 1), (30, 1))
PREVIEW = ((6, 1), (8, 65), (10, 321), (12, 1345))
EIGHTHS = ((0, 16), (0, 32), (5, 1), (9, 33))
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
FILE_TYPE = b"\0\0\0\x14ftypjxl \0\0\0\0jxl "


def written(fields):
    """Return fields, (bits, value) each, as bytes, the lowest bit first."""
    bits = "".join(format(value, f"0{count}b")[::-1] if count else "" for count, value in fields)
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


def numbers(choices):
    """Draw a number of one of four lengths: the fields that hold it, and itself."""

    def drawn(choice):
        count, least = choices[choice]
        return st.integers(0, (1 << count) - 1).map(
            lambda value: ([(2, choice), (count, value)], least + value)
        )

    return st.integers(0, 3).flatmap(drawn)


A_SIDE = numbers(SIDE), st.integers(0, 31).map(lambda value: ([(5, value)], value + 1))
A_PREVIEW_SIDE = numbers(PREVIEW), numbers(EIGHTHS)


@st.composite
def sizes(draw, sides=A_SIDE):
    """Draw a size in any of its forms: the fields, and width and height."""
    small = draw(st.booleans())
    unit, side = (8, sides[1]) if small else (1, sides[0])
    down, height = draw(side)
    ratio = draw(st.integers(0, 7))
    across, width = draw(side) if ratio == 0 else ([], None)
    fields = [(1, small), *down, (3, ratio), *across]
    if ratio:
        return fields, (unit * height * RATIOS[ratio][0] // RATIOS[ratio][1], unit * height)
    return fields, (unit * width, unit * height)


@st.composite
def headers(draw):
    """Draw the beginning of a codestream, and what it says."""
    fields, (width, height) = draw(sizes())
    form = draw(st.sampled_from(["default", "short", "full"]))
    if form == "default":
        return [*fields, (1, 1)], Header(width, height, 1, False)
    if form == "short":
        return [*fields, (1, 0), (1, 0)], Header(width, height, 1, False)
    orientation, animated = draw(st.integers(1, 8)), draw(st.booleans())
    shown = draw(st.none() | sizes())
    preview = draw(st.none() | sizes(A_PREVIEW_SIDE))
    fields = [*fields, (1, 0), (1, 1), (3, orientation - 1)]
    for size in (shown, preview):
        fields += [(1, 0)] if size is None else [(1, 1), *size[0]]
    return [*fields, (1, animated)], Header(width, height, orientation, animated)


@settings(derandomize=True, deadline=None, max_examples=400)
@given(headers(), st.binary(max_size=40))
def test_a_header_is_read_in_all_its_forms(header, behind):
    fields, said = header
    stream = MAGIC + written(fields)
    assert header_of(stream + behind) == said
    with pytest.raises(ValueError, match="ends"):
        header_of(stream[:-1])


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.binary(max_size=80))
def test_bytes_that_begin_with_the_magic_are_a_header_or_none(noise):
    try:
        header = header_of(MAGIC + noise)
    except ValueError:
        return
    assert 1 <= header.width <= 1 << 31
    assert 1 <= header.height <= 1 << 30
    assert header.orientation in range(1, 9)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8\xff", b"words", CONTAINER])
def test_what_has_no_magic_has_no_header(data):
    with pytest.raises(ValueError, match="no codestream"):
        header_of(data)


SIZES = [(1, 1), (64, 48), (65, 65), (256, 8), (264, 264), (513, 3), (16, 700), (321, 187), (128, 72)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_size_is_the_one_that_the_decoder_finds(size):
    data = encoded(picture(1, size), "JXL", effort=1)
    header = header_of(codestream(data))
    assert (header.width, header.height, header.orientation, header.animated) == (*size, 1, False)
    info = Decoder(num_threads=0)(data)[1]
    assert (info.width, info.height) == size


@pytest.mark.parametrize(
    ("data", "orientation", "animated"),
    [(TURNED_JXL, 6, False), (ANIMATED_JXL, 1, True), (DEEP_JXL, 1, False)],
)
def test_another_encoder_s_header_is_read(data, orientation, animated):
    assert header_of(data) == Header(64, 48, orientation, animated)


def box(kind, content, form="short"):
    if form == "long":
        return (1).to_bytes(4, "big") + kind + (16 + len(content)).to_bytes(8, "big") + content
    size = 0 if form == "endless" else 8 + len(content)
    return size.to_bytes(4, "big") + kind + content


forms = st.sampled_from(["short", "long"])
others = st.lists(
    st.tuples(st.sampled_from([b"Exif", b"xml ", b"jbrd", b"brob", b"jxll"]), st.binary(max_size=9), forms),
    max_size=2,
)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    st.lists(st.binary(max_size=30), min_size=1, max_size=4),
    st.lists(others, min_size=5, max_size=5),
    forms,
    st.booleans(),
)
def test_a_codestream_in_parts_is_put_together_from_its_boxes(parts, between, form, endless):
    data = CONTAINER + FILE_TYPE
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        data += b"".join(box(*other) for other in between[number])
        content = (number | (last << 31)).to_bytes(4, "big") + part
        data += box(b"jxlp", content, "endless" if last and endless else form)
    if not endless:
        data += b"".join(box(*other) for other in [*between[4], (b"jxlp", b"\0\0\0\7more", "short")])
    assert codestream(data) == b"".join(parts)


@pytest.mark.parametrize("form", ["short", "long", "endless"])
def test_a_codestream_in_one_box_is_taken_out_of_it(form):
    data = CONTAINER + FILE_TYPE + box(b"Exif", b"any") + box(b"jxlc", DEEP_JXL, form)
    assert codestream(data) == DEEP_JXL
    assert codestream(DEEP_JXL) == DEEP_JXL


def test_a_codestream_may_begin_in_a_part_and_end_in_one_box():
    data = (
        CONTAINER + box(b"jxlp", bytes(4) + DEEP_JXL[:9]) + box(b"jxlc", DEEP_JXL[9:]) + box(b"jxlc", b"more")
    )
    assert codestream(data) == DEEP_JXL


@pytest.mark.parametrize(
    "size", [*range(2, 8), *(b"\0\0\0\1skip" + bytes(7) + bytes([n]) for n in range(16))]
)
def test_a_box_smaller_than_its_head_ends_the_file(size):
    head = size if isinstance(size, bytes) else size.to_bytes(4, "big") + b"skip"
    assert codestream(CONTAINER + head + box(b"jxlc", DEEP_JXL)) == b""


@pytest.mark.parametrize("length", range(4))
def test_a_part_without_its_number_holds_nothing(length):
    data = CONTAINER + box(b"jxlp", bytes(length)) + box(b"jxlc", DEEP_JXL)
    assert codestream(data) == DEEP_JXL


def test_only_the_first_of_several_codestreams_is_taken():
    data = CONTAINER + FILE_TYPE + box(b"jxlc", DEEP_JXL) + box(b"jxlc", TURNED_JXL)
    assert codestream(data) == DEEP_JXL


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.integers(12, 60), st.binary(max_size=12))
def test_garbled_boxes_hold_no_more_than_the_file(at, noise):
    data = (
        CONTAINER
        + FILE_TYPE
        + box(b"jxlp", b"\0\0\0\0" + DEEP_JXL[:9])
        + box(b"jxlp", b"\x80\0\0\1" + DEEP_JXL[9:])
    )
    garbled = data[:at] + noise + data[at + len(noise) :]
    stream = codestream(garbled)
    assert isinstance(stream, bytes)
    assert len(stream) <= len(garbled)


def test_a_file_that_is_cut_gives_as_much_of_its_codestream_as_there_is():
    data = CONTAINER + FILE_TYPE + box(b"jxlc", DEEP_JXL)
    assert codestream(data[:-5]) == DEEP_JXL[:-5]
    assert codestream(data[:40]) == b""
