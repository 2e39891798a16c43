"""The only place where hostile bytes become pictures: Pillow, with an explicit list of what it may open."""

import contextlib
import io
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import PIL
import pillow_heif
from PIL import AvifImagePlugin, ExifTags, Image, ImageFile, PngImagePlugin

from scanner.config import Media
from scanner.media import jpeg, jxl
from scanner.media.colour import Pixels, pixels_of
from scanner.media.frames import PAGED, TooManyFrames, frame_count, reachable, sampled
from scanner.media.jpeg import luma_of_jpeg, pixels_of_jpeg
from scanner.media.mending import bare_jpeg, branded
from scanner.media.sniff import Kind, MediaType
from scanner.records import Outcome

pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)  # only the pictures, on one core

VERSIONS = (
    f"pillow {PIL.__version__}, {jpeg.VERSION}, "
    f"pillow-heif {pillow_heif.__version__} {pillow_heif.libheif_version()}, {jxl.VERSION}"
)
"""The decoders in use."""

_OPENERS: dict[str, tuple[str, ...]] = {
    "image/jpeg": ("JPEG",),
    "image/png": ("PNG",),
    "image/gif": ("GIF",),
    "image/webp": ("WEBP",),
    "image/tiff": ("TIFF",),
    "image/bmp": ("BMP",),
    "image/x-dib": ("DIB",),
    "image/x-icon": ("ICO",),
    "image/x-cursor": ("CUR",),
    "image/heic": ("HEIF",),
    "image/heif": ("HEIF",),
    "image/avif": ("AVIF",),
    "image/jp2": ("JPEG2000",),
    "image/jxl": ("JXL",),
    "image/x-portable-anymap": ("PPM",),
    "image/vnd.adobe.photoshop": ("PSD",),
    "image/qoi": ("QOI",),
    "image/vnd-ms.dds": ("DDS",),
    "image/icns": ("ICNS",),
    "image/x-pcx": ("PCX",),
    "image/x-dcx": ("DCX",),
    "image/sgi": ("SGI",),
    "image/x-tga": ("TGA",),
    "image/x-xbitmap": ("XBM",),
    "image/x-xpixmap": ("XPM",),
    "image/fits": ("FITS",),
    "image/x-sun-raster": ("SUN",),
    "image/x-ms-paint": ("MSP",),
    "image/x-flic": ("FLI",),
    "image/x-ftex": ("FTEX",),
    "image/x-blp": ("BLP",),
    "image/x-pixar": ("PIXAR",),
    "image/x-xv-thumbnail": ("XVTHUMB",),
    "image/x-gimp-brush": ("GBR",),
    "image/x-photo-cd": ("PCD",),
}
"""Pillow's plug-ins by media type. Left out: those that start programs (EPS, WMF) or only read headers."""

_LENIENT = ("BMP", "ICO", "CUR", "PCX", "PPM", "SGI", "XBM", "GBR", "TGA", "SPIDER", "MCIDAS", "IMT", "IM")
"""Plug-ins that take headers which `sniff` finds too odd; they are asked before bytes count as no picture."""

_LIMITS: tuple[tuple[ModuleType, str, Callable[[Media], Any]], ...] = (
    (Image, "MAX_IMAGE_PIXELS", lambda caps: caps.max_pixels),
    (PngImagePlugin, "MAX_TEXT_CHUNK", lambda _: 64 << 20),  # 1 MB by default: long comments are no bombs
    (PngImagePlugin, "MAX_TEXT_MEMORY", lambda _: 64 << 20),
    (AvifImagePlugin, "DEFAULT_MAX_THREADS", lambda _: 1),
)
_REACH = 4
"""How many times `max_pixels` may be decoded to reach later frames: some seconds of work."""

_limiting = threading.Lock()  # Pillow's limits and Python's warning filters belong to the whole process


