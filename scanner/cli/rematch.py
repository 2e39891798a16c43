"""The command that matches stored fingerprints with new lists."""
# ruff: noqa: PLC0415 - what takes time to import waits until a command needs it, so that help comes at once

from typing import Annotated, Any

import typer

from scanner.cli.options import AsJson, ConfigFile, WorkspaceFolder, resolve
from scanner.cli.scan import ExitZero, Insecure, concluded
from scanner.cli.startup import starting


def rematch(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET", help="As they were scanned.")
    ] = None,
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="none (this process), local, tls://HOST:PORT or tcp://HOST:PORT [local]."),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes of local [one per core].")] = None,
    insecure_scheduler: Insecure = False,
    exit_zero_on_findings: ExitZero = False,
    as_json: AsJson = False,
) -> None:
    """Match what the last run of the targets fingerprinted with the lists of today; no object is read.

    It writes a manifest of its own, as a scan does: new entries find what is stored, and matches of withdrawn
    entries are gone. Exit codes are those of a scan; 2 also where no run of the targets is finished.
    """
    overrides: dict[str, Any] = {
        "scheduler.address": scheduler,
        "scheduler.workers": workers,
        "scheduler.allow_insecure": insecure_scheduler or None,
        "run.exit_zero_on_findings": exit_zero_on_findings or None,
    }
    settings = resolve(config, workspace, overrides)
    with starting():
        from scanner.cli.run import run, with_targets
        from scanner.rematch import start_rematch
    settings = with_targets(settings, targets or [], {})
    raise typer.Exit(concluded(run(settings, start_rematch), settings, as_json))
