"""The only place where cryptographic digests of an object's bytes are made."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Digests:
    """MD5 (16 bytes), SHA-1 (20) and SHA-256 (32) of the same bytes."""

    md5: bytes
    sha1: bytes
    sha256: bytes


class Digester:
    """Takes an object's bytes chunk by chunk; hashlib leaves the interpreter to others meanwhile."""

    def __init__(self) -> None:
        # MD5 and SHA-1 are what the lists hold; nothing here rests on their strength.
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def update(self, chunk: bytes) -> None:
        """Add the next bytes."""
        self._md5.update(chunk)
        self._sha1.update(chunk)
        self._sha256.update(chunk)

    def digests(self) -> Digests:
        """Return the digests of everything so far."""
        return Digests(self._md5.digest(), self._sha1.digest(), self._sha256.digest())


def digests_of(data: bytes) -> Digests:
    """Return the digests of bytes that are all there."""
    digester = Digester()
    digester.update(data)
    return digester.digests()