class Unusable(Exception):
    """No picture can be made of these bytes; `outcome` and `reason` say why, in words of ours."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(outcome, reason)  # both, so that it survives pickling
        self.outcome = outcome
        self.reason = reason


@dataclass(frozen=True)
class Rendering:
    """One picture to look at, and where in the object it is ("": the picture itself).

    `pixels` are those of `scanner.media.colour`, valid until the next rendering is taken. With a `scale` they
    are the luma that a JPEG of this width and height holds, uint8[ceil(height/scale), ceil(width/scale)].
    """

    locator: str
    width: int
    height: int
    pixels: Pixels
    scale: int | None = None


class Picture:
    """An opened picture: what its header says, and its renderings.

    Pixels are as stored; `orientation` (Exif, 1-8) is noted, not applied. `outcome`, `reason` and
    `frame_count` are final when all renderings have been taken: `hashed` when every frame that was chosen
    could be decoded, else what the first that could not came to; the hashes of the others stand all the same.
    `luma_alone` says that the pixels are a JPEG's luma, nothing more.
    """

    def __init__(self, image: Image.Image, data: bytes, caps: Media) -> None:
        self._image, self._data, self._caps = image, data, caps
        self._pixels = 0
        self.media_type = Image.MIME.get(image.format or "", "")
        self.width, self.height = image.size
        self.orientation = _orientation(image)
        self.outcome = Outcome.HASHED
        self.reason: str | None = None
        self.frame_count: int | None = None
        self.luma_alone = False

    def renderings(self) -> Iterator[Rendering]:
        """Yield the picture, then what differs: other views of it, and up to `max_frames` - 1 more frames.

        Raises Unusable when not even the first frame can be decoded.
        """
        yield from self._frame("")
        self.width, self.height = self._image.size  # known for sure only now
        paged = self._image.format in PAGED
        try:
            numbers = self._later()
        except Unusable as error:
            self._note(error.outcome, error.reason)
            return
        for number in numbers:
            if paged and self._pixels > self._reach:
                self._note(Outcome.TOO_LARGE, f"frames {number} to {numbers[-1]} not looked at")
                return
            try:
                with _judged(self._caps):
                    self._image.seek(number)
                yield from self._frame(f"frame={number}")
            except Unusable as error:
                self._note(error.outcome, f"frame {number}: {error.reason}")
                if not paged:
                    return

    @property
    def _reach(self) -> int:
        return _REACH * self._caps.max_pixels

    def _note(self, outcome: Outcome, reason: str) -> None:
        if self.outcome is Outcome.HASHED:
            self.outcome, self.reason = outcome, reason

    def _frame(self, locator: str) -> Iterator[Rendering]:
        with _judged(self._caps):
            _check_size(self._image, self._caps)
            rendering = None if locator else self._of_jpeg()
            renderings = [rendering] if rendering is not None else self._of_image(locator)
        self._pixels += sum(one.width * one.height for one in renderings)
        yield from renderings

    def _of_jpeg(self) -> Rendering | None:
        """Return an ordinary JPEG by the shorter way; None for everything else."""
        width, height = self._image.size
        if self._image.format not in ("JPEG", "MPO") or self._image.mode not in ("RGB", "L"):
            return None
        if self._caps.pdq == "luma" and self._image.format == "JPEG":  # an MPO's later frames have colours
            plane = luma_of_jpeg(self._data, width, height)
            self.luma_alone = plane is not None
            return Rendering("", width, height, *plane) if plane is not None else None
        pixels = pixels_of_jpeg(self._data, width, height)
        return None if pixels is None else Rendering("", width, height, pixels)

    def _of_image(self, locator: str) -> list[Rendering]:
        self._image.load()
        width, height = self._image.size
        pixels, others = pixels_of(self._image)
        named = {f"{locator},{name}".lstrip(","): other for name, other in others.items()}
        return [Rendering(name, width, height, view) for name, view in ({locator: pixels} | named).items()]

    def _later(self) -> list[int]:
        with _judged(self._caps):
            count = self.frame_count = frame_count(self._image, self._data)
            reach = reachable(self._image, count, self._reach, self._caps.max_frames)
            if reach < count:
                self._note(Outcome.TOO_LARGE, f"frames {reach} to {count - 1} not looked at")
            numbers = sampled(reach, self._caps.max_frames)
            return [n for n in numbers if n != self._image.tell()][: self._caps.max_frames - 1]


def load_plug_ins() -> None:
    """Load every plug-in now, which the first odd picture would otherwise wait for."""
    Image.init()


@contextlib.contextmanager
def opened(data: bytes, media_type: MediaType, caps: Media, lenient: bool = False) -> Iterator[Picture]:
    """Open the picture that bytes hold, one at a time in this process; raise Unusable where there is none.

    What `sniff` does not know is offered to the plug-ins that take more headers than it does. With `lenient`,
    a file that is cut off or damaged gives what viewers would still show of it.
    """
    openers = _LENIENT if media_type.kind is Kind.OTHER else _OPENERS.get(media_type.name)
    if openers is None:
        raise Unusable(Outcome.UNDECODABLE, f"no decoder for {media_type.name}")
    data = bare_jpeg(data) if lenient and media_type.name == "image/jpeg" else branded(data, media_type)
    with _limited(caps, lenient), contextlib.ExitStack() as stack:
        with _judged(caps):
            image = stack.enter_context(Image.open(io.BytesIO(data), formats=openers))
            picture = Picture(image, data, caps)
        yield picture


@contextlib.contextmanager
def _limited(caps: Media, lenient: bool) -> Iterator[None]:
    with _limiting, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limits = [*_LIMITS, (ImageFile, "LOAD_TRUNCATED_IMAGES", lambda _: lenient)]
        before = [(module, name, getattr(module, name)) for module, name, _ in limits]
        try:
            for module, name, limit in limits:
                setattr(module, name, limit(caps))
            yield
        finally:
            for module, name, value in before:
                setattr(module, name, value)


@contextlib.contextmanager
def _judged(caps: Media) -> Iterator[None]:
    """Turn whatever a decoder raises into Unusable, without a word of what the decoder says."""
    try:
        yield
    except Unusable:
        raise
    except MemoryError:
        raise Unusable(Outcome.TOO_LARGE, "not enough memory to decode it") from None
    except Image.DecompressionBombError:
        raise Unusable(Outcome.TOO_LARGE, f"more than {caps.max_pixels} pixels") from None
    except TooManyFrames as error:
        raise Unusable(Outcome.TOO_LARGE, str(error)) from None
    except Exception as error:  # noqa: BLE001  decoders of hostile bytes raise anything
        if str(error).startswith(("Decompressed data too large", "Too much memory used in text chunks")):
            raise Unusable(Outcome.TOO_LARGE, "text chunks beyond 64 MB") from None
        raise Unusable(Outcome.UNDECODABLE, f"not decodable ({type(error).__name__})") from None


def _check_size(image: Image.Image, caps: Media) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise Unusable(Outcome.UNDECODABLE, "no pixels")
    if width * height > caps.max_pixels:
        raise Unusable(Outcome.TOO_LARGE, f"{width} x {height} is more than {caps.max_pixels} pixels")


def _orientation(image: Image.Image) -> int | None:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001  broken metadata says nothing about the pixels
        return None
    return orientation if orientation in range(1, 9) else None
