"""The only place where numba is set up: compiled code is kept per CPU, and never where others can write.

Import `njit` from here, before anything imports numba itself.
"""

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm

ROOMS = ("fingerprint", "hashlist", "match")
"""The folders beside this file that compile functions."""

F = TypeVar("F", bound=Callable[..., Any])


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return a folder for compiled code that this user alone can write, or None where there is none.

    In this order: what NUMBA_CACHE_DIR says, a folder per CPU in $HASHSWEEP_CACHE or else in the user's
    cache, a temporary folder that goes with this process.
    """
    for folder in _wanted(environ):
        if _private(folder):
            return folder
    try:
        temporary = tempfile.mkdtemp(prefix="hashsweep-")
    except OSError:
        return None
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return Path(temporary)


def _wanted(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("NUMBA_CACHE_DIR"):
        yield Path(environ["NUMBA_CACHE_DIR"])
    if environ.get("HASHSWEEP_CACHE"):
        yield Path(environ["HASHSWEEP_CACHE"]) / _machine()
    elif environ.get("XDG_CACHE_HOME"):
        yield Path(environ["XDG_CACHE_HOME"]) / "hashsweep" / _machine()
    elif environ.get("HOME"):
        yield Path(environ["HOME"]) / ".cache" / "hashsweep" / _machine()


def _machine() -> str:
    """Name all that compiled code depends on but numba's own cache key leaves out, or gets wrong.

    The sources of all rooms with kernels are part of it: compiled functions are compiled into their callers,
    and what is kept speaks of types by their names, which another version may not have.
    """
    parts = (sys.version, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    digest = hashlib.sha256("\n".join(parts).encode())
    for path in sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def sources() -> list[Path]:
    """Return the sources that compiled code may come from: this file, and the rooms of arithmetic."""
    own = Path(__file__)
    return [own, *sorted(path for room in ROOMS for path in (own.parent / room).glob("*.py"))]


def _private(folder: Path) -> bool:
    """Make a folder and say whether it can be written, by its owner only: it holds code that will be run."""
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            status = folder.stat()
    except OSError:
        return False
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


CACHE_FOLDER = cache_folder(os.environ)
if CACHE_FOLDER is not None:
    os.environ["NUMBA_CACHE_DIR"] = str(CACHE_FOLDER)  # children use the same


def wide_features(features: str) -> str | None:
    """Return the features of a CPU with vectors of 512 bits allowed, or None where they are better left out.

    Compilers hold back for the CPUs that ran slower on them; those that count bits in them do not any more.
    """
    return f"{features},-prefer-256-bit" if "+avx512vpopcntdq" in features.split(",") else None


_wide = wide_features(llvm.get_host_cpu_features().flatten())
if _wide is not None:
    os.environ.setdefault("NUMBA_CPU_FEATURES", _wide)

import numba  # noqa: E402
from numba.core import types  # noqa: E402
from numba.extending import intrinsic  # noqa: E402


def njit(function: F) -> F:
    """Compile a function on its first call, without the interpreter lock, and keep the code.

    Numbers are treated as numpy treats them (division by zero is not an exception). A function should
    only ever meet one set of argument types: numba's cache is not safe where processes compile several.
    """
    compiled = numba.njit(nogil=True, cache=CACHE_FOLDER is not None, error_model="numpy")(function)
    return cast(F, compiled)


@intrinsic
def _ctpop(typing_context: Any, word: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


popcount = cast(Callable[[Any], Any], _ctpop)
"""Count the one-bits of a uint64; only for use inside of compiled functions."""
