"""The only place that decides which frames of an animation or a document of pages are looked at."""

from math import isqrt

from PIL import Image

MAX_COUNTED = 10_000
"""A file that claims more frames than this is not counted further."""

_LAYERED = frozenset({"PSD"})  # what Pillow counts there are layers; the composite is the picture
PAGED = frozenset({"TIFF", "MPO", "HEIF", "DCX"})
"""Formats of which any frame can be reached without those before it."""

_MADE_ANEW = frozenset({"JXL"})
"""Formats of which each frame that is looked at may be made from all those before it once more."""


class TooManyFrames(Exception):
    """A file claims more frames than are counted."""


def frame_count(image: Image.Image, data: bytes) -> int:
    """Return how many frames a picture has; raise TooManyFrames, or whatever the decoder raises."""
    if image.format in _LAYERED:
        return 1
    if image.format == "GIF":
        count = _gif_frames(data)
    elif image.format == "TIFF":
        count = _tiff_frames(image)
    else:
        count = int(getattr(image, "n_frames", 1))
    if count > MAX_COUNTED:
        raise TooManyFrames(f"more than {MAX_COUNTED} frames")
    return max(count, 1)


def reachable(image: Image.Image, count: int, pixels: int, wanted: int) -> int:
    """Return how many frames may be reached by decoding at most so many pixels to look at `wanted` of them.

    An animation's frame can only be made from all those before it; pages stand for themselves.
    """
    if image.format in PAGED:
        return count
    frames = pixels // (image.width * image.height)
    if image.format in _MADE_ANEW:
        every = (isqrt(8 * frames + 1) - 1) // 2  # 1 + 2 + ... + every <= frames
        most = max(wanted, 2 * frames // wanted - 1)  # so many that `wanted` times their mean is `frames`
        frames = every if every <= wanted else most
    return min(count, max(1, frames))


def sampled(count: int, wanted: int) -> list[int]:
    """Return up to `wanted` of `count` frame numbers, evenly apart, the first and the last among them."""
    if count <= wanted:
        return list(range(count))
    return [step * (count - 1) // max(1, wanted - 1) for step in range(wanted)]


def _tiff_frames(image: Image.Image) -> int:
    """Count the pages of a TIFF one by one; Pillow's own count has no end where the file has none.

    A page that cannot be decoded counts, and so does one whose directory cannot be read, which is the last.
    """
    opened, count, further = image.tell(), 1, True
    while further and count <= MAX_COUNTED:
        try:
            image.seek(count)
        except EOFError:
            break
        except Exception:  # noqa: BLE001 - whatever it is that this page is made of, the next ones stand behind it
            further = image.tell() == count
        count += 1
    image.seek(opened)
    return count


def _gif_frames(data: bytes) -> int:
    """Count the image descriptors of a GIF by walking its blocks; a cut or garbled end ends the count."""
    at, count = 13 + _palette_bytes(data, 10), 0
    while count <= MAX_COUNTED and at < len(data):
        kind = data[at]
        if kind == 0x21:  # extension: label, sub-blocks
            at += 2
        elif kind == 0x2C:  # image: position, size, flags, palette, code size, sub-blocks
            count += 1
            at += 11 + _palette_bytes(data, at + 9)
        elif kind == 0x3B:  # the end
            break
        else:
            at += 1
            continue
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return count


def _palette_bytes(data: bytes, at: int) -> int:
    flags = data[at] if at < len(data) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
