"""The only place that says how far from its PNG a picture may lie in each format."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from tests.pictures import encoded
from tests.samples import ARITHMETIC_JPEG
from tests.unit.fingerprint.writers import (
    Written,
    animated,
    by_pillow,
    deep_png,
    deep_ppm,
    icon,
    interlaced_png,
    jpeg_in_jxl,
    jpeg_of,
    plain,
    run_length_bmp,
    see_through,
    tiff,
    ycck,
)

DRAWN = ((21, (320, 240)), (22, (203, 151)))
"""Seed and size of the pictures that are written: one of even sides, one of odd ones."""


@dataclass(frozen=True)
class Variant:
    """One way to write a picture of one mode."""

    name: str
    write: Written
    mode: str = "RGB"
    drawn: tuple[tuple[int, tuple[int, int]], ...] = DRAWN


@dataclass(frozen=True)
class Row:
    """Ways to write a format, and how many bits their hashes lie at most from those of the PNG."""

    format: str
    pdq: int
    phash: int
    variants: tuple[Variant, ...]


ODD = DRAWN[1:]
"""What is written in formats that take long."""

SMALL = ((21, (256, 192)), (22, (128, 97)))
"""What fits into an icon."""

_JPEG = partial(by_pillow, "JPEG", quality=85)
_HEIC = partial(by_pillow, "HEIF", quality=80)
_AVIF = partial(by_pillow, "AVIF", quality=80, speed=10)
_JXL = partial(by_pillow, "JXL", effort=3)

TYPES = {
    "JPEG": ["image/jpeg"],
    "PNG": ["image/png"],
    "GIF": ["image/gif"],
    "WebP": ["image/webp"],
    "TIFF": ["image/tiff"],
    "BMP": ["image/bmp", "image/x-dib"],
    "HEIC": ["image/heic"],
    "AVIF": ["image/avif"],
    "JPEG XL": ["image/jxl"],
    "JPEG 2000": ["image/jp2"],
    "ICO": ["image/x-icon", "image/x-cursor"],
    "PPM": ["image/x-portable-anymap"],
    "others": [
        "image/qoi",
        "image/x-tga",
        "image/x-pcx",
        "image/sgi",
        "image/vnd-ms.dds",
        "image/x-xbitmap",
        "image/x-ms-paint",
    ],
}
"""The media types that each format is told from its first bytes to be."""

ROWS = (
    Row(
        "JPEG",
        4,
        2,
        (
            Variant("baseline 4:2:0", _JPEG(subsampling=2)),
            Variant("4:2:2", _JPEG(subsampling=1)),
            Variant("4:4:4", _JPEG(subsampling=0)),
            Variant("4:1:1", partial(jpeg_of, sampling="411")),
            Variant("4:4:0", partial(jpeg_of, sampling="440")),
            Variant("progressive", _JPEG(progressive=True)),
            Variant("restart markers", _JPEG(restart_marker_blocks=3)),
            Variant("grey", _JPEG(), "L"),
            Variant("progressive grey", _JPEG(progressive=True), "L"),
            Variant("RGB", _JPEG(keep_rgb=True)),
            Variant("CMYK", _JPEG(), "CMYK"),
            Variant("YCCK", ycck, "CMYK"),
            Variant("several pictures (MPO)", partial(animated, file_format="MPO", quality=85)),
        ),
    ),
    Row(
        "JPEG",
        12,
        2,
        (Variant("arithmetic (96 x 72)", lambda _: ARITHMETIC_JPEG, drawn=((8, (96, 72)),)),),
    ),
    Row(
        "PNG",
        0,
        0,
        (
            Variant("RGB", by_pillow("PNG")),
            Variant("RGBA", by_pillow("PNG"), "RGBA"),
            Variant("L", by_pillow("PNG"), "L"),
            Variant("LA", by_pillow("PNG"), "LA"),
            Variant("1", by_pillow("PNG"), "1"),
            Variant("P", by_pillow("PNG"), "P"),
            Variant("P transparent", partial(see_through, file_format="PNG"), "P"),
            Variant("16-bit L", by_pillow("PNG"), "I;16"),
            Variant("16-bit RGB", deep_png),
            Variant("interlaced", interlaced_png),
            Variant("interlaced L", interlaced_png, "L"),
            Variant("animated", partial(animated, file_format="PNG")),
        ),
    ),
    Row(
        "GIF",
        0,
        0,
        (
            Variant("P", by_pillow("GIF"), "P"),
            Variant("not interlaced", by_pillow("GIF", interlace=0), "P"),
            Variant("L", by_pillow("GIF"), "L"),
            Variant("1", by_pillow("GIF"), "1"),
            Variant("P transparent", partial(see_through, file_format="GIF"), "P"),
            Variant("animated", partial(animated, file_format="GIF"), "P"),
        ),
    ),
    Row(
        "WebP",
        0,
        0,
        (
            Variant("lossless", by_pillow("WEBP", lossless=True, method=0)),
            Variant("lossless RGBA", by_pillow("WEBP", lossless=True, exact=True, method=0), "RGBA"),
            Variant("lossless animated", partial(animated, file_format="WEBP", lossless=True, method=0)),
        ),
    ),
    Row(
        "WebP",
        8,
        2,
        (
            Variant("lossy", by_pillow("WEBP", quality=80)),
            Variant("lossy RGBA", by_pillow("WEBP", quality=80, exact=True), "RGBA"),
            Variant("lossy animated", partial(animated, file_format="WEBP", quality=80)),
        ),
    ),
    Row(
        "TIFF",
        0,
        0,
        (
            Variant("RGB", by_pillow("TIFF")),
            Variant("BigTIFF", by_pillow("TIFF", big_tiff=True)),
            Variant("LZW", by_pillow("TIFF", compression="tiff_lzw")),
            Variant("Deflate", by_pillow("TIFF", compression="tiff_adobe_deflate")),
            Variant("PackBits", by_pillow("TIFF", compression="packbits")),
            Variant("LZMA", by_pillow("TIFF", compression="lzma")),
            Variant("Zstandard", by_pillow("TIFF", compression="zstd")),
            Variant("fax 3", by_pillow("TIFF", compression="group3"), "1"),
            Variant("fax 4", by_pillow("TIFF", compression="group4"), "1"),
            Variant("1", by_pillow("TIFF"), "1"),
            Variant("L", by_pillow("TIFF"), "L"),
            Variant("LA", by_pillow("TIFF"), "LA"),
            Variant("P", by_pillow("TIFF"), "P"),
            Variant("RGBA", by_pillow("TIFF"), "RGBA"),
            Variant("CMYK", by_pillow("TIFF"), "CMYK"),
            Variant("YCbCr", by_pillow("TIFF"), "YCbCr"),
            Variant("16-bit L", by_pillow("TIFF"), "I;16"),
            Variant("big-endian 16-bit L", by_pillow("TIFF"), "I;16B"),
            Variant("32-bit L", by_pillow("TIFF"), "I"),
            Variant("floats", by_pillow("TIFF"), "F"),
            Variant("16-bit RGB", lambda image: tiff(np.asarray(image, np.uint16) * 257)),
            Variant("tiles", lambda image: tiff(np.asarray(image), tile=(64, 48))),
            Variant(
                "planes", lambda image: tiff(np.asarray(image).transpose(2, 0, 1), planarconfig="separate")
            ),
            Variant("several pages", partial(animated, file_format="TIFF")),
        ),
    ),
    Row(
        "TIFF",
        4,
        2,
        (Variant("JPEG", by_pillow("TIFF", compression="jpeg")),),
    ),
    Row(
        "TIFF",
        8,
        2,
        (Variant("CIELAB", by_pillow("TIFF"), "LAB"),),
    ),
    Row(
        "BMP",
        0,
        0,
        (
            Variant("RGB", by_pillow("BMP")),
            Variant("32-bit RGB", lambda image: encoded(image.convert("RGBA"), "BMP")),
            Variant("P", by_pillow("BMP"), "P"),
            Variant("L", by_pillow("BMP"), "L"),
            Variant("1", by_pillow("BMP"), "1"),
            Variant("run lengths", run_length_bmp, "P"),
            Variant("without a file header (DIB)", by_pillow("DIB")),
        ),
    ),
    Row(
        "HEIC",
        4,
        2,
        (
            Variant("lossy", _HEIC(), drawn=ODD),
            Variant("lossy 4:4:4", _HEIC(chroma=444), drawn=ODD),
            Variant("lossy grey", _HEIC(), "L", ODD),
            Variant("lossy RGBA", _HEIC(), "RGBA", ODD),
        ),
    ),
    Row(
        "HEIC",
        0,
        0,
        (Variant("lossless", by_pillow("HEIF", quality=-1, chroma=444, matrix_coefficients=0), drawn=ODD),),
    ),
    Row(
        "AVIF",
        4,
        2,
        (
            Variant("lossy", _AVIF()),
            Variant("lossy 4:4:4", _AVIF(subsampling="4:4:4")),
            Variant("lossy grey", _AVIF(), "L"),
            Variant("lossy RGBA", _AVIF(), "RGBA"),
            Variant("lossy animated", partial(animated, file_format="AVIF", quality=80, speed=10)),
        ),
    ),
    Row(
        "JPEG XL",
        0,
        0,
        (
            Variant("lossless", _JXL()),
            Variant("lossless RGBA", _JXL(), "RGBA"),
            Variant("lossless L", _JXL(), "L"),
            Variant("lossless LA", _JXL(), "LA"),
            Variant("lossless 16-bit L", _JXL(), "I;16"),
            Variant("lossless floats", _JXL(), "F"),
            Variant("lossless animated", partial(animated, file_format="JXL", effort=3)),
            Variant("lossless in boxes", _JXL(usecontainer=True)),
        ),
    ),
    Row(
        "JPEG XL",
        10,
        2,
        (
            Variant("lossy", _JXL(level=85)),
            Variant("lossy RGBA", _JXL(level=85), "RGBA"),
            Variant("lossy grey", _JXL(level=85), "L"),
            Variant("lossy animated", partial(animated, file_format="JXL", level=85, effort=3)),
            Variant("lossy 16-bit L", _JXL(level=85), "I;16"),
        ),
    ),
    Row(
        "JPEG XL",
        4,
        2,
        (Variant("from JPEG", jpeg_in_jxl),),
    ),
    Row(
        "JPEG 2000",
        0,
        0,
        (
            Variant("reversible", by_pillow("JPEG2000")),
            Variant("reversible codestream", by_pillow("JPEG2000", no_jp2=True)),
            Variant("reversible RGBA", by_pillow("JPEG2000"), "RGBA"),
            Variant("reversible L", by_pillow("JPEG2000"), "L"),
            Variant("reversible LA", by_pillow("JPEG2000"), "LA"),
            Variant("reversible 16-bit L", by_pillow("JPEG2000"), "I;16"),
            Variant("reversible tiles", by_pillow("JPEG2000", tile_size=(128, 128))),
        ),
    ),
    Row(
        "JPEG 2000",
        8,
        2,
        (
            Variant(
                "lossy", by_pillow("JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[20])
            ),
            Variant(
                "lossy codestream",
                by_pillow("JPEG2000", no_jp2=True, quality_mode="rates", quality_layers=[20]),
            ),
        ),
    ),
    Row(
        "ICO",
        0,
        0,
        (
            Variant("PNG", icon, "RGBA", drawn=SMALL),
            Variant("bitmap", partial(icon, bitmap_format="bmp"), drawn=SMALL),
            Variant("cursor (CUR)", partial(icon, kind=2, bitmap_format="bmp"), drawn=SMALL),
        ),
    ),
    Row(
        "PPM",
        0,
        0,
        (
            Variant("PPM", by_pillow("PPM")),
            Variant("PGM", by_pillow("PPM"), "L"),
            Variant("PBM", by_pillow("PPM"), "1"),
            Variant("plain PPM", lambda image: plain(image, "P3", np.asarray(image))),
            Variant("plain PGM", lambda image: plain(image, "P2", np.asarray(image)), "L"),
            Variant("plain PBM", lambda image: plain(image, "P1", ~np.asarray(image)), "1"),
            Variant("16-bit PPM", deep_ppm),
            Variant("16-bit PGM", by_pillow("PPM"), "I"),
            Variant("PFM", by_pillow("PPM"), "F"),
        ),
    ),
    Row(
        "others",
        0,
        0,
        (
            Variant("QOI", by_pillow("QOI"), drawn=ODD),
            Variant("TGA", by_pillow("TGA")),
            Variant("TGA run lengths", by_pillow("TGA", compression="tga_rle")),
            Variant("TGA P", by_pillow("TGA"), "P"),
            Variant("TGA LA", by_pillow("TGA"), "LA"),
            Variant("PCX", by_pillow("PCX")),
            Variant("SGI", by_pillow("SGI")),
            Variant("DDS", by_pillow("DDS")),
            Variant("XBM", by_pillow("XBM"), "1"),
            Variant("MSP", by_pillow("MSP"), "1"),
        ),
    ),
)
