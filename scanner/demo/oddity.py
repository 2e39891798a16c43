"""The only place for what else lies in the demo's store: no pictures, broken ones, hostile names."""

import io
import json
import struct
import zipfile
import zlib

from scanner.demo.encoding import encode
from scanner.demo.scene import Random, paint

BROKEN = "uploads/broken/cut-off.jpg"
"""A JPEG that stops half-way; the made list knows its digest, which is all that can be compared."""

CLIP = "accounts/100017/videos/clip.mp4"
"""A video of which no more than the beginning is real; the made list knows its digest."""

HOSTILE_NAMES = (
    b"new\nline.jpg",
    b"tab\tin it.jpg",
    b"a+b c.jpg",
    b"100%25 %2F.jpg",
    b"-rf.jpg",
    b'it\'s "quoted".jpg',
    b"=cmd|'x'!A1.jpg",
    "\N{FACE WITH TEARS OF JOY}\N{CAT}.jpg".encode(),
    "holiday\N{RIGHT-TO-LEFT OVERRIDE}gpj.jpg".encode(),
    b"long-" + b"x" * 230 + b".jpg",
    b"caf\xe9.jpg",
    b"<img src=x onerror=alert(1)>.jpg",
    b"\x1b[31mred.jpg",
    b"ends in a space ",
    b"back\\slash..jpg",
    "e\N{COMBINING ACUTE ACCENT}.jpg".encode(),
)
"""Names that break shells, spreadsheets, terminals, pages and URLs when they are not taken literally."""


def oddities(random: Random) -> dict[str, bytes]:
    """Return the files that are no whole pictures, by key."""
    whole_jpeg = encode(paint(random, (480, 360)), "jpeg")
    whole_png = encode(paint(random, (320, 240)), "png")
    return {
        BROKEN: whole_jpeg[: len(whole_jpeg) // 2],
        CLIP: _clip(random),
        "uploads/broken/cut-off.png": whole_png[: len(whole_png) // 2],
        "uploads/broken/claims-3.6-gigapixels.png": _claims(60_000, 60_000),
        "uploads/broken/really-a-letter.jpg": b"Dear all,\n\nplease find no picture attached.\n",
        "uploads/broken/noise.jpg": random.bytes(20_000),
        "uploads/empty.bin": b"",
        "uploads/backup.zip": _archive(),
        "accounts/100003/documents/letter.txt": b"Nothing to see here.\n" * 40,
        "accounts/100003/documents/sales.csv": b"month,units\n"
        + b"".join(b"%d,%d\n" % (m, 7 * m) for m in range(1, 13)),
        "accounts/100009/settings.json": json.dumps({"theme": "dark", "albums": ["cats", "sky"]}).encode(),
    }


def _clip(random: Random) -> bytes:
    brand = b"isom\0\0\2\0isomiso2mp41"
    content = random.bytes(4000)
    return (
        struct.pack(">I", 8 + len(brand))
        + b"ftyp"
        + brand
        + struct.pack(">I", 8 + len(content))
        + b"mdat"
        + content
    )


def _archive() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(zipfile.ZipInfo("notes.txt", (2026, 1, 1, 0, 0, 0)), "old notes\n")
    return sink.getvalue()


def _claims(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that asks for gigabytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
