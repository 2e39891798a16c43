"""The only place where a list is brought up to date from its exchange: all of it that is new, or nothing.

What was read so far lies beside the list until the whole reading is there; then it becomes a snapshot, and
how far the exchange was read is kept in the same moment. So a reading that is stopped goes on, and half of
one is never a list.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scanner.errors import ConfigError
from scanner.hashlist.exchanges import journal as journals
from scanner.hashlist.exchanges import stopncii, windows
from scanner.hashlist.exchanges.journal import Journal
from scanner.hashlist.exchanges.ncmec import Ncmec
from scanner.hashlist.exchanges.stopncii import StopNcii
from scanner.hashlist.exchanges.wire import Wire, utc_text
from scanner.hashlist.importer import Pulled, import_list
from scanner.hashlist.report import ImportReport
from scanner.hashlist.snapshot import Snapshot, active_snapshot, check_name
from scanner.list_policy import ListPolicy, Sync
from scanner.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SETTLED = timedelta(seconds=60)
"""Age of the latest entries that are asked for: what is being written now is read the next time."""

OVERLAP = timedelta(minutes=10)
"""What is read again of the last reading, for an exchange may have written something late."""

FORGETS = timedelta(days=30)
"""Age of a reading beyond which StopNCII may have forgotten withdrawals: the list is read anew."""

YOUNG = timedelta(hours=24)
"""Age up to which a reading that was stopped goes on."""


@dataclass(frozen=True)
class Synced:
    """What a synchronisation came to: its imports, one more where an earlier reading was finished first."""

    imports: tuple[ImportReport, ...]
    from_start: bool


def sync_list(
    workspace: Workspace,
    name: str,
    policy: ListPolicy,
    wire: Wire,
    from_start: bool = False,
    accept_changes: bool = False,
) -> Synced:
    """Bring a list up to date from its exchange. One at a time (`Workspace.lock`).

    Read anew from the start, it becomes what the exchange holds, and what the exchange no longer names is no
    longer an entry. Raises ExchangeError where the exchange cannot be read, HashListError as `import_list`
    does; the same command goes on from there.
    """
    check_name(name)
    sync = policy.exchange(name)
    known = active_snapshot(workspace, name)
    if not from_start:
        _refuse_other_exchange(name, sync, known)
    now = wire.around.now()
    if from_start or known is None or not known.checkpoint or _forgotten(known, now):
        since, whole = _begin(sync), True
    else:
        since, whole = known.checkpoint["next"], False
    folder = workspace.lists / name / "sync"
    imports = []
    source = f"{sync.exchange} {sync.url}"
    earlier = _continued(folder, source, since, now)
    from_start = whole
    while True:
        journal = earlier or journals.begin(folder, source, since, _end(sync, now))
        following = _pull(sync, wire, journal)
        checkpoint = {
            "exchange": sync.exchange,
            "url": sync.url,
            "environment": sync.environment,
            "next": following,
            "read_at": now.isoformat(),
        }
        pulled = Pulled(journal.files(), checkpoint, whole)
        imports.append(import_list(workspace, name, pulled, policy, sync.exchange, now, accept_changes))
        journals.drop(folder)
        if earlier is None:
            return Synced(tuple(imports), from_start)
        earlier, since, whole = None, following, False


def _refuse_other_exchange(name: str, sync: Sync, known: Snapshot | None) -> None:
    """Refuse to mix what two exchanges, or two lists of one, call by the same ids."""
    said = {} if known is None else known.checkpoint
    for field in ("exchange", "url"):
        if said and said[field] != getattr(sync, field):
            raise ConfigError(
                f"list {name}: was read from another exchange ({said['environment']}) than settings name; "
                "give the list of this one a name of its own, or read it anew: --from-start"
            )


def _forgotten(known: Snapshot, now: datetime) -> bool:
    read_at = datetime.fromisoformat(known.checkpoint["read_at"])
    return known.checkpoint["exchange"] == "stopncii" and now - read_at > FORGETS


def _begin(sync: Sync) -> str:
    return utc_text(EPOCH) if sync.exchange == "ncmec" else str(stopncii.START)


def _end(sync: Sync, now: datetime) -> str:
    return utc_text(now - SETTLED) if sync.exchange == "ncmec" else utc_text(now)


def _continued(folder: Path, source: str, since: str, now: datetime) -> Journal | None:
    """Return the reading that was stopped, where it began where this one would, and not long ago."""
    journal = journals.begun(folder)
    if journal is None or (journal.source, journal.since) != (source, since):
        return None
    return journal if now - datetime.fromisoformat(journal.until) < YOUNG else None


def _pull(sync: Sync, wire: Wire, journal: Journal) -> str:
    """Read all of a range, and return where the next one begins."""
    if sync.exchange == "ncmec":
        windows.pull(Ncmec(wire), journal, wire.around)
        return utc_text(datetime.fromisoformat(journal.until) - OVERLAP)
    upper = stopncii.pull(StopNcii(wire), journal, wire.around)
    return str(max(stopncii.START, upper - int(OVERLAP.total_seconds())))
