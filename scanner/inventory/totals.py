"""The only place that adds up what was listed, so that a run can reconcile with it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from scanner.inventory.parts import Part


@dataclass(frozen=True)
class Totals:
    """What one target's listing came to; `digest` is SHA-256 over its parts' digests, in hex.

    `finished` is False while the listing has no last part, `sampled` says that it was stopped on purpose.
    `listing` is the kind of listing: `versions` (all of them), `unversioned` (the bucket never had versions:
    its objects are all there is), `current` (older versions may exist, unlisted), `directory`, or None where
    nothing was listed.
    """

    objects: int
    bytes: int
    delete_markers: int
    parts: int
    digest: str
    finished: bool
    sampled: bool
    listing: str | None


def reconcile(parts: Iterable[Part]) -> dict[int, Totals]:
    """Return the totals of each target's parts, by the target's number."""
    targets: dict[int, list[Part]] = {}
    for part in parts:
        targets.setdefault(part.target, []).append(part)
    return {target: _totals(sorted(own, key=_number)) for target, own in sorted(targets.items())}


def _number(part: Part) -> int:
    return part.number


def _totals(parts: list[Part]) -> Totals:
    return Totals(
        objects=sum(part.rows for part in parts),
        bytes=sum(part.bytes for part in parts),
        delete_markers=sum(part.delete_markers for part in parts),
        parts=len(parts),
        digest=hashlib.sha256(b"".join(bytes.fromhex(part.digest) for part in parts)).hexdigest(),
        finished=parts[-1].last,
        sampled=parts[-1].sampled,
        listing=next((part.resume[0] for part in parts if part.resume is not None), None),
    )
