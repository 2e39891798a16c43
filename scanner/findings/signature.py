"""The only place where manifests are signed and signatures checked: Ed25519 over the manifest's digest."""

import re
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from scanner.errors import ConfigError
from scanner.findings.secret import read_secret
from scanner.workspace import put_once

ALGORITHM = "ed25519"

_PUBLIC = re.compile(r"[0-9a-f]{64}")
_VALUE = re.compile(r"[0-9a-f]{128}")


def make_key(path: Path) -> str:
    """Put a new private key, readable by its owner alone, and return its public key as text.

    Raises ConfigError when the file exists or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        new = put_once(path, pem)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    if not new:
        raise ConfigError(f"{path}: exists; a key is never overwritten, choose another name")
    return public_key_of(key)


def load_key(path: Path, workspace: Path | None = None) -> Ed25519PrivateKey:
    """Return the private key of a PEM file; raise ConfigError when it is none or is not kept private."""
    try:
        key = serialization.load_pem_private_key(read_secret(path, workspace), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(
            f"{path}: not an unencrypted Ed25519 private key in PEM; `hashsweep signing-key FILE` makes one"
        )
    return key


def public_key_of(key: Ed25519PrivateKey) -> str:
    """Return the public key of a private one as 64 hex digits."""
    return key.public_key().public_bytes_raw().hex()


def parse_public_key(text: str) -> str:
    """Return a public key in its one spelling; raise ConfigError when the text is none."""
    text = text.strip().lower()
    if not _PUBLIC.fullmatch(text):
        raise ConfigError("a public key is 64 hex digits, as `hashsweep signing-key FILE` prints it")
    return text


def sign(digest: str, key: Ed25519PrivateKey) -> dict[str, str]:
    """Return the signature block over a manifest's digest."""
    value = key.sign(_message(digest))
    return {"algorithm": ALGORITHM, "public_key": public_key_of(key), "value": value.hex()}


def holds(signature: Mapping[str, str], digest: str) -> bool:
    """Tell whether a signature block is the one that its public key's owner made over this digest."""
    public, value = signature["public_key"], signature["value"]
    well_formed = _PUBLIC.fullmatch(public) and _VALUE.fullmatch(value)
    if signature["algorithm"] != ALGORITHM or not well_formed:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(
            bytes.fromhex(value), _message(digest)
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def _message(digest: str) -> bytes:
    return f"hashsweep manifest 1 {digest}".encode()
