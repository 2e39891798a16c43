"""The commands on settings."""

import typer

from scanner.cli.options import ConfigFile, WorkspaceFolder, print_json, resolve

app = typer.Typer(no_args_is_help=True, help="Settings: defaults < file < HASHSWEEP_* variables < flags.")


@app.callback()
def _section() -> None:
    pass


@app.command()
def show(config: ConfigFile = None, workspace: WorkspaceFolder = None) -> None:
    """Print every setting as it comes out, secrets masked."""
    print_json(resolve(config, workspace).shown())
