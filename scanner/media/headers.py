"""The only place where formats without a magic are recognised: by a header that is consistent in itself.

Every function takes an object's first bytes, which may be short or empty, and answers yes or no.
"""

import re

# Atomic groups keep a hostile head from making a match take more than linear time.
_PNM = re.compile(rb"P[0-6Ffy](?:CMYK|P|RGBA)?(?>(?:\s|#[^\r\n]*[\r\n])+)-?\d")
_XBM = re.compile(rb"\s*(?>(?:/\*.*?\*/\s*)?)#define[ \t]+\S*_width[ \t]+\d", re.DOTALL)
_PROLOGUE = rb"(?:\xef\xbb\xbf)?(?>(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>)*)"
_SVG = re.compile(_PROLOGUE + rb"<svg[\s>]", re.DOTALL)

# ISO 11172-3 and 13818-3: kilobits per second by rate index, for (MPEG 1?, layer).
_KILOBITS = {
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def bmp(head: bytes) -> bool:
    """Windows and OS/2 bitmaps: the size of the second header is one of the known ones."""
    return head[:2] == b"BM" and _le(head, 14, 4) in (12, 16, 40, 52, 56, 64, 108, 124)


def dib(head: bytes) -> bool:
    """Windows bitmaps without their file header: header size, one plane, a known depth."""
    return (
        _le(head, 0, 4) in (40, 52, 56, 108, 124)
        and _le(head, 12) == 1
        and _le(head, 14) in (1, 4, 8, 16, 24, 32)
    )


def icon(head: bytes) -> bool:
    """Windows icons: the first picture lies behind the directory."""
    return head[:4] == b"\0\0\1\0" and _directory(head)


def cursor(head: bytes) -> bool:
    """Windows cursors: as icons."""
    return head[:4] == b"\0\0\2\0" and _directory(head)


def _directory(head: bytes) -> bool:
    count = _le(head, 4)
    return count > 0 and 6 + 16 * count <= _le(head, 18, 4) < 1 << 31


def pcx(head: bytes) -> bool:
    """PC Paintbrush: known version, encoding, depth and planes; corners in order."""
    known = head[:1] == b"\n" and head[1:2] in (b"\0", b"\2", b"\3", b"\5") and head[2:3] in (b"\0", b"\1")
    ordered = _le(head, 4) <= _le(head, 8) and _le(head, 6) <= _le(head, 10)
    return known and ordered and _le(head, 3, 1) in (1, 2, 4, 8) and _le(head, 65, 1) in (1, 2, 3, 4)


def sgi(head: bytes) -> bool:
    """Silicon Graphics images: known storage and bytes per channel."""
    return head[:2] == b"\x01\xda" and head[2:3] in (b"\0", b"\1") and head[3:4] in (b"\1", b"\2")


def tga(head: bytes) -> bool:
    """Truevision TGA: the colour map, the image type, the depth and the sides agree.

    Pillow also opens files that describe a colour map which is not there, but so much else looks like these
    that only the decoder can tell.
    """
    if len(head) < 18 or head[1] > 1 or head[2] & ~0x0B or head[17] & 0xC0:
        return False
    if not _le(head, 12) or not _le(head, 14):
        return False
    kind, depth = head[2] & ~8, head[16]
    if head[1]:
        return kind == 1 and depth == 8 and head[7] in (15, 16, 24, 32) and 0 < _le(head, 5) <= 256
    depths: dict[int, tuple[int, ...]] = {2: (15, 16, 24, 32), 3: (1, 8, 16)}
    return not any(head[3:8]) and depth in depths.get(kind, ())


def flic(head: bytes) -> bool:
    """Autodesk animations."""
    return len(head) >= 16 and _le(head, 4) in (0xAF11, 0xAF12) and _le(head, 14) in (0, 3)


def portable_anymap(head: bytes) -> bool:
    """PBM, PGM, PPM, PFM and Pillow's own kinds: a magic number, white space or comments, a number."""
    return _PNM.match(head) is not None


def x_bitmap(head: bytes) -> bool:
    """X bitmaps: C source that defines a width first."""
    return _XBM.match(head) is not None


def svg(head: bytes) -> bool:
    """SVG documents: the element, behind nothing but what may stand before it."""
    return _SVG.match(head) is not None


def bzip(head: bytes) -> bool:
    """Streams of bzip2: a first block, or the end of an empty one."""
    return head[:3] == b"BZh" and head[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")


def flash(head: bytes) -> bool:
    """Flash movies: a known kind and a plausible version."""
    return head[:3] in (b"FWS", b"CWS", b"ZWS") and 0 < _le(head, 3, 1) < 64


def transport_stream(head: bytes) -> bool:
    """MPEG transport streams: three packets in a row, with or without time stamps before them."""
    return any(all(head[at : at + 1] == b"G" for at in packets) for packets in ((0, 188, 376), (4, 196, 388)))


def mpeg_audio(head: bytes) -> bool:
    """MPEG audio of layers II and III, and AAC in ADTS frames: two frames in a row."""
    length = _adts_bytes(head) or _layer_bytes(head)
    return length > 6 and head[length : length + 2] == head[:2]


def _adts_bytes(head: bytes) -> int:
    if head[:2] not in (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9"):
        return 0
    return int.from_bytes(head[3:6], "big") >> 5 & 0x1FFF


def _layer_bytes(head: bytes) -> int:
    word = int.from_bytes(head[:4], "big")
    version, layer = word >> 19 & 3, 4 - (word >> 17 & 3)
    rate, sampling = word >> 12 & 15, word >> 10 & 3
    if word >> 21 != 0x7FF or version == 1 or layer not in (2, 3) or rate in (0, 15) or sampling == 3:
        return 0
    first = version == 3
    kilobits = _KILOBITS[(first, layer if first else 2)][rate]
    hertz = (44100, 48000, 32000)[sampling] >> {3: 0, 2: 1, 0: 2}[version]
    factor = 144 if first or layer == 2 else 72
    return factor * kilobits * 1000 // hertz + (word >> 9 & 1)


def _le(head: bytes, at: int, size: int = 2) -> int:
    return int.from_bytes(head[at : at + size], "little")
