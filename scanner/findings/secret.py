"""The only place where the files of secret keys are read: private, regular, outside of the workspace."""

import os
import stat
from pathlib import Path

from scanner.errors import ConfigError

_MAX_BYTES = 65_536


def read_secret(path: Path, workspace: Path | None = None) -> bytes:
    """Return the bytes of a key file; raise ConfigError when anybody but its owner could read it.

    A key inside `workspace` is refused: who can change a manifest there could sign it anew.
    """
    if workspace is not None and path.resolve().is_relative_to(workspace.resolve()):
        raise ConfigError(f"{path}: keys lie outside of the workspace {workspace}; move the file")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such key file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError(f"{path}: not a regular file")
        if mode & 0o077:
            raise ConfigError(f"{path}: others than its owner have access to this key; chmod 600 {path}")
        return os.read(handle, _MAX_BYTES)
    finally:
        os.close(handle)
