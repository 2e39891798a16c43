"""The commands on findings and their manifests."""
# ruff: noqa: PLC0415 - what takes time to import waits until a command needs it, so that help comes at once

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.options import AsJson, ConfigFile, WorkspaceFolder, console, opened, print_json, resolve
from scanner.cli.startup import starting
from scanner.errors import ConfigError, Exit


class Format(StrEnum):
    """How findings are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def findings(
    run: Annotated[str | None, typer.Argument(help="A run's id [the newest finished run].")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to write them.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a new file.")] = None,
    diff: Annotated[
        str | None,
        typer.Option(help="Tell what became of an earlier run's findings; last is the last complete one."),
    ] = None,
    redacted: Annotated[
        bool, typer.Option("--redacted", help="Leave out digests, ETags, keys and entries.")
    ] = False,
    key_file: Annotated[
        Path | None, typer.Option(help="Key of redacted ids [$HASHSWEEP_REDACTION_KEY].")
    ] = None,
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
) -> None:
    """Show or export the findings of a run. A match is not a verdict: people judge findings."""
    place = opened(resolve(config, workspace))
    with starting():
        from scanner.cli.output import (
            print_difference,
            print_findings,
            warn_incomplete,
            warn_of_other_targets,
        )
        from scanner.comparison import compare_runs
        from scanner.runs import complete_before, finished_run
    chosen = finished_run(place, run)
    if diff is None:
        warn_incomplete(chosen)
        print_findings(chosen, form, output, redacted, key_file)
        return
    if form not in (Format.TABLE, Format.JSONL) or redacted or output is not None:
        raise ConfigError("--diff goes with --format table or jsonl, and with nothing else")
    earlier = complete_before(place, chosen) if diff == "last" else finished_run(place, diff)
    for one in (earlier, chosen):
        warn_incomplete(one)
    warn_of_other_targets(earlier, chosen)
    print_difference(compare_runs(place, earlier, chosen), form)


def verify(
    manifest: Annotated[Path, typer.Argument(help="A run's folder, or its manifest.json.")],
    public_key: Annotated[str | None, typer.Option(help="The key that must have signed it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check that a manifest is what was written, byte for byte; exit 3 when it is not."""
    with starting():
        from scanner.findings.verify import verify_manifest
    result = verify_manifest(manifest, public_key)
    if as_json:
        print_json(result.to_dict())
    else:
        out = console()
        for line in (*result.problems, *result.statements):
            out.print(line)
        out.print(
            "verified" if result.holds else f"{len(result.problems)} problems: do not rely on this manifest"
        )
    raise typer.Exit(Exit.CLEAN if result.holds else Exit.INCOMPLETE)


def signing_key(
    file: Annotated[Path, typer.Argument(help="Where to put the private key, outside of the workspace.")],
) -> None:
    """Make an Ed25519 key that signs manifests, and print its public half."""
    with starting():
        from scanner.findings.signature import make_key
    typer.echo(make_key(file))
    console(stderr=True).print(f"set it in your settings: [signing] key_file = {str(file.absolute())!r}")
