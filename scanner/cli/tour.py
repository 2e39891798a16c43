"""The only place that shows a newcomer the whole line on a made store."""

import contextlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scanner.cli.options import console, near
from scanner.cli.report import print_conclusion
from scanner.cli.run import run
from scanner.config import Config, load
from scanner.demo import DemoStore, make_list, make_store
from scanner.errors import WorkspaceError
from scanner.findings.export import display
from scanner.findings.manifest import read_findings
from scanner.hashlist.importer import import_list
from scanner.hashlist.report import ImportReport
from scanner.workspace import Workspace, make_folder

SETTINGS = """\
# The settings of this demo; every key is explained in the configs/ folder of hashsweep's source.
workspace = {workspace}

[[targets]]
url = {url}

[lists.demo]
illegal = ["A"]

[run]
part_objects = 100
gap_tolerance = 0.1

[scheduler]
address = "local"
"""


def show_line(folder: Path, scheduler: str) -> None:
    """Make a store and a list in a folder, import the list, scan the store, and say what came of it."""
    out = console()
    with _making(folder):
        settings = _prepared(folder)
        config = load(settings, None, {"scheduler.address": scheduler})
        store = make_store(folder)
        rows = make_list(folder / "demo-list.csv", store)
    out.print(
        f"made {folder / 'store'}, and {folder / 'demo-list.csv'} with {rows} values of some of its pictures"
    )
    report = _imported(config, folder / "demo-list.csv")
    out.print(f"\n$ hashsweep lists import demo {folder / 'demo-list.csv'} -c {settings}")
    out.print(report.describe())
    out.print(f"\n$ hashsweep scan -c {settings}")
    conclusion = run(config)
    print_conclusion(conclusion, out)
    found = list(read_findings(conclusion.folder))
    _print_recall(store, (finding.object.identity[2] for finding in found), out)
    out.print("\nthe first findings:")
    out.print(display(found, limit=8))
    _print_next(settings, config, conclusion.folder, out)


@contextlib.contextmanager
def _making(folder: Path) -> Iterator[None]:
    """Say of a folder that takes no demo which one it is and why, and not just the error of some file."""
    try:
        yield
    except OSError as error:
        if isinstance(error, WorkspaceError):
            raise
        words = f"no demo can be made there: {error.strerror}; name a new folder where you may write"
        raise WorkspaceError(f"{folder}: {words}") from None


def _imported(config: Config, file: Path) -> ImportReport:
    workspace = Workspace(config.workspace).create()
    with workspace.lock("lists"):
        return import_list(workspace, "demo", file, config.policy("demo"), None, datetime.now(UTC))


def _prepared(folder: Path) -> Path:
    """Write the demo's settings into its folder, which must be new, empty, or an earlier demo's."""
    Workspace(folder / "workspace")  # a name that a workspace cannot have is refused before anything is made
    settings = folder / "demo.toml"
    if folder.exists() and not settings.exists() and any(folder.iterdir()):
        raise WorkspaceError(f"{folder}: is not empty and not an earlier demo; name another folder")
    make_folder(folder.absolute())
    root = folder.absolute()
    values = {"workspace": str(root / "workspace"), "url": (root / "store").as_uri()}
    settings.write_text(SETTINGS.format(**{name: _toml(value) for name, value in values.items()}))
    settings.chmod(0o600)
    return settings


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _print_recall(store: DemoStore, found: Iterable[bytes], out: Console) -> None:
    table = Table("copies", "found", "of", box=None, pad_edge=False)
    keys = set(found)
    for kind, (seen, total) in store.recall(keys).items():
        table.add_row(kind, str(seen), str(total))
    extra = len(keys - {expected.key for expected in store.expected})
    table.add_row("anything else", str(extra), "0")
    out.print()
    out.print(table)


def _print_next(settings: Path, config: Config, folder: Path, out: Console) -> None:
    workspace = near(config.workspace)
    out.print("\nwhat to do next:")
    for command in (
        f"hashsweep findings -w {workspace}",
        f"hashsweep findings -w {workspace} --format csv -o findings.csv",
        f"hashsweep verify {near(folder)}",
        f"hashsweep scan -c {settings}        # again: nothing is read twice",
        "hashsweep lists import NAME FILE && hashsweep scan s3://your-bucket --sample 1000",
    ):
        out.print(f"  {command}")
