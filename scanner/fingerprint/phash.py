"""The only place where pHash is computed: exactly as the imagehash package does, which the field uses."""

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scanner.fingerprint.shrunk import shrunk

METHOD = "phash/imagehash"

SIDE = 32
"""To what imagehash has Pillow shrink a picture before the cosine transform: 8 times its factor of 4."""


def phash(rgb: NDArray[np.uint8]) -> bytes:
    """Return the 64-bit pHash of a picture, uint8[H, W, 3], as 8 bytes, equal to imagehash's hex text.

    imagehash gets the picture shrunk already, which it then leaves as it is.
    """
    small = Image.fromarray(shrunk(rgb, SIDE))
    return np.packbits(imagehash.phash(small).hash.ravel()).tobytes()
