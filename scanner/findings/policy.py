"""The only place where a list's policy is applied: which matches become findings, and how urgent they are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from scanner.config import ListPolicy
from scanner.records import DIGESTS, Match

REPORT = "report"
"""An exact match on an entry that its list marks illegal; it sets queue and urgency, nothing else."""

REVIEW = "review"
"""Every other finding."""

_UNCONFIGURED = ListPolicy()


@dataclass
class Dropped:
    """What policies kept from being findings: matches by the reason, and objects that lost all of theirs."""

    ignored: int = 0
    beyond_list_distance: int = 0
    objects: int = 0


@dataclass(frozen=True)
class Policies:
    """What decides which matches become findings: policies by list, and what was dropped as findings form.

    `most` is how many entries the join names of a list's classification and status.
    """

    lists: Mapping[str, ListPolicy]
    most: int
    dropped: Dropped = field(default_factory=Dropped)


def kept_match(match: Match, lists: Mapping[str, ListPolicy], dropped: Dropped) -> Match | None:
    """Return a match with the threshold that its list allows, or None where the policy drops it."""
    policy = lists.get(match.list, _UNCONFIGURED)
    own = getattr(policy, f"{match.algorithm}_max_distance", None)  # digests have none
    threshold = match.threshold if own is None else min(match.threshold, own)
    if match.classification in policy.ignore:
        dropped.ignored += 1
        return None
    if match.distance > threshold:
        dropped.beyond_list_distance += 1
        return None
    return replace(match, threshold=threshold)


def severity_of(matches: Iterable[Match], lists: Mapping[str, ListPolicy]) -> str:
    """Return the severity of a finding from the matches that its policies kept."""
    return REPORT if any(_reportable(match, lists) for match in matches) else REVIEW


def _reportable(match: Match, lists: Mapping[str, ListPolicy]) -> bool:
    policy = lists.get(match.list, _UNCONFIGURED)
    sure = match.algorithm in DIGESTS and match.entry_status == "active"
    return sure and not policy.user_submitted and match.classification in policy.illegal
