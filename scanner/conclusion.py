"""The only place where a run ends: findings, provenance, manifest, exit code."""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scanner.errors import Exit, ManifestError
from scanner.findings.coverage import Coverage, conclude
from scanner.findings.form import form_findings
from scanner.findings.manifest import first_seen, read_manifest, write_manifest
from scanner.findings.parts import put_parts
from scanner.findings.policy import Dropped, Policies
from scanner.hashlist.snapshot import stale
from scanner.inventory import reconcile
from scanner.records import Finding
from scanner.runs import finished_before
from scanner.scan import Sweep
from scanner.slices import read_fingerprints, read_matches
from scanner.version import VERSION

_TOLD = ("rematch_of", "inventory", "coverage", "expected_false_matches")
"""What of a manifest's provenance is told at the end of a run."""


@dataclass(frozen=True)
class Conclusion:
    """What a run came to: the manifest's header, and the exit code with its reasons."""

    folder: Path
    exit_code: Exit
    reasons: list[str]
    manifest: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """Return what a program wants to know of the run; it holds no key and no digest of an object."""
        provenance = self.manifest["provenance"]
        return {
            "run_id": self.manifest["run_id"],
            "exit_code": int(self.exit_code),
            "reasons": self.reasons,
            "folder": str(self.folder),
            "manifest_digest": self.manifest["digest"],
            "rows_digest": self.manifest["rows_digest"],
            "counts": self.manifest["counts"],
            **{name: provenance[name] for name in _TOLD},
        }


def conclude_sweep(
    sweep: Sweep, coverage: Coverage, key: Ed25519PrivateKey | None, now: datetime
) -> Conclusion:
    """Form the findings of a run, write its manifest, and decide what it came to."""
    past, dropped = _past(sweep), Dropped()
    _, reasons = _judged(sweep, coverage, 0, now)
    header = write_manifest(
        sweep.run.path,
        findings_of(sweep, past.first_seen, dropped),
        {**_provenance(sweep, coverage, reasons, now), "left_aside": past.left_aside},
        past.previous,
        key,
        dropped=dropped,
    )
    exit_code, reasons = _judged(sweep, coverage, header["counts"]["findings"], now)
    return Conclusion(sweep.run.path, exit_code, reasons, header)


@dataclass
class _Past:
    """What a run needs to know of those before it: the manifest to link to, and which run first saw what.

    `left_aside` names the runs whose manifests cannot be read; one of them must not end all scans for good.
    """

    previous: dict[str, Any] | None = None
    first_seen: dict[str, str] = field(default_factory=dict)
    left_aside: list[str] = field(default_factory=list)


def _past(sweep: Sweep) -> _Past:
    """Look back over the earlier runs of the same targets, to the last complete one."""
    past = _Past()
    for run in finished_before(sweep.workspace, sweep.run.header["target_key"]):
        if run.run_id == sweep.run.run_id:
            continue
        try:
            header = read_manifest(run.path)
        except ManifestError as error:
            sweep.reporter.event("earlier manifest left aside", run_id=run.run_id, message=str(error))
            past.left_aside.append(run.run_id)
            continue
        past.previous = past.previous or header
        try:
            past.first_seen |= first_seen(run.path)  # the older run knows better
        except ManifestError as error:
            sweep.reporter.event("earlier findings left aside", run_id=run.run_id, message=str(error))
            continue
        if header["provenance"].get("complete"):
            break
    return past


def findings_of(sweep: Sweep, known: dict[str, str], dropped: Dropped) -> Iterator[Finding]:
    """Yield the findings of a run, part by part; `known` says which run first saw a finding.

    `dropped` counts what policies drop, as the findings pass.
    """
    for part in sweep.listing.parts:
        matched = read_matches(sweep.matches_of(part))
        if matched.matches:
            rows = read_fingerprints(sweep.slice_of(part).output)
            policies = Policies(sweep.config.lists, sweep.config.match.max_entries_per_list, dropped)
            yield from form_findings(
                rows, matched.matches, matched.omitted, policies, sweep.run.run_id, known
            )


def _judged(sweep: Sweep, coverage: Coverage, findings: int, now: datetime) -> tuple[Exit, list[str]]:
    totals = reconcile(sweep.listing.parts)
    listed = {
        f"{place.store}: {place}": totals[n].objects for n, place in enumerate(sweep.places) if n in totals
    }
    old = [s.list for s in sweep.snapshots if stale(s, sweep.config.policy(s.list).max_age_hours, now)]
    run = sweep.config.run
    exit_code, reasons = conclude(
        listed, coverage, findings, run.gap_tolerance, sweep.listing.finished, run.allow_empty, old
    )
    reasons = [*sweep.listing.failures.values(), *_missing_lists(sweep), *reasons]
    return (Exit.INCOMPLETE if reasons else exit_code), reasons


def _missing_lists(sweep: Sweep) -> list[str]:
    """Name the lists that the settings speak of and nobody imported: misspelt, or forgotten."""
    imported = {snapshot.list for snapshot in sweep.snapshots}
    return [
        f"{name}: configured in [lists.{name}], and never imported"
        for name in sorted(sweep.config.lists)
        if name not in imported
    ]


def _provenance(sweep: Sweep, coverage: Coverage, reasons: list[str], now: datetime) -> dict[str, Any]:
    """Return all that the findings depend on, and what was listed and read, as plain values."""
    header = sweep.run.header
    totals = reconcile(sweep.listing.parts)
    inventory = {
        "objects": sum(total.objects for total in totals.values()),
        "bytes": sum(total.bytes for total in totals.values()),
        "delete_markers": sum(total.delete_markers for total in totals.values()),
        "targets": [
            {
                "address": str(place),
                "store": place.store,
                "bucket": place.bucket,
                "prefix": place.prefix,
                "failure": sweep.listing.failures.get(number),
                **(asdict(totals[number]) if number in totals else {}),
            }
            for number, place in enumerate(sweep.places)
        ],
    }
    outputs = (
        path
        for part in sweep.listing.parts
        for path in (part.path, sweep.slice_of(part).output, sweep.matches_of(part))
    )
    files = itertools.chain([sweep.run.path / "run.json"], outputs)
    return {
        "run_id": sweep.run.run_id,
        "target_key": header["target_key"],
        "rematch_of": header.get("rematch_of"),
        "version": VERSION,
        "started_at": header["started_at"],
        "finished_at": now.isoformat(),
        "config": sweep.config.shown(),  # of the command that judges, which may have taken the run up
        "lists": header["lists"],
        "table": header["table"],
        "expected_false_matches": header["expected_false_matches"],
        "inventory": inventory,
        "coverage": coverage.to_dict(),
        "complete": not reasons,
        "incomplete_because": reasons,
        "parts": put_parts(sweep.run.path, files),
    }
