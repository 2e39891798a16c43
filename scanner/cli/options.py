"""The only place where the options that several commands share are declared and resolved."""
# ruff: noqa: PLC0415 - what takes time to import waits until a command needs it, so that help comes at once

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanner.cli.startup import starting

if TYPE_CHECKING:
    from rich.console import Console

    from scanner.config import Config
    from scanner.workspace import Workspace

WIDTH = 160
"""Columns of a table that is written to a file or a pipe."""

ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", envvar="HASHSWEEP_CONFIG", help="Settings, a TOML file.")
]
WorkspaceFolder = Annotated[
    Path | None, typer.Option("--workspace", "-w", help="Where lists, tables and runs lie [./workspace].")
]
AcceptChanges = Annotated[bool, typer.Option("--accept-changes", help="Accept many removals or refusals.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def resolve(config: Path | None, workspace: Path | None, overrides: dict[str, Any] | None = None) -> "Config":
    """Return the settings of file, environment and flags."""
    with starting():
        from scanner.config import load
    return load(config, None, {"workspace": workspace, **(overrides or {})})


def opened(config: "Config") -> "Workspace":
    """Return the workspace, which must exist."""
    with starting():
        from scanner.workspace import Workspace
    return Workspace(config.workspace).open()


def near(path: Path) -> Path:
    """Return a path as a person would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def print_json(value: Any) -> None:
    """Print JSON in plain ASCII, which every terminal and every pipe carries as it is."""
    typer.echo(json.dumps(value, indent=2))


def console(stderr: bool = False) -> "Console":
    """Return a console that leaves text as it is; colours follow the terminal and NO_COLOR."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True)
