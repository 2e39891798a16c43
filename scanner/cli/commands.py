"""The only place where a command line becomes a call."""

import logging
import os
import sys
from typing import Annotated

import typer

from scanner.cli import config, lists
from scanner.cli.demo import demo
from scanner.cli.findings import findings, signing_key, verify
from scanner.cli.rematch import rematch
from scanner.cli.scan import scan
from scanner.version import VERSION

app = typer.Typer(
    name="hashsweep",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Find known abuse imagery in object stores by fingerprint. A match is not a verdict.",
)
app.add_typer(lists.app, name="lists")
app.add_typer(config.app, name="config")
app.command("scan")(scan)
app.command("rematch")(rematch)
app.command("findings")(findings)
app.command("verify")(verify)
app.command("signing-key")(signing_key)
app.command("demo")(demo)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hashsweep {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Say more; twice for all.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")] = False,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    level = logging.ERROR if quiet else (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for chatty in ("boto3", "botocore", "urllib3", "distributed", "numba", "PIL", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    os.umask(0o077)
