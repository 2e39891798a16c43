"""The only place where a list's policy is applied: which matches become findings, and how urgent they are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from scanner.list_policy import ListPolicy
from scanner.records import BY, DIGESTS, Match

REPORT = "report"
"""An exact match on an entry that its list marks illegal; it sets queue and urgency, nothing else."""

REVIEW = "review"
"""Every other finding."""

IGNORE = "ignore"
"""What never becomes a finding."""

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

    `most` is how many entries the join names of a list's classification and status, for each member that is
    told apart.
    """

    lists: Mapping[str, ListPolicy]
    most: int
    dropped: Dropped = field(default_factory=Dropped)


def kept_match(match: Match, lists: Mapping[str, ListPolicy], dropped: Dropped) -> Match | None:
    """Return a match with the threshold that its list allows, or None where the policy drops it."""
    policy = lists.get(match.list, _UNCONFIGURED)
    own = policy.distance(match.member, match.algorithm)
    threshold = match.threshold if own is None else min(match.threshold, own)
    if policy.act_of(match.member, match.scheme, match.classification) == IGNORE:
        dropped.ignored += 1
        return None
    if match.distance > threshold:
        dropped.beyond_list_distance += 1
        return None
    return replace(match, threshold=threshold)


def severity_of(matches: Iterable[Match], lists: Mapping[str, ListPolicy]) -> str:
    """Return the severity of a finding from the matches that its policies kept.

    Report takes an exact match on an entry that acts so, and as many sources that vouch for such entries as
    its policy asks for, whatever their lists: one mistaken upload need not accuse anybody.
    """
    illegal = [match for match in matches if _reportable(match, lists)]
    sources = {source for match in illegal for source in _sources(match)}
    enough = any(len(sources) >= lists[match.list].agreement(match.member) for match in illegal)
    return REPORT if enough else REVIEW


def _reportable(match: Match, lists: Mapping[str, ListPolicy]) -> bool:
    policy = lists.get(match.list, _UNCONFIGURED)
    sure = match.algorithm in DIGESTS and match.entry_status == "active"
    acts = policy.act_of(match.member, match.scheme, match.classification) == REPORT
    return sure and acts and not policy.submitted(match.member)


def _sources(match: Match) -> set[tuple[str, str]]:
    """Return who vouches for an entry: its member, and those that its tags name, each of one list."""
    others = (tag.removeprefix(BY) for tag in match.tags if tag.startswith(BY))
    return {(match.list, name) for name in (match.member, *others)}
