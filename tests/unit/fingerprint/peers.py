"""The only place where tests hash a picture as the peers do, and compare hashes."""

import imagehash
import numpy as np
import pdqhash
from PIL import Image


def bits(one: bytes, other: bytes) -> int:
    """Return in how many bits two hashes differ."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def peers(image: Image.Image) -> tuple[bytes, int, bytes]:
    """Return what the peers compute from a picture's RGB pixels: PDQ, its quality, pHash."""
    value, quality = pdqhash.compute(np.asarray(image.convert("RGB")))
    return np.packbits(value.astype(np.uint8)).tobytes(), quality, bytes.fromhex(str(imagehash.phash(image)))
