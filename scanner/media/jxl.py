"""The only place where JPEG XL is decoded: as Pillow opens pictures, and not before its size is looked at.

The plug-in's own opener decodes whatever it is given at once, on every core, and out of boxes that may hold
something else than the codestream beside them, which is what viewers show. This one takes its place.
"""

from importlib.metadata import version
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageFile
from pillow_jxl import Decoder

from scanner.media.colour import LINEAR
from scanner.media.jxl_header import CONTAINER, MAGIC, codestream, header_of

VERSION = f"pillow-jxl-plugin {version('pillow-jxl-plugin')}"

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}

_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What takes an orientation (Exif) back: the decoder applies it to all that it gives."""

_MOST_TAGS = 100


class JxlImageFile(ImageFile.ImageFile):
    """A JPEG XL file: its size is read when it is opened, its pixels and their mode when it is loaded.

    Pixels are as stored, and `info["exif"]` holds the orientation that the codestream asks for. Of an
    animation the decoder gives the last frame alone. Raises ValueError, OSError, or what the decoder raises.
    """

    format = "JXL"
    format_description = "JPEG XL"

    def _open(self) -> None:
        assert self.fp is not None
        self._codestream = codestream(self.fp.read())
        header = header_of(self._codestream)
        self._size, self._mode = (header.width, header.height), "RGB"
        self._orientation, self.is_animated = header.orientation, header.animated
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = header.orientation
        self.info["exif"] = exif.tobytes()

    def load(self) -> Any:
        """Decode the picture, once."""
        stream, self._codestream = self._codestream, b""
        if stream:
            image, linear = _decoded(stream)
            if self._orientation in _BACK:
                image = image.transpose(_BACK[self._orientation])
            if image.size != self._size:
                raise OSError("another size than the header says")
            self.im, self._mode = image.im, image.mode
            self.info[LINEAR] = linear
        return super().load()


def _decoded(stream: bytes) -> tuple[Image.Image, bool]:
    """Return a codestream's picture, turned as viewers turn it, and whether its values measure light."""
    _, info, data, profile, *_ = _decode(stream)
    size, channels = (info.width, info.height), info.num_channels + info.has_alpha_channel
    depth = len(data) // (info.width * info.height * channels)
    mode = "I;16" if (channels, depth) == (1, 2) else _MODES[channels]
    if mode != "I;16" and depth > 1:
        data = _of_8_bits(data, depth)
    return Image.frombytes(mode, size, data), _is_linear(profile)


def _decode(stream: bytes) -> Any:
    """Return what the plug-in makes of a codestream: whether it is a JPEG, its header, pixels and profile."""
    try:
        return Decoder(num_threads=0)(stream)  # 0: in this thread
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # Rust's, which is no Exception
            raise
        raise OSError("the decoder panicked") from None


def _of_8_bits(data: bytes, depth: int) -> bytes:
    """Return the top bytes of numbers of 16 bits, or floats, which mean 0 to 1, in 8 bits."""
    if depth == 2:
        return (np.frombuffer(data, np.uint16) >> 8).astype(np.uint8).tobytes()
    floats = np.nan_to_num(np.frombuffer(data, np.float32), nan=0.0)
    return (floats.clip(0, 1) * 255 + 0.5).astype(np.uint8).tobytes()


def _is_linear(profile: bytes) -> bool:
    """Say whether a colour profile has no curve (ICC.1:2022, 7.3, 10.6 and 10.18).

    The decoder falls back to such values for a lossy picture whose own profile it cannot follow.
    """
    count = int.from_bytes(profile[128:132], "big")
    for at in range(132, 132 + 12 * min(count, _MOST_TAGS), 12):
        if profile[at : at + 4] in (b"rTRC", b"kTRC"):
            offset = int.from_bytes(profile[at + 4 : at + 8], "big")
            kind, number = profile[offset : offset + 4], profile[offset + 8 : offset + 16]
            if kind == b"curv":
                return number[:4] == bytes(4) or number[:6] == b"\0\0\0\1\1\0"
            return kind == b"para" and number[4:] == b"\0\1\0\0"
    return False


Image.register_open(JxlImageFile.format, JxlImageFile, lambda head: head.startswith((MAGIC, CONTAINER)))
