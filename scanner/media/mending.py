"""The only place where bytes are altered before they are decoded: faults that viewers look past."""

from scanner.media.sniff import MediaType

_START_OF_SCAN, _COMMENT, _ADOBE = 0xDA, 0xFE, 0xEE
_ADOBE_BYTES = 14
"""Length of the shortest Adobe segment that says how colours are meant (libjpeg, jdmarker.c)."""


_BELIEVED = {
    "image/avif": (b"avif", b"avis"),
    "image/heic": (b"heic", b"hevc", b"heix", b"hevx", b"mif1", b"msf1"),
    "image/heif": (b"mif1", b"msf1"),
}
"""By which first brands the decoder of a media type knows its files; the first of them is for all others."""


def branded(data: bytes, media_type: MediaType) -> bytes:
    """Return an ISO picture under the brand that decoders look for; they believe the first brand alone."""
    brands = _BELIEVED.get(media_type.name)
    if brands is None or data[8:12] in brands:
        return data
    return data[:8] + brands[0] + data[12:]


def bare_jpeg(data: bytes) -> bytes:
    """Return a JPEG without the segments that say nothing of its pixels.

    A broken one of these stops Pillow, but no viewer. What is no JPEG, or ends before its scan begins, comes
    back as it is.
    """
    kept, at = [data[:2]], 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _START_OF_SCAN:
            return b"".join([*kept, data[at:]])
        spoken = marker != _COMMENT and not 0xE0 <= marker <= 0xEF
        if spoken or (marker == _ADOBE and length >= _ADOBE_BYTES):
            kept.append(data[at : at + 2 + length])
        at += 2 + length
    return data
