"""Keys and signatures."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from scanner.errors import ConfigError
from scanner.findings.signature import holds, load_key, make_key, parse_public_key, public_key_of, sign

DIGEST = "ab" * 32


def pem(key, password=None):
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def private(path, data):
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def test_a_made_key_is_private_and_signs(tmp_path):
    path = tmp_path / "keys" / "key.pem"
    public = make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    key = load_key(path, tmp_path / "workspace")
    assert public_key_of(key) == public == parse_public_key(f" {public.upper()}\n")
    assert holds(sign(DIGEST, key), DIGEST)


def test_a_key_is_never_overwritten(tmp_path):
    make_key(tmp_path / "key.pem")
    before = (tmp_path / "key.pem").read_bytes()
    with pytest.raises(ConfigError, match="never overwritten"):
        make_key(tmp_path / "key.pem")
    assert (tmp_path / "key.pem").read_bytes() == before


def test_a_key_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        make_key(tmp_path / "file" / "key.pem")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601])
def test_a_key_that_others_can_touch_is_refused(tmp_path, mode):
    make_key(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_key(tmp_path / "key.pem")


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_of_its_owner_alone_is_taken(tmp_path, mode):
    make_key(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(mode)
    assert load_key(tmp_path / "key.pem")


def test_a_key_inside_of_the_workspace_is_refused_by_link_as_well(tmp_path):
    workspace = tmp_path / "workspace"
    make_key(workspace / "keys" / "key.pem")
    (tmp_path / "link.pem").symlink_to(workspace / "keys" / "key.pem")
    for path in (workspace / "keys" / "key.pem", tmp_path / "link.pem", workspace / ".." / "link.pem"):
        with pytest.raises(ConfigError, match="outside of the workspace"):
            load_key(path, workspace)


def test_a_workspace_behind_a_link_is_the_same_workspace(tmp_path):
    make_key(tmp_path / "real" / "key.pem")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="outside of the workspace"):
        load_key(tmp_path / "real" / "key.pem", tmp_path / "link")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no key",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(ed25519.Ed25519PrivateKey.generate(), b"password"),
    ],
    ids=["empty", "text", "broken", "another algorithm", "encrypted"],
)
def test_what_is_no_plain_ed25519_key_is_said(tmp_path, data):
    with pytest.raises(ConfigError, match="not an unencrypted Ed25519 private key") as error:
        load_key(private(tmp_path / "key.pem", data))
    assert "PRIVATE KEY-----" not in str(error.value)


def test_missing_and_special_files_are_said_and_do_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="no such key file"):
        load_key(tmp_path / "none.pem")
    with pytest.raises(ConfigError, match="not a regular file"):
        load_key(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="not a regular file"):
        load_key(tmp_path)


def test_a_signature_holds_for_its_digest_and_key_alone(tmp_path):
    make_key(tmp_path / "a"), make_key(tmp_path / "b")
    signature = sign(DIGEST, load_key(tmp_path / "a"))
    assert not holds(signature, "cd" * 32)
    other = public_key_of(load_key(tmp_path / "b"))
    for name, value in (
        ("public_key", other),
        ("public_key", signature["public_key"].upper()),
        ("public_key", ""),
        ("public_key", "00" * 32),
        ("value", signature["value"].upper()),
        ("value", signature["value"][:-2] + "ff"),
        ("value", "z" * 128),
        ("algorithm", "ED25519"),
    ):
        assert not holds({**signature, name: value}, DIGEST)


def test_anybody_can_check_a_signature_with_any_ed25519_program(tmp_path):
    public = make_key(tmp_path / "key")
    signature = sign(DIGEST, load_key(tmp_path / "key"))
    verifier = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    verifier.verify(bytes.fromhex(signature["value"]), f"hashsweep manifest 1 {DIGEST}".encode())
    assert signature["algorithm"] == "ed25519"


def test_reading_keys_leaves_no_file_open(tmp_path):
    make_key(tmp_path / "key")
    (tmp_path / "shared").write_bytes(b"")
    before = set(Path("/proc/self/fd").iterdir())
    load_key(tmp_path / "key")
    for bad in (tmp_path / "shared", tmp_path):
        with pytest.raises(ConfigError):
            load_key(bad)
    assert set(Path("/proc/self/fd").iterdir()) == before


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "a" * 63, "a" * 65])
def test_what_is_no_public_key_is_said(text):
    with pytest.raises(ConfigError, match="64 hex digits"):
        parse_public_key(text)
