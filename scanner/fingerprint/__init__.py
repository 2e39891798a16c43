"""Fingerprints of bytes and pixels: pure arithmetic that knows no store and no clock."""

from scanner.fingerprint.perception import (
    DECODERS,
    METHODS,
    Perceived,
    Told,
    fingerprint,
    perceive,
    recorded,
)

__all__ = ["DECODERS", "METHODS", "Perceived", "Told", "fingerprint", "perceive", "recorded"]
