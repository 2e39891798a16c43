"""The only place where test pictures are made: seeded, benign, far apart in PDQ; and the broken files."""

import functools
import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pillow_heif
from imagecodecs import jpegxl_encode
from PIL import Image, ImageDraw

pillow_heif.register_heif_opener()


def _write_jxl(image: Image.Image, sink: Any, _: Any, frames: Sequence[Image.Image] = ()) -> None:
    """Write JPEG XL as Pillow's plug-ins write: a `level` of 0 to 100 loses something."""
    pixels = [np.asarray(frame) for frame in (image, *frames)]
    options = {"lossless": "level" not in image.encoderinfo, **image.encoderinfo}
    options.pop("append_images", None)
    sink.write(jpegxl_encode(np.stack(pixels) if frames else pixels[0], numthreads=1, **options))


Image.register_save("JXL", _write_jxl)
Image.register_save_all(
    "JXL", lambda image, sink, name: _write_jxl(image, sink, name, image.encoderinfo["append_images"])
)


def picture(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Return an RGB picture (width, height): soft coloured clouds, some shapes, a little grain."""
    random = np.random.default_rng([20_260_101, seed])
    clouds = Image.fromarray(random.integers(0, 256, (7, 9, 3), np.uint8))
    image = clouds.resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        centre = random.random(2) * size
        reach = random.uniform(0.05, 0.2) * min(size)
        colour = tuple(int(part) for part in random.integers(0, 256, 3))
        box = (*(centre - reach), *(centre + reach))
        if random.random() < 0.5:
            draw.ellipse(box, fill=colour)
        else:
            draw.rectangle(box, fill=colour)
    grain = random.integers(-6, 7, (size[1], size[0], 3), np.int16)
    return Image.fromarray(np.clip(np.asarray(image, np.int16) + grain, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """Return the bytes of a picture in one of Pillow's formats ("JPEG", "PNG", "HEIF", ...)."""
    sink = io.BytesIO()
    image.save(sink, file_format, **options)
    return sink.getvalue()


def rgb(pixels: np.ndarray) -> np.ndarray:
    """Return pixels of any layout that is hashed (grey, three or four channels) as uint8[H, W, 3]."""
    return np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels[:, :, :3]


def jpeg(seed: int, size: tuple[int, int] = (640, 480)) -> bytes:
    """Return a seeded picture as an ordinary JPEG."""
    return encoded(picture(seed, size), "JPEG", quality=90)


def animation(
    seeds: Sequence[int], file_format: str = "GIF", size: tuple[int, int] = (160, 120), **options: Any
) -> bytes:
    """Return a file of several frames, one seeded picture each."""
    first, *rest = (picture(seed, size) for seed in seeds)
    return encoded(first, file_format, save_all=True, append_images=rest, **options)


def truncated(data: bytes, share: float = 0.5) -> bytes:
    """Return the first part of a file."""
    return data[: int(len(data) * share)]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return one PNG chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int, pixels: bytes = b"", *chunks: bytes) -> bytes:
    """Return an 8-bit grey PNG that claims a size, with any (deflated here) pixel data and further chunks."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(pixels, 9))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + data + png_chunk(b"IEND", b"")


def pixel_bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """Return a small PNG whose header claims 2.5 gigapixels."""
    return png_of(width, height, bytes(100_000))


@functools.cache
def text_bomb(megabytes: int = 200) -> bytes:
    """Return a small PNG with a compressed text chunk that grows to many megabytes."""
    text = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(megabytes << 20), 9))
    return png_of(8, 8, bytes(8 * 9), text)


def frame_bomb(frames: int = 200_000) -> bytes:
    """Return a GIF of one pixel a frame and very many frames."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b";"


@functools.cache
def broken() -> dict[str, bytes]:
    """Return files that no decoder can make a whole picture of, by what is wrong with them."""
    photo, drawing = jpeg(1), encoded(picture(1), "PNG")
    return {
        "a truncated jpeg": truncated(photo),
        "a jpeg cut in its header": photo[:200],
        "only the magic of a jpeg": photo[:4],
        "a truncated png": truncated(drawing),
        "a png with a wrong checksum": drawing[:29] + b"\0\0\0\0" + drawing[33:],
        "a png of no width": png_of(0, 8),
        "a truncated gif": truncated(encoded(picture(1), "GIF")),
        "a truncated webp": truncated(encoded(picture(1), "WEBP")),
        "a truncated tiff": truncated(encoded(picture(1), "TIFF")),
        "a truncated bmp": truncated(encoded(picture(1), "BMP")),
        "a truncated heic": truncated(encoded(picture(1), "HEIF")),
        "a truncated avif": truncated(encoded(picture(1), "AVIF", speed=10)),
        "a truncated jpeg 2000": truncated(encoded(picture(1), "JPEG2000"), 0.05),
        "a truncated jpeg xl": truncated(encoded(picture(1), "JXL", level=90, effort=3)),
        "a jpeg xl of noise": encoded(picture(1, (64, 48)), "JXL", level=90)[:40]
        + np.random.default_rng(6).bytes(900),
        "a jpeg of noise": photo[:600] + np.random.default_rng(7).bytes(20_000),
        "a magic before noise": b"\x89PNG\r\n\x1a\n" + np.random.default_rng(8).bytes(5_000),
    }


@functools.cache
def lying() -> dict[str, tuple[str, bytes]]:
    """Return good pictures under wrong names: name -> (format it really is, bytes)."""
    return {
        "photo.txt": ("JPEG", jpeg(2)),
        "photo.png": ("JPEG", jpeg(2)),
        "drawing.jpg": ("PNG", encoded(picture(2), "PNG")),
        "clip.mp4": ("WEBP", encoded(picture(2), "WEBP")),
    }
