"""Run `main` with a command that goes wrong, once for each word of standard input; print what came of each.

It runs as a program of its own, because `main` takes over signals, logging and the process's end.
"""

import contextlib
import io
import json
import sys
from typing import Annotated

import typer

from scanner import errors
from scanner.cli import main
from scanner.cli.commands import app

FAILURES = {
    **{
        name: one
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, Exception)
    },
    "ZeroDivisionError": ZeroDivisionError,
    "OSError": OSError,
}


@app.command("fail")
def fail(name: str, text: Annotated[str, typer.Argument()] = "where: what; what to do") -> None:
    raise FAILURES[name](text)


def ran(arguments):
    """Return how `main` ended with these arguments."""
    sys.argv = ["hashsweep", *arguments]
    out, err = io.StringIO(), io.StringIO()
    code = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    print(json.dumps([ran(arguments) for arguments in json.load(sys.stdin)]))
