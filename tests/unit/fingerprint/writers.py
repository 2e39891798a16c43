"""The only place where tests write a picture in each format and mode, also as no library here does."""

import io
import struct
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import simplejpeg
import tifffile
from imagecodecs import jpegxl_encode_jpeg
from PIL import Image, ImageCms

from tests.pictures import encoded, picture, png_chunk

Written = Callable[[Image.Image], bytes]


def by_pillow(file_format: str, **options: Any) -> Written:
    return partial(encoded, file_format=file_format, **options)


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Return a picture in any mode: deep greys times 257, floats as parts of one, a ramp of alpha."""
    grey = np.asarray(image.convert("L"))
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        return ImageCms.applyTransform(image, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    if mode in ("RGBA", "LA"):
        image = image.convert(mode)
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        return image
    if mode == "I;16B":
        return Image.frombytes("I;16B", image.size, (grey.astype(">u2") * 257).tobytes())
    if mode == "F":
        return Image.fromarray(grey.astype(np.float32) / 255 + 1e-4)
    if mode in ("I", "I;16"):
        return Image.fromarray(grey.astype(np.uint16 if mode == "I;16" else np.int32) * 257)
    return image.quantize(64) if mode == "P" else image.convert(mode)


def shown(image: Image.Image, mode: str) -> Image.Image:
    """Return as RGB what a picture in a mode shows, transparent parts on white."""
    if mode.startswith("I") or mode == "F":
        return image.convert("L").convert("RGB")
    moded = in_mode(image, mode)
    if mode not in ("RGBA", "LA"):
        return image if mode == "LAB" else moded.convert("RGB")
    laid = Image.new("RGB", image.size, "white")
    laid.paste(moded.convert("RGB"), mask=moded.getchannel("A"))
    return laid


def jpeg_of(image: Image.Image, sampling: str) -> bytes:
    return simplejpeg.encode_jpeg(np.array(image), 85, "RGB", sampling)


def ycck(image: Image.Image) -> bytes:
    """Return a JPEG of print colours, which TurboJPEG turns into YCCK, upside down as Adobe's are."""
    return simplejpeg.encode_jpeg(255 - np.asarray(image), 90, "CMYK", "444")


def see_through(image: Image.Image, file_format: str) -> bytes:
    """Return a picture of a palette that has one more colour, which is transparent and not used."""
    return encoded(image.quantize(64), file_format, transparency=64)


def deep_png(image: Image.Image) -> bytes:
    """Return a PNG of 16 bits in each of three channels, which Pillow reads and does not write."""
    return _png(np.asarray(image, ">u2") * 257, depth=16, passes=((0, 0, 1, 1),))


def interlaced_png(image: Image.Image) -> bytes:
    """Return an interlaced PNG (Adam7), which Pillow reads and does not write."""
    passes = (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    )
    return _png(np.asarray(image), depth=8, passes=passes)


def _png(pixels: np.ndarray, depth: int, passes: tuple[tuple[int, int, int, int], ...]) -> bytes:
    height, width = pixels.shape[:2]
    lines = [
        b"\0" + line.tobytes()
        for top, left, down, across in passes
        for line in pixels[top::down, left::across]
    ]
    colour = 2 if pixels.ndim == 3 else 0
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, len(passes) > 1)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(lines), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def animated(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """Return an animation whose first frame is the picture."""
    other = picture(23, image.size).convert(image.mode)
    return encoded(image, file_format, save_all=True, append_images=[other], **options)


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    sink = io.BytesIO()
    tifffile.imwrite(sink, pixels, photometric="rgb", **options)
    return sink.getvalue()


def run_length_bmp(image: Image.Image) -> bytes:
    """Return a bitmap of 8 bits whose rows are runs of one pixel each (BI_RLE8)."""
    rows = np.asarray(image)[::-1]
    runs = np.stack([np.ones_like(rows), rows], axis=2)
    data = b"".join(row.tobytes() + b"\0\0" for row in runs) + b"\0\1"
    palette = bytes(image.getpalette("BGRX")).ljust(1024, b"\0")
    head = struct.pack("<IiiHHIIiiII", 40, *image.size, 1, 8, 1, len(data), 0, 0, 256, 0)
    return struct.pack("<2sIII", b"BM", 14 + 40 + 1024 + len(data), 0, 14 + 40 + 1024) + head + palette + data


def icon(image: Image.Image, kind: int = 1, **options: Any) -> bytes:
    """Return an icon (1) or a cursor (2) of one size."""
    data = encoded(image, "ICO", sizes=[image.size], **options)
    return data[:2] + bytes([kind]) + data[3:]


def jpeg_in_jxl(image: Image.Image) -> bytes:
    return bytes(jpegxl_encode_jpeg(encoded(image, "JPEG", quality=85), usecontainer=True, numthreads=1))


def plain(image: Image.Image, magic: str, values: np.ndarray) -> bytes:
    """Return a portable anymap in plain digits."""
    maximum = "" if magic == "P1" else "255\n"
    words = " ".join(map(str, values.astype(int).flat))
    return f"{magic}\n# made\n{image.width} {image.height}\n{maximum}{words}\n".encode()


def deep_ppm(image: Image.Image) -> bytes:
    return b"P6 %d %d 65535\n" % image.size + (np.asarray(image, ">u2") * 257).tobytes()
