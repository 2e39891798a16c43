"""The only place where a run gets this machine's clock, randomness, terminal, and who does the work."""

import random
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from scanner.cli.options import console
from scanner.conclusion import Conclusion, conclude_sweep
from scanner.config import Config, Scheduler, Target, reached
from scanner.errors import ConfigError, IncompleteRun
from scanner.findings.signature import load_key
from scanner.hashlist.building import Builder, plainly
from scanner.plain import PlainLoop
from scanner.progress import LogReporter, Reporter, TerminalReporter
from scanner.retry import Retry
from scanner.scan import Executor, Surroundings, Sweep, start
from scanner.target import place_of, places_of, refuse_workspace_inside
from scanner.worker import Spec
from scanner.workspace import Workspace

Engine = Callable[[Spec], AbstractContextManager[Executor]]


def with_targets(config: Config, urls: list[str], access: dict[str, str]) -> Config:
    """Return the settings with the command line's targets; one that the file names keeps its own."""
    targets = [_target(config, url) for url in urls] or list(config.targets)
    return config.model_copy(update={"targets": tuple(reached(target, access) for target in targets)})


def _target(config: Config, url: str) -> Target:
    """Return the target of the settings that is this place, however written, or a new one."""
    new = Target(url=url)
    where = _where(new)
    known = [t for t in config.targets if t.url == url or (where is not None and _where(t) == where)]
    if len(known) > 1:
        stores = ", ".join(sorted({target.store or "aws" for target in known}))
        raise ConfigError(
            f"{url}: names {len(known)} targets of the settings (stores {stores}); leave it out to scan all "
            "targets, or use settings that have one of them alone"
        )
    return known[0] if known else new


def _where(target: Target) -> tuple[str, str, str] | None:
    """Return what makes two addresses one place; nothing for an address that is none, which is told later."""
    try:
        place = place_of(target)
    except ConfigError:
        return None
    return place.scheme, place.bucket, place.prefix


def run(config: Config, begin: Callable[[Config, Workspace, Surroundings], Sweep] = start) -> Conclusion:
    """Run the line, from its beginning on, with this machine's clock, randomness and terminal."""
    workspace = Workspace(config.workspace)
    refuse_workspace_inside(places_of(config.targets), workspace)
    workspace.create()
    key = None if config.signing.key_file is None else load_key(config.signing.key_file, workspace.root)
    engine = engine_of(config.scheduler, workspace.root)
    around = Surroundings(
        lambda: datetime.now(UTC),
        lambda: secrets.token_hex(3),
        retry_of(config),
        reporter(),
        builder_of(config.scheduler, workspace.root),
    )
    try:
        with workspace.lock("scan"):
            workspace.remove_probes()
            sweep = begin(config, workspace, around)
            try:
                with engine(Spec(sweep.config, sweep.table.path)) as executor:
                    coverage = sweep.fingerprint(executor)
                    sweep.match(executor)
                return conclude_sweep(sweep, coverage, key, around.now())
            except KeyboardInterrupt:
                raise IncompleteRun(sweep.stopped()) from None
    finally:
        around.reporter.close()


def engine_of(settings: Scheduler, workspace: Path) -> Engine:
    """Return who does the work; Dask is imported only when it does."""
    if settings.address == "none":
        return PlainLoop
    from jobs import dask_engine  # noqa: PLC0415 - the plain loop works without an engine

    return dask_engine(settings, workspace)


def builder_of(settings: Scheduler, workspace: Path) -> Builder:
    """Return who makes the shards of a table that is large."""
    if settings.address == "none":
        return plainly
    from jobs import dask_builder  # noqa: PLC0415 - as above

    return dask_builder(settings, workspace)


def retry_of(config: Config) -> Retry:
    """Return how transient trouble is met."""
    fetch = config.fetch
    return Retry(fetch.attempts, fetch.backoff_seconds, fetch.max_backoff_seconds, time.sleep, random.random)


def reporter() -> Reporter:
    """Return bars on a terminal, JSON lines elsewhere."""
    return TerminalReporter(console(stderr=True)) if sys.stderr.isatty() else LogReporter()
