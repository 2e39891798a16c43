"""The only place that tells a watching person or a log how far a run is."""

import contextlib
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from scanner.findings.coverage import Coverage
from scanner.records import Outcome

READ = frozenset({Outcome.HASHED, Outcome.NOT_MEDIA, Outcome.EXCLUDED, Outcome.NOT_REGULAR, Outcome.SCREENED})
"""Outcomes that are no trouble worth a word in the progress line."""

RATE_SECONDS = 600.0
"""How far back the time left is estimated from; a slice may take longer than rich's own 30 s."""


class Reporter(Protocol):
    """What a run tells while it goes on."""

    def event(self, name: str, **facts: Any) -> None:
        """Tell that something happened once, with facts that hold no key and no value of a list."""

    def listed(self, objects: int, finished: bool) -> None:
        """Tell that so many more objects were listed."""

    def scanned(self, coverage: Coverage) -> None:
        """Tell that a slice of the inventory was fingerprinted."""

    def joined(self, block: str, queries: int, candidates: int) -> None:
        """Tell that a block of queries met a shard, and with how many of its values they were compared."""

    def matched(self, objects: int, findings: int) -> None:
        """Tell that a slice of the inventory was joined."""

    def close(self) -> None:
        """Tell that nothing more comes."""


class Tally:
    """The running sums behind every reporter."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.start = clock()
        self.listed = 0
        self.listing_finished = False
        self.matched = 0
        self.findings = 0
        self.objects = 0
        self.bytes = 0
        self.trouble: Counter[str] = Counter()

    def add(self, coverage: Coverage) -> None:
        """Add one slice."""
        self.objects += coverage.objects
        self.bytes += coverage.bytes_read
        for outcome, count in coverage.outcomes.items():
            if outcome not in READ:
                self.trouble[str(outcome)] += count

    def facts(self) -> dict[str, Any]:
        """Return the sums and the rates since the start."""
        seconds = max(self.clock() - self.start, 1e-9)
        return {
            "listed": self.listed,
            "objects": self.objects,
            "bytes": self.bytes,
            "objects_per_second": round(self.objects / seconds, 1),
            "bytes_per_second": round(self.bytes / seconds),
            "findings": self.findings,
            "trouble": dict(sorted(self.trouble.items())),
            "eta_seconds": self.eta(seconds),
        }

    def eta(self, seconds: float) -> float | None:
        """Return the seconds left at the present rate, once the listing is finished."""
        if not self.listing_finished or not self.objects:
            return None
        return round((self.listed - self.objects) * seconds / self.objects, 1)


class LogReporter:
    """One JSON line per event, and one every few seconds while work goes on."""

    def __init__(
        self, stream: TextIO | None = None, every: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._every = every
        self._tally = Tally(clock)
        self._last = self._tally.start

    def event(self, name: str, **facts: Any) -> None:
        """Write one line; a log that nobody reads any more, or that has no room, ends no scan."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "event": name, **facts}, ensure_ascii=True, default=str)
        with contextlib.suppress(OSError):
            print(line, file=self._stream or sys.stderr, flush=True)

    def listed(self, objects: int, finished: bool) -> None:
        """Count what was listed."""
        self._tally.listed += objects
        self._tally.listing_finished = finished

    def scanned(self, coverage: Coverage) -> None:
        """Count a slice."""
        self._tally.add(coverage)
        self._now_and_then()

    def joined(self, block: str, queries: int, candidates: int) -> None:
        """Write one line."""
        self.event("queries joined", block=block, queries=queries, candidates=candidates)

    def matched(self, objects: int, findings: int) -> None:
        """Count findings."""
        self._tally.matched += objects
        self._tally.findings += findings
        self._now_and_then()

    def _now_and_then(self) -> None:
        now = self._tally.clock()
        if now - self._last >= self._every:
            self._last = now
            self.event("progress", **self._tally.facts())

    def close(self) -> None:
        """Write the last sums."""
        self.event("progress", **self._tally.facts())


class _Bars(Progress):
    """Bars, and below them a line of facts that is folded where it is too long: nothing is ever cut."""

    facts = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.facts:
            yield Text(self.facts, no_wrap=False, overflow="fold")


class TerminalReporter:
    """Two bars on a terminal, fingerprints and the join; below them rates, findings and trouble by kind."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._tally = Tally(clock)
        self._bars = _Bars(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            get_time=clock,
            speed_estimate_period=RATE_SECONDS,
            transient=True,
        )
        self._scan: TaskID = self._bars.add_task("fingerprint", total=None)
        self._match: TaskID = self._bars.add_task("join", total=None)
        stream = sys.stderr
        self._bars.start()
        self._turned = _turned(stream, sys.stderr)

    def event(self, name: str, **facts: Any) -> None:
        """Print one line above the bars."""
        words = " ".join(f"{key}={value}" for key, value in facts.items())
        self._bars.console.print(f"{name} {words}", markup=False, highlight=False, style="dim")

    def listed(self, objects: int, finished: bool) -> None:
        """Make the bars longer."""
        self._tally.listed += objects
        self._tally.listing_finished = finished
        for task in (self._scan, self._match):
            self._bars.update(task, total=self._tally.listed if finished else None)

    def scanned(self, coverage: Coverage) -> None:
        """Move the first bar."""
        self._tally.add(coverage)
        self._bars.facts = self._facts()
        self._bars.update(self._scan, completed=self._tally.objects)

    def joined(self, block: str, queries: int, candidates: int) -> None:
        """Say it until something else is said."""
        self._bars.facts = f"{block}: {queries:,} queries compared with {candidates:,} values"

    def matched(self, objects: int, findings: int) -> None:
        """Move the second bar."""
        self._tally.matched += objects
        self._tally.findings += findings
        self._bars.facts = self._facts()
        self._bars.update(self._match, completed=self._tally.matched)

    def _facts(self) -> str:
        facts = self._tally.facts()
        rates = f"{facts['objects_per_second']:,.0f}/s  {facts['bytes_per_second'] / 1e6:,.1f} MB/s"
        trouble = (f"{kind} {count}" for kind, count in facts["trouble"].items())
        return "  ".join([rates, f"{facts['findings']} with matches", *trouble])

    def close(self) -> None:
        """Take the bars away."""
        self._bars.stop()
        for handler, stream in self._turned:
            handler.setStream(stream)


def _turned(before: TextIO, now: TextIO) -> "list[tuple[logging.StreamHandler[TextIO], TextIO]]":
    """Let log lines take the way of all that is printed while bars are drawn, which else wipe them out.

    Returns the handlers that were turned, each with its stream of before.
    """
    handlers = [one for one in logging.root.handlers if isinstance(one, logging.StreamHandler)]
    turned = [one for one in handlers if one.stream is before and now is not before]
    for one in turned:
        one.setStream(now)
    return [(one, before) for one in turned]
