"""The command that shows the whole line on a made store."""
# ruff: noqa: PLC0415 - what takes time to import waits until a command needs it, so that help comes at once

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.startup import starting


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="A new or earlier demo folder.")] = Path(
        "demo"
    ),
    scheduler: Annotated[str, typer.Option(help="none or local.")] = "local",
) -> None:
    """Make a store of benign pictures and a list of some, scan it, and say what came of it."""
    with starting():
        from scanner.cli.tour import show_line
    show_line(folder, scheduler)
