"""The only place where fingerprints and their matches become findings."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from scanner.findings.policy import REPORT, REVIEW, Policies, kept_match, severity_of
from scanner.records import DIGESTS, Finding, Fingerprint, Match, Outcome


def form_findings(
    fingerprints: Iterable[Fingerprint],
    matches: Iterable[Match],
    omitted: Mapping[str, int],
    policies: Policies,
    run_id: str,
    known: Mapping[str, str],
) -> Iterator[Finding]:
    """Yield a finding for every fingerprint that keeps a match, in the order of the fingerprints.

    `omitted` counts the matches that the join left out, and `known` holds the run that first saw a
    finding, both by finding_id. Raises ValueError, at the end, when a match belongs to none of the
    fingerprints: a finding would be lost in silence.
    """
    kept: defaultdict[str, list[Match]] = defaultdict(list)
    for match in matches:
        kept[match.finding_id].append(match)
    met = set()
    for fingerprint in fingerprints:
        finding_id = fingerprint.object.finding_id
        met.add(finding_id)
        matched = set(kept.get(finding_id, ()))
        own = ordered(m for m in (kept_match(m, policies.lists, policies.dropped) for m in matched) if m)
        policies.dropped.objects += bool(matched) and not own
        if own:
            severity, first = severity_of(own, policies.lists), known.get(finding_id, run_id)
            left_out = omitted.get(finding_id, 0) if crowded(own, policies.most) else 0
            yield _finding(fingerprint, own, severity, first, left_out)
    if strangers := kept.keys() - met:
        raise ValueError(f"{len(strangers)} objects have matches but no fingerprint")


def _finding(
    fingerprint: Fingerprint, matches: tuple[Match, ...], severity: str, first_seen_run: str, omitted: int
) -> Finding:
    return Finding(
        finding_id=fingerprint.object.finding_id,
        object=fingerprint.object,
        sha256=fingerprint.sha256,
        media_type=fingerprint.media_type,
        outcome=fingerprint.outcome,
        severity=severity,
        cluster_id=cluster_of(fingerprint.sha256),
        first_seen_run=first_seen_run,
        matches=matches,
        matches_omitted=omitted,
    )


def cluster_of(sha256: bytes | None) -> str | None:
    """Return 64 bits, in hex, that objects of the same bytes share; None where not all bytes were read."""
    if sha256 is None:
        return None
    return hashlib.sha256(b"hashsweep cluster 1" + sha256).hexdigest()[:16]


def crowded(matches: Iterable[Match], most: int) -> set[tuple[str, str]]:
    """Return algorithm and list of which the join may have left out matches like these.

    It names the nearest `most` entries of a list's classification and status. Where fewer of them became
    matches of a finding, what it left out lies further off than what the policy drops, or is ignored.
    """
    kinds = Counter((m.algorithm, m.list, m.classification, m.entry_status) for m in set(matches))
    return {(algorithm, name) for (algorithm, name, *_), count in kinds.items() if count >= most}


def ordered(matches: Iterable[Match]) -> tuple[Match, ...]:
    """Return the matches, each once, in the order of a finding: exact ones first, then by distance."""
    return tuple(sorted(set(matches), key=_order))


def _order(match: Match) -> tuple[bool, int, tuple[str, ...], str, str, str]:
    near = match.algorithm not in DIGESTS
    return (near, match.distance, match.match_key, match.locator, match.transform, match.snapshot)


def united(findings: Sequence[Finding]) -> Finding:
    """Return one finding for rows of the same object version, as overlapping targets yield them.

    The row that read the most stands; matches are joined, and the more urgent severity holds.
    """
    fullest = min(findings, key=_unread)
    return replace(
        fullest,
        severity=REPORT if any(finding.severity == REPORT for finding in findings) else REVIEW,
        matches=ordered(match for finding in findings for match in finding.matches),
        matches_omitted=max(finding.matches_omitted for finding in findings),
    )


def _unread(finding: Finding) -> tuple[bool, bool, str]:
    return (finding.sha256 is None, finding.outcome is not Outcome.HASHED, finding.outcome)
