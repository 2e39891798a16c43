"""The only place that says in words what snapshots of lists hold: figures, and none of their values."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scanner.hashlist.kept import Shown
    from scanner.hashlist.snapshot import Snapshot

KINDS = ("algorithm", "classification", "status")
MOST = 8
"""Kinds that are shown of each column in the table of all lists."""


def counted(counts: dict[str, int], most: int | None = None) -> str:
    """Return counts in words, the most frequent ones where there are many."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    words = [f"{name or 'none'} {count:,}" for name, count in sorted(ranked)]
    return ", ".join([*words, "..."] if most is not None and len(counts) > most else words)


def refusals(snapshot: "Snapshot") -> dict[str, int]:
    """Return how many rows were refused when a snapshot was first imported, by reason."""
    found: dict[str, Any] = snapshot.source.get("refusals", {})
    return {reason: one["count"] for reason, one in found.items()}


def columns_of(snapshot: "Snapshot") -> list[str]:
    """Return a snapshot as a row of the table of all lists."""
    return [
        snapshot.list,
        snapshot.digest[:12],
        f"{snapshot.imported_at:%Y-%m-%d %H:%M}",
        f"{snapshot.counts['entries']:,}",
        *(counted(snapshot.counts[kind], MOST) for kind in KINDS),
        f"{sum(refusals(snapshot).values()):,}",
    ]


def lines_of(shown: "Shown") -> Iterator[str]:
    """Yield what there is of one list, the newest snapshot last."""
    for snapshot, purged in shown.snapshots:
        active = ", active" if snapshot.digest == shown.active.digest else ""
        yield (
            f"{snapshot.list} {snapshot.digest[:12]}, imported {snapshot.imported_at:%Y-%m-%d %H:%M}{active}"
            + (f", purged: {purged}" if purged else "")
        )
        yield f"  {snapshot.counts['entries']:,} entries, {snapshot.counts['matched']:,} matched"
        for kind in KINDS:
            yield f"  by {kind}: {counted(snapshot.counts[kind])}"
        yield f"  refused: {counted(refusals(snapshot)) or 'none'}"
    if shown.active.checkpoint:
        said = shown.active.checkpoint
        yield f"read from {said['exchange']} ({said['environment']}) at {said['read_at'][:16]}"
    if shown.changes is not None:
        yield f"changed since {shown.changes['earlier'][:12]}:"
        yield from lines_of_changes(shown.changes)


def lines_of_changes(changes: dict[str, Any]) -> Iterator[str]:
    """Yield what became of entries from one snapshot to another."""
    for kind in ("added", "withdrawn", "changed"):
        yield f"  {kind}: {counted(changes[kind]) or 'none'}"


def told(shown: "Shown") -> dict[str, Any]:
    """Return what there is of one list as plain values."""
    return {
        "list": shown.active.list,
        "active": shown.active.digest,
        "checkpoint": shown.active.checkpoint,
        "snapshots": [
            {**snapshot.provenance(), "refusals": refusals(snapshot), "purged": purged}
            for snapshot, purged in shown.snapshots
        ],
        "changes": shown.changes,
    }
