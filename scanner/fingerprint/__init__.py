"""Fingerprints of bytes and pixels: pure arithmetic that knows no store and no clock."""

from scanner.fingerprint.perception import (
    DECODERS,
    Perceived,
    Told,
    fingerprint,
    methods,
    methods_of,
    perceive,
    recorded,
)

__all__ = ["DECODERS", "Perceived", "Told", "fingerprint", "methods", "methods_of", "perceive", "recorded"]
