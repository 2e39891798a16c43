"""Write docs/commands.md: what `--help` of every command says, so that it can be read without installing.

.venv/bin/python docs/commands.py > docs/commands.md
"""

import os
import sys
from collections.abc import Iterator
from typing import Any

WIDTH = 100


def helps(command: Any, path: str, parent: Any = None) -> Iterator[str]:
    """Yield a section for a command and for those below it."""
    context = command.make_context(path.rpartition(" ")[2], [], parent=parent, resilient_parsing=True)
    text = "\n".join(line.rstrip() for line in command.get_help(context).strip().splitlines())
    yield f"## {path}\n\n```\n{text}\n```\n"
    for name, below in getattr(command, "commands", {}).items():
        yield from helps(below, f"{path} {name}", context)


def page() -> str:
    """Return the whole page."""
    os.environ.update(COLUMNS=str(WIDTH), TERMINAL_WIDTH=str(WIDTH))
    from typer.main import get_command  # noqa: PLC0415 - reads the width when it is imported

    from scanner.cli.commands import app  # noqa: PLC0415

    sections = list(helps(get_command(app), "hashsweep"))
    return "# Commands\n\nMade by `docs/commands.py`; a test holds it to the program.\n\n" + "\n".join(
        sections
    )


if __name__ == "__main__":
    sys.stdout.write(page())
