"""Joins of fingerprints with hash tables: arithmetic on arrays, without stores and clocks."""

from scanner.match.hamming import hamming_join

__all__ = ["hamming_join"]
