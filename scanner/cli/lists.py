"""The commands on hash lists; none of them prints a value."""
# ruff: noqa: PLC0415 - what takes time to import waits until a command needs it, so that help comes at once

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.options import AsJson, ConfigFile, WorkspaceFolder, console, opened, print_json, resolve
from scanner.cli.startup import starting

if TYPE_CHECKING:
    from scanner.config import Config
    from scanner.hashlist.snapshot import Snapshot

FORMATS = "csv, json, jsonl, parquet, pdq"
"""Those that `scanner.hashlist.formats` reads; importing it takes time that help must not take."""

app = typer.Typer(no_args_is_help=True, help="Hash lists: import, look at, check.")


@app.callback()
def _section() -> None:
    pass


@app.command("import")
def import_(
    name: Annotated[str, typer.Argument(help="The list's name here, such as iwf or ncmec.")],
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, JSON, JSON Lines or Parquet, whose columns settings can map, or another format."
        ),
    ],
    format_: Annotated[str | None, typer.Option("--format", help=f"One of {FORMATS} [by extension].")] = None,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Accept many removals or refusals.")
    ] = False,
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Import a hash list: validate it, keep it as an immutable snapshot, make it the active one."""
    settings = resolve(config, workspace)
    with starting():
        from scanner.hashlist.importer import import_list
        from scanner.workspace import Workspace
    place = Workspace(settings.workspace).create()
    with place.lock("lists"):
        report = import_list(
            place, name, file, settings.policy(name), format_, datetime.now(UTC), accept_changes
        )
    if as_json:
        print_json(report.to_dict())
        return
    out = console()
    out.print(report.describe())
    for line in _policy_words(settings, name, report.snapshot.counts["classification"].get("", 0)):
        out.print(line)


def _policy_words(settings: "Config", name: str, unclassified: int) -> list[str]:
    """Say what this list's entries may lead to, where that is less than a newcomer would think."""
    policy = settings.policy(name)
    words = []
    if not policy.illegal:
        words.append(f"[lists.{name}] names no `illegal` classification: every match asks for review only.")
    if policy.after_confirmation == "nothing":
        words.append(
            f"[lists.{name}] after_confirmation is `nothing`: no finding of it may lead to takedown."
        )
    elif unclassified:
        words.append(
            f"{unclassified:,} entries have no classification: nothing may follow from what they alone match."
        )
    return words


@app.command()
def show(config: ConfigFile = None, workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """Show the active snapshot of every list by counts."""
    settings = resolve(config, workspace)
    with starting():
        from rich.table import Table

        from scanner.hashlist.snapshot import active_snapshots
    snapshots = active_snapshots(opened(settings))
    if as_json:
        print_json([one.provenance() for one in snapshots])
        return
    table = Table("list", "snapshot", "imported", "entries", "by algorithm", "by status", box=None)
    for one in snapshots:
        table.add_row(*_cells(one))
    console().print(table)


def _cells(snapshot: "Snapshot") -> list[str]:
    def joined(counts: dict[str, int]) -> str:
        return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))

    counts = snapshot.counts
    return [
        snapshot.list,
        snapshot.digest[:12],
        f"{snapshot.imported_at:%Y-%m-%d %H:%M}",
        f"{counts['entries']:,}",
        joined(counts["algorithm"]),
        joined(counts["status"]),
    ]
