"""The only place that prepares standard output and error, and settles them when the command ends."""

import contextlib
import io
import os
import sys
from typing import TextIO

from scanner.errors import Exit


def prepare() -> None:
    """Have all three standard streams, and let no character that a terminal lacks be an error.

    Without the first, a file of the workspace might be opened as standard output, and be printed into.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(message: str) -> None:
    """Print a message on standard error, if anybody reads it still."""
    with contextlib.suppress(OSError):
        print(f"hashsweep: {message}", file=sys.stderr, flush=True)  # noqa: T201 - this is the message


def settle(code: int) -> int:
    """Write out what still waits; return the exit code, which is another one where that fails."""
    try:
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            say(f"standard output: cannot be written: {error.strerror}")
        discard(sys.__stdout__)
        code = Exit.UNEXPECTED
    try:
        sys.stderr.flush()
    except OSError:
        discard(sys.__stderr__)
    return code


def discard(stream: TextIO | None) -> None:
    """Send what is still written to a stream nowhere, for the interpreter flushes it once more."""
    if isinstance(stream, io.TextIOWrapper):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
