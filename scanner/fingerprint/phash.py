"""The only place where pHash is computed: exactly as the imagehash package does, which the field uses."""

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scanner.fingerprint.shrunk import shrunk

METHOD = "phash/imagehash"

LUMA_METHOD = "phash/luma"
"""The name of hashes from a JPEG's own luma, perhaps at a smaller scale: within some bits of imagehash's."""

SIDE = 32
"""To what imagehash has Pillow shrink a picture before the cosine transform: 8 times its factor of 4."""


def phash(pixels: NDArray[np.uint8]) -> bytes:
    """Return the 64-bit pHash of a picture as 8 bytes, equal to imagehash's hex text.

    `pixels` is what `shrunk` takes. imagehash gets them shrunk already, which it then leaves as they are.
    """
    small = Image.fromarray(shrunk(pixels, SIDE, SIDE))
    return np.packbits(imagehash.phash(small).hash.ravel()).tobytes()
