"""The only place that counts what was read and what was not, and decides what that makes of a run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scanner.errors import Exit
from scanner.records import GAPS, INCOMPLETE, PERCEPTUAL, Fingerprint, Outcome

K = TypeVar("K")

OTHER_REASONS = "(other reasons)"

_MOST_REASONS = 500
_NOT_MEANT = frozenset({Outcome.EXCLUDED, Outcome.NOT_REGULAR})
_NOT_UNSEEN = _NOT_MEANT | {Outcome.GONE}
_PLAIN_TYPES = (None, "application/octet-stream")


@dataclass(frozen=True)
class Coverage:
    """Counts over fingerprint rows; `+` joins those of two parts.

    `outcomes` and `bytes` count objects and their listed sizes by outcome, `reasons` objects by outcome
    and reason, `unseen_objects` and `unseen_bytes` what was never looked inside, by sniffed media type
    (`unknown` where nothing was read). Beyond 500 reasons, the rarest are counted together.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    unseen_objects: Counter[str] = field(default_factory=Counter)
    unseen_bytes: Counter[str] = field(default_factory=Counter)
    bytes_read: int = 0

    @property
    def objects(self) -> int:
        """Number of rows."""
        return self.outcomes.total()

    @property
    def meant(self) -> int:
        """Number of objects that were meant to be read: all but excluded and not regular ones."""
        return self.objects - sum(self.outcomes[outcome] for outcome in _NOT_MEANT)

    @property
    def gap_share(self) -> float:
        """Share of the objects meant to be read that are gaps, 0 to 1."""
        return sum(self.outcomes[outcome] for outcome in GAPS) / self.meant if self.meant else 0.0

    @property
    def gone_share(self) -> float:
        """Share of the objects meant to be read that were no longer there, 0 to 1."""
        return self.outcomes[Outcome.GONE] / self.meant if self.meant else 0.0

    def __add__(self, other: "Coverage") -> "Coverage":
        return Coverage(
            _sum(self.outcomes, other.outcomes),
            _sum(self.bytes, other.bytes),
            _bounded(_sum(self.reasons, other.reasons)),
            _sum(self.unseen_objects, other.unseen_objects),
            _sum(self.unseen_bytes, other.unseen_bytes),
            self.bytes_read + other.bytes_read,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON values."""
        reasons: dict[str, dict[str, int]] = {}
        for (outcome, reason), count in sorted(self.reasons.items()):
            reasons.setdefault(outcome, {})[reason] = count
        return {
            "objects": self.objects,
            "outcomes": dict(sorted(self.outcomes.items())),
            "bytes": dict(sorted(self.bytes.items())),
            "bytes_read": self.bytes_read,
            "reasons": reasons,
            "unseen": {
                name: {"objects": count, "bytes": self.unseen_bytes[name]}
                for name, count in sorted(self.unseen_objects.items())
            },
        }


def coverage_from(counts: Mapping[str, Any]) -> Coverage:
    """Return the coverage whose plain values these are: the inverse of `to_dict`."""
    reasons = {
        (outcome, reason): count
        for outcome, counted in counts["reasons"].items()
        for reason, count in counted.items()
    }
    unseen = counts["unseen"].items()
    return Coverage(
        Counter(counts["outcomes"]),
        Counter(counts["bytes"]),
        Counter(reasons),
        Counter({name: said["objects"] for name, said in unseen}),
        Counter({name: said["bytes"] for name, said in unseen}),
        counts["bytes_read"],
    )


def coverage_of(fingerprints: Iterable[Fingerprint]) -> Coverage:
    """Return the coverage of fingerprint rows."""
    outcomes, sizes, unseen, unseen_sizes = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    reasons, bytes_read = Counter[tuple[str, str]](), 0
    for row in fingerprints:
        outcome, size = str(row.outcome), row.object.size
        outcomes[outcome] += 1
        sizes[outcome] += size
        bytes_read += row.bytes_read
        if row.reason is not None:
            reasons[outcome, row.reason] += 1
        if not looked_inside(row) and row.outcome not in _NOT_UNSEEN:
            unseen[row.media_type or "unknown"] += 1
            unseen_sizes[row.media_type or "unknown"] += size
    return Coverage(outcomes, sizes, _bounded(reasons), unseen, unseen_sizes, bytes_read)


def looked_inside(row: Fingerprint) -> bool:
    """Tell whether an object was seen as a picture, or was read whole and has nothing to look into.

    A video, a sound, an archive or a document is not looked into, although its digests are matched.
    """
    if row.outcome is Outcome.HASHED:
        return any(getattr(row, name) is not None for name in (*PERCEPTUAL, "width"))
    return row.outcome is Outcome.NOT_MEDIA and row.sha256 is not None and row.media_type in _PLAIN_TYPES


def reconcile(listed: int, coverage: Coverage) -> list[str]:
    """Return what is wrong where the listed objects are not the ones that have an outcome."""
    difference = listed - coverage.objects
    if not difference:
        return []
    words = "have no outcome" if difference > 0 else "more have an outcome than were listed"
    return [f"{listed} object versions were listed and {abs(difference)} {words}"]


def conclude(
    listed: Mapping[str, int],
    coverage: Coverage,
    findings: int,
    gap_tolerance: float,
    listing_finished: bool,
    allow_empty: bool,
    stale_lists: Sequence[str],
) -> tuple[Exit, list[str]]:
    """Return the exit code of a run, with the reasons where it is incomplete, which goes before findings.

    `listed` counts the listed object versions of each target by its address; `gap_tolerance` is the
    largest share of gaps (0 to 1, inclusive) among the objects that were meant to be read.
    """
    reasons = reconcile(sum(listed.values()), coverage)
    if not listing_finished:
        reasons.append("the listing is not finished")
    if not allow_empty:
        reasons += [
            f"{target}: no objects; if that is right, --allow-empty" for target, n in listed.items() if not n
        ]
    reasons += [
        f"{coverage.outcomes[outcome]} objects {outcome}"
        for outcome in sorted(INCOMPLETE)
        if coverage.outcomes[outcome]
    ]
    if coverage.gap_share > gap_tolerance:
        reasons.append(_gap_words(coverage, gap_tolerance))
    if coverage.gone_share > gap_tolerance:
        reasons.append(
            f"{coverage.outcomes[Outcome.GONE]} of {coverage.meant} objects were gone when they were read; "
            f"is the store the one that was listed? run.gap_tolerance allows {gap_tolerance:.2%}"
        )
    if coverage.objects and not coverage.meant and not allow_empty:
        reasons.append(
            "nothing was meant to be read: every listed object is excluded; if that is right, --allow-empty"
        )
    reasons += [f"{name}: older than its max_age_hours" for name in stale_lists]
    if reasons:
        return Exit.INCOMPLETE, reasons
    return (Exit.FINDINGS if findings else Exit.CLEAN), []


def _gap_words(coverage: Coverage, gap_tolerance: float) -> str:
    gaps = ", ".join(
        f"{coverage.outcomes[outcome]} {outcome}" for outcome in sorted(GAPS) if coverage.outcomes[outcome]
    )
    share = f"{coverage.gap_share:.2%} of {coverage.meant} objects could not be looked at ({gaps})"
    return f"{share}; run.gap_tolerance allows {gap_tolerance:.2%}"


def _sum(one: Counter[K], other: Counter[K]) -> Counter[K]:
    total = one.copy()
    total.update(other)
    return total


def _bounded(reasons: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Count the rarest reasons together where there are too many to carry; totals stay."""
    if len(reasons) <= _MOST_REASONS:
        return reasons
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    kept = Counter(dict(ranked[: _MOST_REASONS // 2]))
    for (outcome, _), count in ranked[_MOST_REASONS // 2 :]:
        kept[outcome, OTHER_REASONS] += count
    return kept
