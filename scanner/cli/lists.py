"""The commands on hash lists; none of them prints a value."""
# ruff: noqa: PLC0415 - what takes time to import waits until a command needs it, so that help comes at once

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import exchange
from scanner.cli.options import (
    AcceptChanges,
    AsJson,
    ConfigFile,
    WorkspaceFolder,
    console,
    opened,
    print_json,
    resolve,
)
from scanner.cli.startup import starting

if TYPE_CHECKING:
    from scanner.config import Config

FORMATS = "csv, json, jsonl, ncmec, parquet, pdq, stopncii, tat, threatexchange, vics"
"""Those that `scanner.hashlist.formats` reads; importing it takes time that help must not take."""

app = typer.Typer(no_args_is_help=True, help="Hash lists: import, look at, check.")


@app.callback()
def _section() -> None:
    pass


@app.command("import")
def import_(
    name: Annotated[str, typer.Argument(help="The list's name here, such as iwf or ncmec.")],
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="CSV, JSON, JSON Lines or Parquet, whose columns settings can map, or another format.",
        ),
    ],
    format_: Annotated[str | None, typer.Option("--format", help=f"One of {FORMATS} [by extension].")] = None,
    accept_changes: AcceptChanges = False,
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
            place, name, files, settings.policy(name), format_, datetime.now(UTC), accept_changes
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
def show(
    name: Annotated[
        str | None, typer.Argument(help="A list whose snapshots are all shown [all lists].")
    ] = None,
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show lists by counts; of one list all snapshots, what was refused, and what its last import changed."""
    place = opened(resolve(config, workspace))
    with starting():
        from rich.table import Table

        from scanner.cli.shown import columns_of, lines_of, told
        from scanner.hashlist.kept import shown
        from scanner.hashlist.snapshot import active_snapshots
    if name is not None:
        details = shown(place, name)
        if as_json:
            print_json(told(details))
            return
        for line in lines_of(details):
            console().print(line)
        return
    snapshots = active_snapshots(place)
    if as_json:
        print_json([one.provenance() for one in snapshots])
        return
    titles = ("list", "snapshot", "imported", "entries", "by algorithm", "by classification", "by status")
    table = Table(*titles, "refused", box=None)
    for one in snapshots:
        table.add_row(*columns_of(one))
    console().print(table)


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Lists [all].")] = None,
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Read every snapshot of lists, and say which are not what was imported; exit code 3 if any."""
    place = opened(resolve(config, workspace))
    with starting():
        from scanner.errors import Exit
        from scanner.hashlist.kept import lists_of, verified
    found = list(verified(place, names or lists_of(place)))
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        for one in found:
            whole = "whole, active" if one.active else "whole"
            state = one.problem or (f"purged: {one.purged}" if one.purged else whole)
            console().print(f"{one.list} {one.digest[:12]}: {state}")
    if any(one.problem for one in found):
        raise typer.Exit(Exit.INCOMPLETE)


@app.command()
def diff(
    name: Annotated[str, typer.Argument(help="The list's name.")],
    earlier: Annotated[
        str | None, typer.Argument(help="How a snapshot's digest begins [the one before the active one].")
    ] = None,
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Tell how the active snapshot of a list differs from an earlier one, in figures by algorithm."""
    place = opened(resolve(config, workspace))
    with starting():
        from scanner.cli.shown import lines_of_changes
        from scanner.hashlist.kept import before_active, changes, chosen
    before, active = before_active(place, name)
    if earlier is not None:
        before = chosen(place, name, earlier)
    said = changes(place, before, active)
    if as_json:
        print_json(said)
        return
    since = "nothing" if before is None else before.digest[:12]
    console().print(f"{name}: from {since} to {active.digest[:12]}")
    for line in lines_of_changes(said):
        console().print(line)


@app.command()
def prune(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Lists [all].")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only told.")] = False,
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Remove the values of earlier snapshots that are older than their retention, or were withdrawn."""
    settings = resolve(config, workspace)
    place = opened(settings)
    with starting():
        from scanner.hashlist.kept import lists_of
        from scanner.hashlist.purge import every_plan, purge
    with place.lock("lists"), place.lock("scan"):
        now = datetime.now(UTC)
        plan = every_plan(place, settings.lists, names or lists_of(place), now)
        if yes:
            purge(place, plan, now)
    if as_json:
        told = [{"list": p.snapshot.list, "digest": p.snapshot.digest, "reason": p.reason} for p in plan]
        print_json({"done": yes, "snapshots": told})
        return
    for one in plan:
        verb = "purged" if yes else "would be purged"
        console().print(f"{one.snapshot.list} {one.snapshot.digest[:12]} {verb}: {one.reason}")
    if not plan:
        console().print("nothing to prune")
    elif not yes:
        console().print("nothing was changed; --yes does it")


app.command("sync")(exchange.sync)
app.add_typer(exchange.app, name="exchange")
