"""The only place that prepares standard output and error, and settles them when the command ends."""

import contextlib
import io
import os
import sys
from typing import Any, TextIO

from scanner.errors import Exit


class Output(io.FileIO):
    """The bytes of standard output, which remember why they could not be written."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write as files do, and keep the error: by the time it arrives, it may have any name."""
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


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
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:
        sys.stdout = _remembering(sys.stdout)


def _remembering(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    raw = Output(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=stream.line_buffering
    )


def say(message: str) -> None:
    """Print a message on standard error, if anybody reads it still."""
    with contextlib.suppress(OSError):
        print(f"hashsweep: {message}", file=sys.stderr, flush=True)  # noqa: T201 - this is the message


def settle(code: int) -> int:
    """Write out what still waits; return the exit code, which is another one where that fails."""
    failure = _flushed()
    if failure is not None:
        if not isinstance(failure, BrokenPipeError):
            say(f"standard output: cannot be written: {failure.strerror}")
        discard(sys.__stdout__)
        code = Exit.UNEXPECTED
    try:
        sys.stderr.flush()
    except OSError:
        discard(sys.__stderr__)
    return code


def _flushed() -> OSError | None:
    """Write out standard output; return why that fails, or failed before and was not told yet."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    try:
        sys.stdout.flush()
    except OSError as error:
        failure: OSError | None = error
    else:
        failure = raw.failure if isinstance(raw, Output) else None
    if isinstance(raw, Output):
        raw.failure = None
    return failure


def discard(stream: TextIO | None) -> None:
    """Send what is still written to a stream nowhere, for the interpreter flushes it once more."""
    if isinstance(stream, io.TextIOWrapper):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
