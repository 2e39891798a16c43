"""The only place that keeps Ctrl-C from tearing an import apart, which may end in any error at all."""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import NoReturn

STOPPED = 130
"""The exit code of a command that Ctrl-C ended before it had begun, as shells give it."""


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Let Ctrl-C, or a polite request to end, end the process at once with one line: nothing has begun."""
    before = {number: signal.signal(number, _end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(*_: object) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(2, b"hashsweep: stopped before it began\n")
    os._exit(STOPPED)
