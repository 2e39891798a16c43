"""The only place where the credentials of an exchange are found: a private file, or the environment."""

import base64
import stat
from collections.abc import Mapping
from pathlib import Path

from scanner.errors import ConfigError
from scanner.list_policy import Sync

VARIABLES = {
    "ncmec": ("NCMEC_USERNAME", "NCMEC_PASSWORD"),
    "stopncii": ("STOPNCII_FUNCTION_KEY", "STOPNCII_SUBSCRIPTION_KEY"),
}


def headers_of(sync: Sync, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that carry the credentials; raise ConfigError, which never quotes them."""
    first, second = _secrets(sync, environ)
    if sync.exchange == "ncmec":
        return {"Authorization": "Basic " + base64.b64encode(f"{first}:{second}".encode()).decode()}
    return {"x-functions-key": first, "Ocp-Apim-Subscription-Key": second}


def _secrets(sync: Sync, environ: Mapping[str, str]) -> tuple[str, str]:
    names = VARIABLES[sync.exchange]
    if sync.credentials_file is None:
        found = [environ.get(name, "") for name in names]
        if not all(found):
            raise ConfigError(
                f"no credentials: set {' and '.join(names)}, or credentials_file in the settings"
            )
    else:
        found = _of_file(sync.credentials_file, sync.exchange)
    first, second = found
    if not (first + second).isprintable():
        raise ConfigError("the credentials hold characters that no header can carry")
    return first, second


def _of_file(file: Path, exchange: str) -> list[str]:
    try:
        mode, text = file.stat().st_mode, file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: the credentials cannot be read ({type(error).__name__})") from None
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"{file}: others may read the credentials; take that away: chmod 600")
    found = text.strip().split(":", 1) if exchange == "ncmec" else text.split()
    if len(found) != 2 or not all(found):
        form = "one line user:password" if exchange == "ncmec" else "two lines, a key each"
        raise ConfigError(f"{file}: holds no credentials of this exchange; they are {form}")
    return found
