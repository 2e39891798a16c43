"""The only place that parses JPEG XL: the boxes around a codestream, and the header that it begins with.

The decoder only says what a picture measures when it has decoded it all, which is too late for a limit.
Sources: ISO/IEC 18181-2 (boxes), ISO/IEC 18181-1, annex D (SizeHeader, PreviewHeader, ImageMetadata) and E
(ColourEncoding).
"""

from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"

_LAST_PART = 0x80
"""Set in the first byte of the part of a codestream behind which there is none."""

_Choices = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
_SIDE: _Choices = ((9, 1), (13, 1), (18, 1), (30, 1))
_PREVIEW_SIDE: _Choices = ((6, 1), (8, 65), (10, 321), (12, 1345))
_PREVIEW_EIGHTHS: _Choices = ((0, 16), (0, 32), (5, 1), (9, 33))
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Widths by heights that a size may name instead of a width."""

_TICKS: _Choices = ((0, 100), (0, 1000), (10, 1), (30, 1))
_PER_TICKS: _Choices = ((0, 1), (0, 1001), (8, 1), (10, 1))
_LOOPS: _Choices = ((0, 0), (3, 0), (16, 0), (32, 0))
_INTEGER_BITS: _Choices = ((0, 8), (0, 10), (0, 12), (6, 1))
_FLOAT_BITS: _Choices = ((0, 32), (0, 16), (0, 24), (6, 1))
_MORE_CHANNELS: _Choices = ((0, 0), (0, 1), (4, 2), (12, 1))
_SHIFT: _Choices = ((0, 0), (0, 3), (0, 4), (3, 1))
_NAME_BYTES: _Choices = ((0, 0), (4, 0), (5, 16), (10, 48))
_FILTER: _Choices = ((0, 1), (2, 0), (4, 3), (8, 19))
_KIND: _Choices = ((0, 0), (0, 1), (4, 2), (6, 18))
_XY: _Choices = ((19, 0), (19, 524288), (20, 1048576), (21, 2097152))

_ALPHA, _SPOT, _COLOUR_FILTER = 0, 2, 5
"""Kinds of channels of which more is said than of the others."""

_GREY, _XYB = 1, 2
"""Kinds of colours of which less is said than of the others."""

_CUSTOM = 2
"""The kind of white, or of primary colours, that is told by its place."""

_LINEAR_CURVE, _LINEAR_GAMMA = 8, 10_000_000


@dataclass(frozen=True)
class Header:
    """What a codestream begins with: the size in pixels as stored, and how viewers turn it (Exif, 1-8).

    An `animated` one holds frames that are shown one after another, though it may be one alone. Values have
    so many `bits`, and where they are `linear`, the decoder gives them as measures of light, with no curve.
    """

    width: int
    height: int
    orientation: int
    animated: bool
    bits: int
    linear: bool


def codestream(data: bytes) -> bytes:
    """Return the codestream of a file: out of its boxes where it has any, and as far as it is there."""
    if not data.startswith(CONTAINER):
        return data
    parts: list[memoryview] = []
    for kind, content in _boxes(memoryview(data)):
        if kind == b"jxlc":
            parts.append(content)
            break
        if kind == b"jxlp":
            parts.append(content[4:])
            if content and content[0] & _LAST_PART:
                break
    return b"".join(parts)


def header_of(stream: bytes) -> Header:
    """Return what a codestream says of its picture; raise ValueError where it says nothing of the kind."""
    if not stream.startswith(MAGIC):
        raise ValueError("no codestream")
    bits = _Bits(stream, 8 * len(MAGIC))
    width, height = _size(bits)
    orientation, animated = 1, False
    if bits.flag():  # all as usual
        return Header(width, height, orientation, animated, 8, False)
    if bits.flag():
        orientation = 1 + bits.take(3)
        if bits.flag():
            _size(bits)  # what the picture should measure when it is shown
        if bits.flag():
            _pass_preview(bits)
        animated = bits.flag()
        if animated:
            _pass_pace(bits)
    depth = _depth(bits)
    bits.flag()  # whether 16 bits are enough to decode it
    for _ in range(bits.number(_MORE_CHANNELS)):
        _pass_channel(bits)
    return Header(width, height, orientation, animated, depth, _is_linear(bits, lossy=bits.flag()))


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield kind and content of the boxes that lie behind one another, up to one that cannot be."""
    at = 0
    while at + 8 <= len(data):
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), bytes(data[at + 4 : at + 8]), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = len(data) - at
        if size < head:
            return
        yield kind, data[at + head : at + size]
        at += size


def _size(bits: "_Bits") -> tuple[int, int]:
    eighths = bits.flag()
    height = 8 * (1 + bits.take(5)) if eighths else bits.number(_SIDE)
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return height * across // down, height
    return (8 * (1 + bits.take(5)) if eighths else bits.number(_SIDE)), height


def _pass_preview(bits: "_Bits") -> None:
    side = _PREVIEW_EIGHTHS if bits.flag() else _PREVIEW_SIDE
    bits.number(side)
    if not bits.take(3):
        bits.number(side)


def _pass_pace(bits: "_Bits") -> None:
    for choices in (_TICKS, _PER_TICKS, _LOOPS):
        bits.number(choices)
    bits.flag()  # whether frames have time codes


def _depth(bits: "_Bits") -> int:
    """Read how many bits a value has."""
    if not bits.flag():
        return bits.number(_INTEGER_BITS)
    depth = bits.number(_FLOAT_BITS)
    bits.take(4)  # of which the exponent's
    return depth


def _pass_channel(bits: "_Bits") -> None:
    """Pass what is said of a channel beside the colours."""
    if bits.flag():
        return
    kind = bits.number(_KIND)
    _depth(bits)
    bits.number(_SHIFT)
    bits.skip(8 * bits.number(_NAME_BYTES))
    if kind == _ALPHA:
        bits.flag()  # whether the colours are multiplied by it
    elif kind == _SPOT:
        bits.skip(4 * 16)
    elif kind == _COLOUR_FILTER:
        bits.number(_FILTER)


def _is_linear(bits: "_Bits", lossy: bool) -> bool:
    """Read whether the values that the decoder gives have no curve.

    Those of a lossy picture have none where its colours are told by a profile, which the decoder does not
    follow then; what else a profile says, which is compressed, is not read.
    """
    if bits.flag():
        return False
    profile, colours = bits.flag(), bits.number(_KIND)
    if profile:
        return lossy
    if colours != _XYB:
        if bits.number(_KIND) == _CUSTOM:
            _pass_places(bits, 1)
        if colours != _GREY and bits.number(_KIND) == _CUSTOM:
            _pass_places(bits, 3)
        if bits.flag():
            return bits.take(24) == _LINEAR_GAMMA
        return bits.number(_KIND) == _LINEAR_CURVE
    return False


def _pass_places(bits: "_Bits", count: int) -> None:
    for _ in range(2 * count):
        bits.number(_XY)


class _Bits:
    """The bits of some bytes, each byte's lowest first; taking more than there are raises ValueError."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def skip(self, count: int) -> None:
        if self._at + count > 8 * len(self._data):
            raise ValueError("the codestream ends in its header")
        self._at += count

    def take(self, count: int) -> int:
        begin = self._at
        self.skip(count)
        value = int.from_bytes(self._data[begin // 8 : (self._at + 7) // 8], "little")
        return (value >> begin % 8) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.take(1) == 1

    def number(self, choices: _Choices) -> int:
        """Read a number of a length that two bits choose: so many bits, added to so much."""
        count, least = choices[self.take(2)]
        return least + self.take(count)
