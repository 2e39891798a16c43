"""The only place that parses JPEG XL: the boxes around a codestream, and the header that it begins with.

The decoder only says what a picture measures when it has decoded it all, which is too late for a limit.
Sources: ISO/IEC 18181-2 (boxes), ISO/IEC 18181-1, annex D (SizeHeader, PreviewHeader, ImageMetadata).
"""

from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"

_HEAD_BYTES = 64
"""More than what is read here can take: about 30."""

_LAST_PART = 0x80
"""Set in the first byte of the part of a codestream behind which there is none."""

_Choices = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
_SIDE: _Choices = ((9, 1), (13, 1), (18, 1), (30, 1))
_PREVIEW_SIDE: _Choices = ((6, 1), (8, 65), (10, 321), (12, 1345))
_PREVIEW_EIGHTHS: _Choices = ((0, 16), (0, 32), (5, 1), (9, 33))
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Widths by heights that a size may name instead of a width."""


@dataclass(frozen=True)
class Header:
    """What a codestream begins with: the size in pixels as stored, and how viewers turn it (Exif, 1-8).

    An `animated` one holds frames that are shown one after another, though it may be one alone.
    """

    width: int
    height: int
    orientation: int
    animated: bool


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
    bits = _Bits(stream[len(MAGIC) : _HEAD_BYTES])
    width, height = _size(bits)
    orientation, animated = 1, False
    plain = bits.flag()
    if not plain and bits.flag():
        orientation = 1 + bits.take(3)
        if bits.flag():
            _size(bits)  # what the picture should measure when it is shown
        if bits.flag():
            _pass_preview(bits)
        animated = bits.flag()
    return Header(width, height, orientation, animated)


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


class _Bits:
    """The bits of some bytes, each byte's lowest first; taking more than there are raises ValueError."""

    def __init__(self, data: bytes) -> None:
        self._bits, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the codestream ends in its header")
        value = self._bits & ((1 << count) - 1)
        self._bits, self._left = self._bits >> count, self._left - count
        return value

    def flag(self) -> bool:
        return self.take(1) == 1

    def number(self, choices: _Choices) -> int:
        """Read a number of a length that two bits choose: so many bits, added to so much."""
        count, least = choices[self.take(2)]
        return least + self.take(count)
