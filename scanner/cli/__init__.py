"""The only place where a failure becomes one message and an exit code.

It imports nothing that takes time, so that no moment is left in which Ctrl-C shows a traceback.
"""

import logging
import os
import signal
import sys
import threading
from typing import NoReturn

from scanner.cli import streams
from scanner.cli.startup import STOPPED, starting
from scanner.errors import Exit, HashsweepError


def main() -> NoReturn:
    """Run the command line; every failure is one message on standard error and an exit code."""
    with starting():
        streams.prepare()
        from scanner.cli.commands import app  # noqa: PLC0415 - under guard
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(standalone_mode=True)
        code: int = Exit.CLEAN
    except SystemExit as end:
        code = _code_of(end)
    except HashsweepError as error:
        streams.say(str(error))
        code = error.exit_code
    except Exception as error:
        logging.getLogger("hashsweep").info("unexpected error", exc_info=True)
        code = Exit.UNEXPECTED
        if streams.settle(Exit.CLEAN) is Exit.CLEAN:  # else it was about standard output, and was told
            # Its text is for -v alone: it may hold keys of objects, or values of lists.
            streams.say(f"unexpected error: {type(error).__name__}\n{_MORE}")
    _leave(streams.settle(code))


_MORE = "run it again with -v before the command to see what and where; that may show keys of objects"


def _code_of(end: SystemExit) -> int:
    if isinstance(end.__context__, BrokenPipeError):  # typer and rich end with 1, which means findings
        streams.discard(sys.__stdout__)
        return Exit.UNEXPECTED
    if end.code == STOPPED:
        streams.say("stopped")
    return end.code if isinstance(end.code, int) else Exit.CLEAN if end.code is None else Exit.UNEXPECTED


def _interrupt(*_: object) -> NoReturn:
    """Treat a polite request to end as Ctrl-C."""
    raise KeyboardInterrupt


def _leave(code: int) -> NoReturn:
    worker = sys.modules.get("scanner.worker")  # not there unless the command needed it
    if worker and any(thread.name.startswith(worker.READERS) for thread in threading.enumerate()):
        os._exit(code)  # a thread that still waits for a slow store must not hold the exit
    sys.exit(code)
