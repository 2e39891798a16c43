import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from imagecodecs import jpegxl_decode

from scanner.media.jxl_header import CONTAINER, MAGIC, Header, codestream, header_of
from tests.pictures import encoded, picture
from tests.samples import ANIMATED_JXL, DEEP_JXL, PROFILED_JXL, TURNED_JXL

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


KINDS = ((0, 0), (0, 1), (4, 2), (6, 18))
PACE = (
    ((0, 100), (0, 1000), (10, 1), (30, 1)),
    ((0, 1), (0, 1001), (8, 1), (10, 1)),
    ((0, 0), (3, 0), (16, 0), (32, 0)),
)
PLACES = ((19, 0), (19, 524288), (20, 1048576), (21, 2097152))


def fields_of(choices):
    return numbers(choices).map(lambda drawn: drawn[0])


@st.composite
def kinds(draw, kind):
    """Draw the fields that hold a kind, in one of the forms that can."""
    fits = [n for n, (count, least) in enumerate(KINDS) if 0 <= kind - least < 1 << count]
    choice = draw(st.sampled_from(fits))
    count, least = KINDS[choice]
    return [(2, choice), (count, kind - least)]


@st.composite
def depths(draw):
    """Draw a number of bits: the fields, and itself."""
    if draw(st.booleans()):
        fields, depth = draw(numbers(((0, 32), (0, 16), (0, 24), (6, 1))))
        return [(1, 1), *fields, (4, draw(st.integers(0, 15)))], depth
    fields, depth = draw(numbers(((0, 8), (0, 10), (0, 12), (6, 1))))
    return [(1, 0), *fields], depth


@st.composite
def channels(draw):
    """Draw the fields of a channel beside the colours: alpha, a spot colour, a filter, or any other."""
    if draw(st.booleans()):
        return [(1, 1)]
    kind = draw(st.sampled_from([0, 1, 2, 4, 5, 15, 16, 40]))
    named, length = draw(numbers(((0, 0), (4, 0), (5, 16), (10, 48))))
    fields = [(1, 0), *draw(kinds(kind)), *draw(depths())[0]]
    fields += draw(fields_of(((0, 0), (0, 3), (0, 4), (3, 1)))) + named + [(8, 0x5A)] * length
    if kind == 5:
        return fields + draw(fields_of(((0, 1), (2, 0), (4, 3), (8, 19))))
    return fields + {0: [(1, 1)], 2: [(16, 0x3C00)] * 4}.get(kind, [])


@st.composite
def colours(draw):
    """Draw what is said of the colours, behind whether any are lost: fields, and whether all is linear."""
    lossy, form = draw(st.booleans()), draw(st.sampled_from(["usual", "profile", "XYB", "gamma", "curve"]))
    if form == "usual":
        return [(1, lossy), (1, 1)], False
    space = 2 if form == "XYB" else draw(st.sampled_from([0, 1, 3]))
    fields = [(1, lossy), (1, 0), (1, form == "profile"), *draw(kinds(space))]
    if form in ("profile", "XYB"):
        return fields, lossy and form == "profile"
    for count in (1,) if space == 1 else (1, 3):
        custom = draw(st.booleans())
        fields += draw(kinds(2 if custom else 1))
        fields += [one for _ in range(2 * count * custom) for one in draw(fields_of(PLACES))]
    if form == "gamma":
        gamma = draw(st.sampled_from([10_000_000, 4_545_455]))
        return [*fields, (1, 1), (24, gamma)], gamma == 10_000_000
    curve = draw(st.sampled_from([1, 2, 8, 13, 16, 18]))
    return [*fields, (1, 0), *draw(kinds(curve))], curve == 8


@st.composite
def headers(draw):
    """Draw the beginning of a codestream, and what it says."""
    fields, (width, height) = draw(sizes())
    if draw(st.booleans()):
        return [*fields, (1, 1)], Header(width, height, 1, False, 8, False)
    orientation, animated = 1, False
    fields = [*fields, (1, 0), (1, full := draw(st.booleans()))]
    if full:
        orientation, animated = draw(st.integers(1, 8)), draw(st.booleans())
        fields += [(3, orientation - 1)]
        for size in (draw(st.none() | sizes()), draw(st.none() | sizes(A_PREVIEW_SIDE))):
            fields += [(1, 0)] if size is None else [(1, 1), *size[0]]
        fields += [(1, animated)]
        if animated:
            fields += [one for choices in PACE for one in draw(fields_of(choices))] + [(1, 1)]
    deep, depth = draw(depths())
    count = draw(st.integers(0, 4))
    counted = [(2, count)] if count < 2 else [(2, 2), (4, count - 2)]
    more = [one for _ in range(count) for one in draw(channels())]
    coloured, linear = draw(colours())
    fields += [*deep, (1, 1), *counted, *more, *coloured]
    return fields, Header(width, height, orientation, animated, depth, linear)


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
    assert header == Header(*size, 1, False, 8, False)
    assert jpegxl_decode(data).shape[1::-1] == size


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (TURNED_JXL, (6, False, 8, False)),
        (ANIMATED_JXL, (1, True, 8, False)),
        (DEEP_JXL, (1, False, 16, False)),
        (PROFILED_JXL, (1, False, 8, True)),
    ],
)
def test_another_encoder_s_header_is_read(data, said):
    assert header_of(data) == Header(64, 48, *said)


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
