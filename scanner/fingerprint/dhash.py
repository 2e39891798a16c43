"""The only place where dHash is computed: exactly as the imagehash package does, which the field uses."""

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scanner.fingerprint.shrunk import shrunk

METHOD = "dhash/imagehash"

LUMA_METHOD = "dhash/luma"
"""The name of hashes from a JPEG's own luma, perhaps at a smaller scale: within some bits of imagehash's."""

SIZE = (9, 8)
"""To how many columns and rows imagehash has Pillow shrink a picture: 8 differences in each of 8 rows."""


def dhash(pixels: NDArray[np.uint8]) -> bytes:
    """Return the 64-bit dHash of a picture as 8 bytes, equal to imagehash's hex text.

    `pixels` is what `shrunk` takes. imagehash gets them shrunk already, which it then leaves as they are.
    """
    small = Image.fromarray(shrunk(pixels, *SIZE))
    return np.packbits(imagehash.dhash(small).hash.ravel()).tobytes()
