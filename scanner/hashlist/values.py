"""The only place where one value of a hash list is read: normalised to bytes, or refused with a reason.

A reason never holds the value.
"""

import binascii
import enum
import hashlib
import struct

import numpy as np
import numpy.typing as npt

from scanner.records import ALGORITHM_BYTES, DIGESTS


class Refusal(enum.StrEnum):
    """Why a row of a list does not become an entry."""

    UNKNOWN_ALGORITHM = "unknown_algorithm"
    UNSUPPORTED_ALGORITHM = "unsupported_algorithm"
    MISSING_COLUMN = "missing_column"
    MISSING_VALUE = "missing_value"
    WRONG_LENGTH = "wrong_length"
    NOT_HEX = "not_hex"
    EMPTY_FILE = "empty_file"
    DEGENERATE = "degenerate"
    LOW_QUALITY = "low_quality"
    UNKNOWN_STATUS = "unknown_status"
    UNREADABLE_TIME = "unreadable_time"
    MALFORMED_ROW = "malformed_row"
    VALUE_IN_TEXT = "value_in_text"


_ELSEWHERE = "photodna pdna ssvhpdna ssvhsaferhash netclean videntifier vpdq tmkpdqf ahash sha512 ssdeep"
UNSUPPORTED = frozenset(_ELSEWHERE.split())
"""Algorithms that lists carry and that nothing here computes (spelt without separators)."""

EMPTY_FILE = {name: hashlib.new(name, b"", usedforsecurity=False).digest() for name in DIGESTS}
"""The digests of zero bytes: lists hold them by accident, and every empty object would match."""

USUAL = {"pdq": (96, 160, 3), "phash": (16, 48, 3), "dhash": (10, 54, 3), "whash": (16, 48, 4)}
"""Least and most ones, and least patterns of rows, of a perceptual hash that is not degenerate."""

_SEPARATORS = str.maketrans("", "", "-_ \ufeff")
_MARGIN = " \t\r\n\f\v\u00a0\ufeff"


def algorithm_of(text: str) -> str | Refusal:
    """Return our name of an algorithm (`SHA-256` is `sha256`), or why there is none."""
    name = text.translate(_SEPARATORS).lower()
    if name in ALGORITHM_BYTES:
        return name
    return Refusal.UNSUPPORTED_ALGORITHM if name in UNSUPPORTED else Refusal.UNKNOWN_ALGORITHM


def value_of(algorithm: str, value: str | bytes) -> bytes | Refusal:
    """Return the bytes of a value: hex of any case, padded base64 for digests, or the raw bytes.

    `algorithm` is one of `ALGORITHM_BYTES`. The length decides between hex and base64: for each digest the
    two differ (32 and 24 characters for md5, 40 and 28, 64 and 44), so neither is ever taken for the other.
    """
    raw = _raw(algorithm, value)
    if isinstance(raw, Refusal):
        return raw
    if raw == EMPTY_FILE.get(algorithm):
        return Refusal.EMPTY_FILE
    return Refusal.DEGENERATE if degenerate(algorithm, raw) else raw


def _raw(algorithm: str, value: str | bytes) -> bytes | Refusal:
    width = ALGORITHM_BYTES[algorithm]
    if isinstance(value, bytes):
        if len(value) == width:
            return value
        value = value.decode("ascii", "replace")
    text = value.strip(_MARGIN)
    if not text:
        return Refusal.MISSING_VALUE
    try:
        if len(text) == 2 * width:
            return binascii.unhexlify(text)
        if algorithm in DIGESTS and len(text) == (width + 2) // 3 * 4:
            decoded = binascii.a2b_base64(text, strict_mode=True)
            return decoded if len(decoded) == width else Refusal.WRONG_LENGTH
    except ValueError:
        return Refusal.NOT_HEX
    return Refusal.WRONG_LENGTH


def degenerate(algorithm: str, value: bytes) -> bool:
    """Tell whether a value says too little to be matched: unrelated pictures would share it.

    All zeros and all ones, for every algorithm. The bits of a perceptual hash are a square of n in all, which
    is degenerate when

    * its number of ones is unusual. PDQ, pHash and wHash compare n numbers with their median, so half of the
      bits are ones. More than 4 standard deviations of n random bits from that are refused: 96..160 of 256
      and 16..48 of 64 are kept. Flat pictures lie below (60 to 80, 1 and 0), real ones at 124..130, at 31..33
      and, for wHash, at 32, but for flat grounds (21 to 29). A dHash compares neighbours, and what does not
      grow brighter gives zeros: 152 photographs lie at 13..50 of 64, 445 things cut out of theirs at 10..47,
      gradients at 0 and 64, half of 200 pictures of one shape below 10; 10..54 are kept; or
    * its rows hold at most two patterns up to inversion, as rectangles and checkers on a flat ground give
      them and random bits never do. Of wHash it is three: so have 4 of the 152 photographs, landscapes under
      a bright sky most of all, and one of them lies 2 bits from another photograph.
    """
    if not any(value) or all(byte == 0xFF for byte in value):
        return True
    if algorithm in DIGESTS:
        return False
    least, most, patterns = USUAL[algorithm]
    if not least <= int.from_bytes(value, "big").bit_count() <= most:
        return True
    rows = struct.unpack(">16H" if algorithm == "pdq" else ">8B", value)
    full = 0xFFFF if algorithm == "pdq" else 0xFF
    return len({min(row, full - row) for row in rows}) < patterns


def are_degenerate(algorithm: str, values: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Tell which rows of uint8[N, W] are degenerate perceptual hashes, as `degenerate` does of one."""
    least, most, patterns = USUAL[algorithm]
    ones = np.bitwise_count(values).sum(axis=1)
    rows = np.ascontiguousarray(values).view(">u2" if algorithm == "pdq" else np.uint8)
    full = 0xFFFF if algorithm == "pdq" else 0xFF
    ordered = np.sort(np.minimum(rows, full - rows), axis=1)
    different = 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)
    unusual: npt.NDArray[np.bool_] = (ones < least) | (ones > most) | (different < patterns)
    return unusual


def balanced(values: npt.NDArray[np.uint8]) -> int:
    """Count the values of uint8[N, W] with exactly half of their bits set.

    Every PDQ without ties is one (old implementations gave 124 to 130 ones); of other hashes with 256 bits
    one in twenty is.
    """
    return int((np.bitwise_count(values).sum(axis=1) == 4 * values.shape[1]).sum())
