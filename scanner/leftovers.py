"""The only place that removes what killed processes left in a workspace under temporary names."""

import contextlib
import itertools
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

OLD_SECONDS = 86_400.0
"""What is temporary and of this age belongs to nobody who still lives."""

_FILE = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")
_TABLE = re.compile(r"\.[0-9a-f]{12}\.[a-z0-9_]{8}\.tmp")
_PROBE = re.compile(r"\.probe-[0-9a-f]{16}")


def remove_files(root: Path, folders: Iterable[Path], before: float) -> None:
    """Remove half-written files directly in `root`, and anywhere in `folders`, that are older."""
    own = itertools.islice(os.walk(root), 1)  # what else lies in there is not ours to look through
    for folder, _, names in itertools.chain(own, *map(os.walk, folders)):
        _remove((Path(folder, name) for name in names if _FILE.fullmatch(name)), before)


def remove_tables(folder: Path, before: float) -> None:
    """Remove half-built tables, or deltas, in which nothing changed since; they hold values of lists."""
    for path in folder.iterdir():
        if _TABLE.fullmatch(path.name) and _newest(path) < before:
            shutil.rmtree(path, ignore_errors=True)


def remove_probes(root: Path, before: float) -> None:
    """Remove the files by which workers see a workspace; only for who holds the lock of scans.

    A scan may run for weeks, and workers that come late look for its probe.
    """
    _remove((path for path in root.iterdir() if _PROBE.fullmatch(path.name)), before)


def _remove(paths: Iterable[Path], before: float) -> None:
    for path in paths:
        with contextlib.suppress(OSError):  # another process may have removed it
            if path.lstat().st_mtime < before:
                path.unlink()


def _newest(folder: Path) -> float:
    """Return when a folder or one within it last changed; never for what is gone, or is a file."""
    try:
        return max(Path(path).lstat().st_mtime for path, _, _ in os.walk(folder))
    except (OSError, ValueError):
        return float("inf")
