"""The command that scans."""
# ruff: noqa: PLC0415 - what takes time to import waits until a command needs it, so that help comes at once

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanner.cli.options import AsJson, ConfigFile, WorkspaceFolder, console, print_json, resolve
from scanner.cli.startup import starting
from scanner.errors import Exit

if TYPE_CHECKING:
    from scanner.conclusion import Conclusion
    from scanner.config import Config

Insecure = Annotated[
    bool, typer.Option("--insecure-scheduler", help="Accept a scheduler without encryption.")
]
AllowEmpty = Annotated[bool, typer.Option("--allow-empty", help="An empty target is no trouble.")]
ExitZero = Annotated[bool, typer.Option("--exit-zero-on-findings", help="Exit 0 where findings would be 1.")]


def scan(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET", help="s3://bucket/prefix or file:///directory.")
    ] = None,
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="none (this process), local, tls://HOST:PORT or tcp://HOST:PORT [local]."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes of local, decoder processes of none [one per core].")
    ] = None,
    insecure_scheduler: Insecure = False,
    include: Annotated[
        list[str] | None, typer.Option(help="Read only keys that match (* crosses /).")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave out keys that match.")] = None,
    sample: Annotated[int | None, typer.Option(help="List at most so many objects of each target.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Address of an S3 store other than AWS.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of your AWS configuration.")] = None,
    read_all: Annotated[bool, typer.Option("--read-all", help="Digest also what is no media.")] = False,
    allow_empty: AllowEmpty = False,
    exit_zero_on_findings: ExitZero = False,
    as_json: AsJson = False,
) -> None:
    """Scan objects, and write a manifest of what matches; the same command continues a stopped run.

    Exit codes: 0 complete and clean, 1 complete with findings, 2 bad usage or settings, 3 incomplete,
    4 unexpected error.
    """
    overrides: dict[str, Any] = {
        "scheduler.address": scheduler,
        "scheduler.workers": workers,
        "scheduler.allow_insecure": insecure_scheduler or None,
        "select.include": include or None,
        "select.exclude": exclude or None,
        "select.sample": sample,
        "fetch.read_all": read_all or None,
        "run.allow_empty": allow_empty or None,
        "run.exit_zero_on_findings": exit_zero_on_findings or None,
    }
    access = {"endpoint_url": endpoint_url, "profile": profile}
    given = {key: value for key, value in access.items() if value is not None}
    raise typer.Exit(_scanned(resolve(config, workspace, overrides), targets or [], given, as_json))


def _scanned(config: "Config", targets: list[str], access: dict[str, str], as_json: bool) -> Exit:
    """Scan, say what came of it, and return the exit code."""
    with starting():
        from scanner.cli.run import run, with_targets
    settings = with_targets(config, targets, access)
    return concluded(run(settings), settings, as_json)


def concluded(conclusion: "Conclusion", settings: "Config", as_json: bool) -> Exit:
    """Say what came of a run, and return the exit code."""
    from scanner.cli.report import print_conclusion

    if as_json:
        print_json(conclusion.summary())
    else:
        print_conclusion(conclusion, console())
    allowed = conclusion.exit_code is Exit.FINDINGS and settings.run.exit_zero_on_findings
    return Exit.CLEAN if allowed else conclusion.exit_code
