"""The commands that speak with the exchange of a list; none of them prints a value or a credential."""
# ruff: noqa: PLC0415 - what takes time to import waits until a command needs it, so that help comes at once

import os
import random
import re
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from scanner.errors import ConfigError, HashListError

if TYPE_CHECKING:
    from scanner.config import Config
    from scanner.hashlist.exchanges.ncmec import Ncmec
    from scanner.hashlist.exchanges.wire import Around, Wire
    from scanner.list_policy import Sync

app = typer.Typer(
    no_args_is_help=True, help="NCMEC's exchange: who we are there, feedback, large fingerprints."
)

Name = Annotated[str, typer.Argument(help="The list's name here.")]
Member = Annotated[str, typer.Argument(help="The id of the member whose entry it is.")]
Entry = Annotated[str, typer.Argument(help="The entry's id.")]


@app.callback()
def _section() -> None:
    pass


def sync(
    name: Name,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Read all anew, and drop what the exchange no longer names.")
    ] = False,
    accept_changes: AcceptChanges = False,
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Bring a list up to date from its exchange, [lists.NAME.sync] in the settings; stopped, it goes on."""
    settings = resolve(config, workspace)
    with starting():
        from scanner.hashlist.sync import sync_list
        from scanner.workspace import Workspace
    wire = _wire(settings.policy(name).exchange(name))
    place = Workspace(settings.workspace).create()
    with place.lock("lists"):
        synced = sync_list(place, name, settings.policy(name), wire, from_start, accept_changes)
    if as_json:
        print_json({"from_start": synced.from_start, "imports": [one.to_dict() for one in synced.imports]})
        return
    out = console()
    if synced.from_start:
        out.print("read from the start")
    for one in synced.imports:
        out.print(one.describe())


def _wire(sync: "Sync") -> "Wire":
    with starting():
        from scanner.hashlist.exchanges.credentials import headers_of
        from scanner.hashlist.exchanges.wire import Wire
    return Wire(sync.url, headers_of(sync, os.environ), _around())


def _around() -> "Around":
    with starting():
        from scanner.hashlist.exchanges.wire import Around
    return Around(lambda: datetime.now(UTC), time.sleep, random.random)


def _ncmec(settings: "Config", name: str) -> "Ncmec":
    with starting():
        from scanner.hashlist.exchanges.ncmec import Ncmec
    found = settings.policy(name).exchange(name)
    if found.exchange != "ncmec":
        raise ConfigError(f"list {name}: its exchange is {found.exchange}, which has no such call")
    return Ncmec(_wire(found))


@app.command()
def about(
    name: Name,
    kind: Annotated[
        str, typer.Option("--type", help="Kind of hash whose feedback reasons are shown.")
    ] = "MD5",
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show who we are at the exchange, its members and categories, and what feedback may say."""
    exchange = _ncmec(resolve(config, workspace), name)
    account, members = exchange.status(), exchange.members()
    categories, reasons = exchange.categorizations(), exchange.feedback_reasons(kind)
    if as_json:
        print_json(
            {
                "account": asdict(account),
                "members": members,
                "categorizations": [asdict(one) for one in categories],
                "feedback_reasons": [asdict(one) for one in reasons],
            }
        )
        return
    out = console()
    out.print(f"{account.username}: member {account.member}, {account.name}")
    for title, lines in (
        ("members", [f"{one}  {text}" for one, text in sorted(members.items())]),
        ("categories", [f"{one.guid}  {one.group}: {one.name}" for one in categories]),
        (f"feedback reasons for {kind}", [f"{one.guid}  {one.name}" for one in reasons]),
    ):
        out.print(f"{title}:")
        for line in lines or ["none"]:
            out.print(f"  {line}")


@app.command()
def feedback(
    name: Name,
    member: Member,
    entry: Entry,
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="Kind of hash that it is about, such as MD5.")],
    confirm: Annotated[
        str,
        typer.Option("--confirm", help="The environment of the settings, so that nothing goes elsewhere."),
    ],
    reasons: Annotated[
        list[str] | None, typer.Option("--reason", help="Guid of what is wrong; none means that it is right.")
    ] = None,
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
) -> None:
    """Tell the exchange that a hash of an entry is right, or why it is not; this is sent."""
    settings = resolve(config, workspace)
    exchange, environment = _ncmec(settings, name), settings.policy(name).exchange(name).environment
    if confirm != environment:
        raise ConfigError(f"--confirm: the settings send this to {environment!r}; say that, or change them")
    exchange.give_feedback(member, entry, kind, reasons or [])
    console().print(f"{environment}: told of {kind} of entry {entry} of member {member}")


@app.command()
def fingerprints(
    name: Name,
    member: Member,
    entry: Entry,
    folder: Annotated[Path, typer.Argument(help="Where the files go, for your eyes alone.")],
    config: ConfigFile = None,
    workspace: WorkspaceFolder = None,
) -> None:
    """Fetch the large fingerprints of an entry, which are only linked, for tools that compare such."""
    settings = resolve(config, workspace)
    place = opened(settings)
    with starting():
        from scanner.hashlist.kept import entry_times
        from scanner.workspace import make_folder, replace
    times = entry_times(place, name, member, entry)
    if not times:
        raise HashListError(f"list {name}: has no entry {entry!r} of member {member!r} that says its time")
    exchange, count = _ncmec(settings, name), 0
    for kind, body in exchange.large_fingerprints(member, entry, max(times)):
        file = make_folder(folder) / (re.sub("[^a-z0-9-]", "", kind.lower()) or "fingerprint")
        replace(file, body)
        count += 1
        console().print(f"{file}: {len(body):,} bytes")
    if not count:
        console().print("the exchange links no large fingerprints of this entry")
