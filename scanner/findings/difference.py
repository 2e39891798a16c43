"""The only place where two manifests of the same targets are compared: new, gone, changed, unchecked."""

import enum
import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from scanner.errors import ManifestError
from scanner.findings.form import crowded
from scanner.records import Finding, Fingerprint, Match, ObjectRef, Outcome

MatchKey = tuple[str, str, str, str]


class State(enum.StrEnum):
    """What became of a finding between two runs."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    GONE = "gone"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Difference:
    """One finding in two runs: the newer row of it, what became of it, and why.

    `reason` is, for `gone`: object_gone, entry_withdrawn or policy_changed (or method, or thresholds);
    for `changed`: matches_added, matches_removed or severity_changed, the first that holds; for
    `unchecked`: not_listed, or the outcome for which the object was not looked at as before. `added` and
    `removed` are match keys; what was not looked at again is not removed.
    """

    finding: Finding
    state: State
    reason: str | None = None
    added: tuple[MatchKey, ...] = ()
    removed: tuple[MatchKey, ...] = ()


@dataclass(frozen=True)
class NewRun:
    """What the newer run knows beyond its findings, asked only for findings that are `lessened`.

    `fingerprint_of` gives its row for a finding_id, or None where it listed no such object version.
    `listed_whole` says whether the place where an object was found was listed to its end, versions
    included where the object has one. `has_entry` says whether its hash table holds an entry. `most` is
    how many entries its join names of a list's classification and status.
    """

    fingerprint_of: Callable[[str], Fingerprint | None]
    listed_whole: Callable[[ObjectRef], bool]
    has_entry: Callable[[MatchKey], bool]
    most: int


def compare(old: Iterable[Finding], new: Iterable[Finding], run: NewRun) -> Iterator[Difference]:
    """Yield what became of every finding of two manifests, in their order and holding one row of each.

    What the newer run did not look at is `unchecked`, never `gone`. Raises ManifestError when a manifest
    is not in its order.
    """
    for before, after in _pairs(old, new):
        if before is None and after is not None:
            yield Difference(after, State.NEW, added=_keys(after))
        elif before is not None:
            yield _absent(before, run) if after is None else _present(before, after, run)


def lessened(old: Iterable[Finding], new: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings of an older manifest that a newer one does not have, or not with every match."""
    for before, after in _pairs(old, new):
        if before is not None and (after is None or not set(_keys(before)) <= set(_keys(after))):
            yield before


def _pairs(old: Iterable[Finding], new: Iterable[Finding]) -> Iterator[tuple[Finding | None, Finding | None]]:
    sides = heapq.merge(_ascending(old, 0), _ascending(new, 1), key=lambda side: side[1].object.identity)
    for _, same in groupby(sides, key=lambda side: side[1].object.identity):
        pair = dict(same)
        yield pair.get(0), pair.get(1)


def _ascending(findings: Iterable[Finding], side: int) -> Iterator[tuple[int, Finding]]:
    last = None
    for finding in findings:
        if last is not None and finding.object.identity <= last:
            raise ManifestError("a manifest is not in its order; hashsweep verify tells more")
        last = finding.object.identity
        yield side, finding


def _keys(finding: Finding) -> tuple[MatchKey, ...]:
    return tuple(sorted({match.match_key for match in finding.matches}))


def _present(before: Finding, after: Finding, run: NewRun) -> Difference:
    added = tuple(key for key in _keys(after) if key not in _keys(before))
    removed = tuple(key for key in _keys(before) if key not in _keys(after))
    if removed:
        known = _known(before, after, run)
        removed = tuple(key for key in removed if key in known)
    if added:
        return Difference(after, State.CHANGED, "matches_added", added, removed)
    if removed:
        return Difference(after, State.CHANGED, "matches_removed", added, removed)
    if before.severity != after.severity:
        return Difference(after, State.CHANGED, "severity_changed")
    return Difference(after, State.UNCHANGED)


def _known(before: Finding, after: Finding, run: NewRun) -> set[MatchKey]:
    """Return the matches of an older finding that the newer one would name if they still were."""
    row = run.fingerprint_of(before.finding_id)
    if row is None:
        return set()
    full = crowded(after.matches, run.most) if after.matches_omitted else set()
    return {
        match.match_key
        for match in before.matches
        if _looked_at(row, match) and (match.algorithm, match.list) not in full
    }


def _absent(before: Finding, run: NewRun) -> Difference:
    """Say why a finding is no longer there; only what was looked at again can be gone."""
    removed = _keys(before)
    row = run.fingerprint_of(before.finding_id)
    if row is None and not run.listed_whole(before.object):
        return Difference(before, State.UNCHECKED, "not_listed")
    if row is None or row.outcome is Outcome.GONE:
        return Difference(before, State.GONE, "object_gone", removed=removed)
    if not all(_looked_at(row, match) for match in before.matches):
        return Difference(before, State.UNCHECKED, str(row.outcome))
    if any(run.has_entry(key) for key in removed):
        return Difference(before, State.GONE, "policy_changed", removed=removed)
    return Difference(before, State.GONE, "entry_withdrawn", removed=removed)


def _looked_at(row: Fingerprint, match: Match) -> bool:
    """Tell whether a row has the value that a match was about."""
    value: bytes | None = getattr(row, match.algorithm)
    return value is not None
