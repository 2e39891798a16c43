"""The only place where JPEG XL is decoded: as Pillow opens pictures, and not before its size is looked at.

What is decoded is the codestream alone, which is what viewers show, not the boxes that may lie around it.
"""

import contextlib
import re
from importlib.metadata import version
from typing import Any

import numpy as np
from imagecodecs import jpegxl_decode, jpegxl_version
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile

from scanner.media.colour import LINEAR
from scanner.media.jxl_header import CONTAINER, MAGIC, codestream, header_of

VERSION = f"imagecodecs {version('imagecodecs')} {jpegxl_version()}"

_MODES = {2: "LA", 3: "RGB", 4: "RGBA"}

_SEEN_TO_THE_END = 100_000_000
"""An animation of more pixels is not asked whether it ends, which may take to decode them all."""


class JxlImageFile(ImageFile.ImageFile):
    """A JPEG XL file: its size is read when it is opened, its pixels and their mode when it is loaded.

    Pixels are as stored, and `info["exif"]` holds the orientation that the codestream asks for. The frames
    of an animation are those that are shown for some time, each with those below it. Raises ValueError,
    OSError, EOFError for a frame that is none, or what the decoder raises.
    """

    format = "JXL"
    format_description = "JPEG XL"

    def _open(self) -> None:
        assert self.fp is not None
        self._codestream = codestream(self.fp.read())
        self._header = header_of(self._codestream)
        self._size, self._mode = (self._header.width, self._header.height), "RGB"
        self._frame, self._loaded = 0, False
        self._first: tuple[tuple[int, ...], np.dtype[Any]] | None = None
        self._count = None if self._header.animated else 1
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = self._header.orientation
        self.info["exif"] = exif.tobytes()

    @property
    def is_animated(self) -> bool:
        """Say whether there are several frames."""
        return self.n_frames > 1

    @property
    def n_frames(self) -> int:
        """How many frames there are; one that is cut off counts, also where nothing of it is there."""
        if self._count is None:
            self.load()
            assert self._first is not None
            self._count = _frames_of(self._codestream, *self._first)
        return self._count

    def tell(self) -> int:
        """Return the number of the frame that is loaded next, or was loaded last."""
        return self._frame

    def seek(self, frame: int) -> None:
        """Go to a frame, which is decoded when it is loaded."""
        if frame == self._frame:
            return
        if not 0 <= frame < self.n_frames:
            raise EOFError("no such frame")
        self._frame, self._loaded = frame, False

    def load(self) -> Any:
        """Decode the frame, once."""
        if not self._loaded:
            values = _decoded(self._codestream, self._frame, self._first)
            self._first = self._first or (values.shape, values.dtype)
            if self._count == 1:
                self._codestream = b""
            image = _image(values, self._size, self._header.bits)
            self.im, self._mode = image.im, image.mode
            self.info[LINEAR], self._loaded = self._header.linear, True
        return super().load()


def _decoded(stream: bytes, frame: int, first: tuple[tuple[int, ...], np.dtype[Any]] | None) -> NDArray[Any]:
    """Return a frame's values: [H, W], [H, W, channels], or [channels, H, W] where none of them is alpha.

    Of a frame that is none the decoder leaves an array as it was, so that later ones are decoded into zeros.
    """
    out = None if first is None else np.zeros(*first)
    return jpegxl_decode(stream, index=frame, keeporientation=True, numthreads=1, out=out)


def _frames_of(stream: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return how many frames an animation has, by the shape and type of its first.

    The decoder says it nowhere but in refusing an array that has no room for all of them; with no word of
    that, OSError is raised.
    """
    try:
        jpegxl_decode(stream, keeporientation=True, numthreads=1, out=np.empty(0, dtype))
    except ValueError as refusal:
        said = re.search(r", shape=\(([\d, ]+)\)$", str(refusal))
        wanted = tuple(map(int, said[1].split(","))) if said else ()
        if wanted in (shape, (*wanted[:1], *shape)):
            count = wanted[0] if len(wanted) > len(shape) else 1
            return count + _missing(stream, count, shape, dtype)
    raise OSError("frames that are not counted")


def _missing(stream: bytes, count: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return 1 where a file is cut off behind the last of so many frames, before what would tell of more."""
    if count * int(np.prod(shape)) > _SEEN_TO_THE_END:
        return 0
    try:
        _decoded(stream, count, (shape, dtype))
    except RuntimeError:
        with contextlib.suppress(RuntimeError):
            _decoded(stream, count - 1, (shape, dtype))
            return 1
    return 0


def _image(values: NDArray[Any], size: tuple[int, int], bits: int) -> Image.Image:
    """Return decoded values, integers of so many bits or floats, as a picture of 8 bits, or grey of 16."""
    across, down = size
    if values.ndim == 3 and values.shape[:2] != (down, across):
        values = values[0]  # grey, before what is no alpha
    if values.shape[:2] != (down, across):
        raise OSError("another size than the header says")
    mode = _MODES[values.shape[2]] if values.ndim == 3 else "L"
    values = _of_whole_range(values, bits)
    if mode == "L" and values.dtype == np.uint16:
        mode = "I;16"
    elif values.dtype != np.uint8:
        values = _of_8_bits(values)
    return Image.frombytes(mode, size, np.ascontiguousarray(values).data)


def _of_whole_range(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return integers of fewer bits than their type has, scaled to all that it has."""
    if values.dtype.kind != "u" or bits == 8 * values.itemsize:
        return values
    table = np.rint(np.linspace(0, np.iinfo(values.dtype).max, 1 << bits)).astype(values.dtype)
    scaled: NDArray[Any] = table.take(values, mode="clip")
    return scaled


def _of_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the top bytes of numbers of 16 bits, or floats, which mean 0 to 1, in 8 bits."""
    if values.dtype.kind == "u":
        return (values >> 8).astype(np.uint8)
    floats = np.nan_to_num(values.astype(np.float32), nan=0.0)
    return (floats.clip(0, 1) * 255 + 0.5).astype(np.uint8)


Image.register_open(JxlImageFile.format, JxlImageFile, lambda head: head.startswith((MAGIC, CONTAINER)))
Image.register_mime(JxlImageFile.format, "image/jxl")
