"""The only place where findings go to a terminal, a pipe or a new file."""

import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import typer
from rich.table import Table

from scanner.cli import streams
from scanner.cli.findings import Format
from scanner.cli.options import console
from scanner.errors import ConfigError
from scanner.findings import export
from scanner.findings.difference import Difference, State
from scanner.findings.export import Row
from scanner.findings.manifest import read_findings, read_manifest
from scanner.findings.redact import RedactedFinding, redact, redaction_key
from scanner.findings.row import line_of, plain_row
from scanner.records import Finding
from scanner.runs import RunFolder


def warn_incomplete(run: RunFolder) -> None:
    """Say on standard error that a run did not come to its end whole: what it does not show may be there."""
    provenance = read_manifest(run.path)["provenance"]
    if not provenance.get("complete"):
        streams.say(f"run {run.run_id} is incomplete; what it did not read may hold more:")
        for reason in provenance.get("incomplete_because", ()):
            console(stderr=True).print(f"  {reason}")


def warn_of_other_targets(earlier: RunFolder, run: RunFolder) -> None:
    """Say on standard error that two runs did not scan the same: much will be new or unchecked."""
    if earlier.header["target_key"] != run.header["target_key"]:
        streams.say(
            f"run {earlier.run_id} scanned other targets than run {run.run_id}, or chose other objects"
        )


def print_findings(
    run: RunFolder, form: Format, output: Path | None, redacted: bool, key_file: Path | None
) -> None:
    """Write a run's findings in a format, on standard output or into a file that was not there."""
    told = read_findings(run.path)
    rows: Iterable[Row] = redact(told, redaction_key(os.environ, key_file)) if redacted else told
    record = RedactedFinding if redacted else Finding
    if form is Format.TABLE:
        if output is not None:
            raise ConfigError("--output needs a --format that a program reads: jsonl, csv or parquet")
        table = export.display(rows)
        if not table.row_count:
            streams.say(f"no findings in run {run.run_id}")
        else:
            console().print(table)
        return
    if output is None and form is Format.PARQUET and sys.stdout.isatty():
        raise ConfigError("Parquet is not for a terminal; add --output FILE")
    write = export.WRITERS[form]
    if output is None:
        write(rows, sys.stdout.buffer, record)
        sys.stdout.buffer.flush()
        return
    with _new_file(output) as file:
        write(rows, file, record)


def print_difference(differences: Iterable[Difference], form: Format) -> None:
    """Print what became of findings: the unchanged ones as a number, unless a program reads it."""
    counts: Counter[State] = Counter()
    table = Table("state", "reason", "bucket and key", box=None, pad_edge=False)
    for one in differences:
        counts[one.state] += 1
        if form is Format.JSONL:
            typer.echo(line_of(_plain(one)), nl=False)
        elif one.state is not State.UNCHANGED:
            ref = one.finding.object
            table.add_row(one.state, one.reason or "", export.visible(f"{ref.bucket}/{ref.key}"))
    if form is Format.TABLE:
        console().print(table)
        console().print(", ".join(f"{counts[state]:,} {state}" for state in State))


def _plain(one: Difference) -> dict[str, Any]:
    row = plain_row(one.finding)
    return {**row, "state": str(one.state), "reason": one.reason, "added": one.added, "removed": one.removed}


def _new_file(path: Path) -> BinaryIO:
    """Open a file that was not there, readable by its owner alone."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError:
        raise ConfigError(f"{path}: exists; findings are never written over a file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
