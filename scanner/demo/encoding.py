"""The only place where the demo's pictures become files: formats, and the copies people make."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

from scanner.demo.scene import Random

COMMON = ("jpeg", "jpeg", "png", "jpeg", "webp", "jpeg", "jpeg-progressive")
"""Formats of most pictures; the known ones keep to these."""

RARE = (
    *(
        "jpeg-cmyk",
        "jpeg-grey",
        "jpeg-turned",
        "png-alpha",
        "png-palette",
        "png-16bit",
        "gif",
        "gif-animated",
    ),
    *("webp-lossless", "tiff", "bmp", "heic", "avif"),
)
"""Formats of every third picture."""


FAST = Image.Quantize.FASTOCTREE


def encode(image: Image.Image, form: str) -> bytes:
    """Return the bytes of an RGB picture in one of the forms above."""
    return _FORMS[form](image)


def suffix(form: str) -> str:
    """Return the file name's ending that goes with a form."""
    return {"jpeg": ".jpg"}.get(name := form.partition("-")[0], f".{name}")


def _saved(image: Image.Image, name: str, **options: Any) -> bytes:
    sink = io.BytesIO()
    image.save(sink, name, **options)
    return sink.getvalue()


def _turned(image: Image.Image) -> bytes:
    """Store the picture as a camera held upright does: pixels lying, and a note to turn them."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return _saved(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=88, exif=exif)


def _with_alpha(image: Image.Image) -> bytes:
    clear = Image.radial_gradient("L").resize(image.size).point(lambda far: 255 - far // 2)
    image = image.copy()
    image.putalpha(clear)
    return _saved(image, "PNG", compress_level=3)


def _sixteen_bit(image: Image.Image) -> bytes:
    return _saved(Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257), "PNG")


def _animated(image: Image.Image) -> bytes:
    first = image.resize((240, 180))
    last = first.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    frames = [Image.blend(first, last, share / 5).quantize(64, FAST) for share in range(6)]
    return _saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=200, loop=0)


def _heic(image: Image.Image) -> bytes:
    sink = io.BytesIO()
    pillow_heif.from_pillow(image).save(sink, quality=60, enc_params={"preset": "ultrafast"})
    return sink.getvalue()


_FORMS: dict[str, Callable[[Image.Image], bytes]] = {
    "jpeg": lambda image: _saved(image, "JPEG", quality=88),
    "jpeg-progressive": lambda image: _saved(image, "JPEG", quality=82, progressive=True),
    "jpeg-cmyk": lambda image: _saved(image.convert("CMYK"), "JPEG", quality=88),
    "jpeg-grey": lambda image: _saved(image.convert("L"), "JPEG", quality=88),
    "jpeg-turned": _turned,
    "png": lambda image: _saved(image, "PNG", compress_level=3),
    "png-alpha": _with_alpha,
    "png-palette": lambda image: _saved(image.quantize(128, FAST), "PNG"),
    "png-16bit": _sixteen_bit,
    "gif": lambda image: _saved(image.quantize(256, FAST), "GIF"),
    "gif-animated": _animated,
    "webp": lambda image: _saved(image, "WEBP", quality=85, method=1),
    "webp-lossless": lambda image: _saved(image, "WEBP", lossless=True, method=0, quality=20),
    "tiff": lambda image: _saved(image, "TIFF", compression="tiff_lzw"),
    "bmp": lambda image: _saved(image, "BMP"),
    "heic": _heic,
    "avif": lambda image: _saved(image, "AVIF", quality=65, speed=10),
}


def reencoded(image: Image.Image, random: Random) -> tuple[bytes, str]:
    """Return a copy of lower quality, and its form: JPEG of 40 to 90, or WebP."""
    if random.random() < 0.3:
        return _saved(image, "WEBP", quality=int(random.integers(50, 91)), method=1), "webp"
    return _saved(image, "JPEG", quality=int(random.integers(40, 91))), "jpeg"


def resized(image: Image.Image, random: Random) -> tuple[bytes, str]:
    """Return a copy of 0.4 to 1.5 times the size, and its form."""
    factor = random.uniform(0.4, 1.5)
    size = (round(image.width * factor), round(image.height * factor))
    return _saved(image.resize(size, Image.Resampling.LANCZOS), "JPEG", quality=85), "jpeg"


def cropped(image: Image.Image, random: Random) -> tuple[bytes, str]:
    """Return a copy that lost 2 to 3 % of its area at the edges, and its form."""
    width, height = (round(side * random.uniform(0.985, 0.99)) for side in image.size)
    left, top = (int(random.integers(1 + gone)) for gone in (image.width - width, image.height - height))
    inside = image.crop((left, top, left + width, top + height))
    return _saved(inside, "JPEG", quality=88), "jpeg"
