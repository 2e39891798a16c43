"""The only place for what parent and child say to each other: lengths, bytes, and JSON that is checked.

A request is 8 bytes of length and the object's bytes; a reply is a byte that says whether it is the last one
to this request, 4 bytes of length, and JSON. The child is the hostile side, so its replies are data and
nothing else.
"""

import json
import struct
from typing import Any

from scanner.fingerprint import Perceived
from scanner.records import ALGORITHM_BYTES, PERCEPTUAL, Outcome, record_of, row_of

REQUEST = struct.Struct(">Q")
REPLY = struct.Struct(">?I")
READY = b'{"ready": true}'
MAX_REPLY = 8 << 20
"""More than can be said of 1,000 frames, each seen in two ways and each of these in eight orientations."""

_WORDS = ("outcome", "reason", "media_type", "method", "locator", "transform")
_NUMBERS = ("width", "height", "frame_count", "orientation", "pdq_quality")
_LONGEST_WORDS = 200
_OUTCOMES = frozenset({Outcome.HASHED, Outcome.NOT_MEDIA, Outcome.UNDECODABLE, Outcome.TOO_LARGE})


class Garbled(Exception):
    """The child answered with something that is no answer."""


def reply_of(perceived: Perceived) -> bytes:
    """Return what the child writes for what it saw."""
    row = row_of(perceived)
    for one in (row, *row["others"]):
        for name in PERCEPTUAL:
            one[name] = None if one[name] is None else one[name].hex()
    return json.dumps(row).encode()


def perceived_of(reply: bytes) -> Perceived:
    """Return what a reply says; raise Garbled unless every field is what it must be."""
    try:
        row = json.loads(reply)
        _check(row)
        for other in row["others"]:
            _check(other)
            if None in (other["locator"], other["transform"], other["width"], other["height"]):
                raise ValueError("others")
        perceived = record_of(Perceived, row)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Garbled(type(error).__name__) from None
    if perceived.outcome not in _OUTCOMES:
        raise Garbled("outcome")
    return perceived


def _check(row: dict[str, Any]) -> None:
    """Turn hex into bytes; raise ValueError, KeyError or TypeError for a field that is not of its kind."""
    for name in _WORDS:
        words = row.get(name)
        if words is not None and not (
            words.isascii() and words.isprintable() and len(words) <= _LONGEST_WORDS
        ):
            raise ValueError(name)
    for name in _NUMBERS:
        number = row.get(name)
        if number is not None and (type(number) is not int or not 0 <= number < 1 << 31):
            raise ValueError(name)
    for name in PERCEPTUAL:
        value = None if row[name] is None else bytes.fromhex(row[name])
        if value is not None and len(value) != ALGORITHM_BYTES[name]:
            raise ValueError(name)
        row[name] = value
