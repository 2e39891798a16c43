"""The only place where findings are made fit to leave the room: no list value, no name, nothing to look up.

On an exact match the object's own digest and ETag are list values, so they are left out, with the version
id, entry ids, tags and the content type, which are free text of others. What has to stay tellable apart
(finding, cluster, key) becomes an HMAC. A size with a time can name an object, so the size is rounded up
to a power of two and the time down to its month.
"""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scanner.errors import ConfigError
from scanner.findings.secret import read_secret
from scanner.records import Finding, Outcome

VARIABLE = "HASHSWEEP_REDACTION_KEY"

_LEAST_BYTES = 16


@dataclass(frozen=True)
class RedactedMatch:
    """What may be told of matches: equal ones are told once."""

    list: str
    classification: str | None
    algorithm: str
    distance: int


@dataclass(frozen=True)
class RedactedFinding:
    """What may be told of a finding; ids and key are HMACs, `size` and `last_modified` are rounded."""

    finding_id: str
    store: str
    bucket: str
    key: str
    size: int
    last_modified: datetime
    is_latest: bool
    media_type: str | None
    outcome: Outcome
    severity: str
    cluster_id: str | None
    first_seen_run: str | None
    matches: tuple[RedactedMatch, ...]
    matches_omitted: int


def redaction_key(environ: Mapping[str, str], file: Path | None = None) -> bytes:
    """Return the key of the HMACs from a file or from the environment; raise ConfigError without one.

    Whoever has the key can test guesses of object keys; with another key, nothing can be joined again.
    """
    key = read_secret(file).strip() if file is not None else environ.get(VARIABLE, "").encode()
    if not key:
        raise ConfigError(
            f"redaction needs a key: set {VARIABLE} to a secret of {_LEAST_BYTES} characters or more, "
            "such as `openssl rand -hex 32` prints, or name a file that holds one"
        )
    if len(key) < _LEAST_BYTES:
        raise ConfigError(f"{file or VARIABLE}: a redaction key has {_LEAST_BYTES} characters or more")
    return key


def redact(findings: Iterable[Finding], key: bytes) -> Iterator[RedactedFinding]:
    """Yield findings in the form that may leave the room."""
    for finding in findings:
        yield _redacted(finding, key)


def _redacted(finding: Finding, key: bytes) -> RedactedFinding:
    ref = finding.object
    store, bucket, name, _, _ = ref.identity
    matches = {
        RedactedMatch(m.list, m.classification, m.algorithm, m.distance): None for m in finding.matches
    }
    return RedactedFinding(
        finding_id=_keyed(key, b"finding", finding.finding_id.encode()),
        store=store,
        bucket=bucket,
        key=_keyed(key, b"key", store.encode(), bucket.encode(), name),
        size=_rounded_size(ref.size),
        last_modified=_month(ref.last_modified),
        is_latest=ref.is_latest,
        media_type=finding.media_type,
        outcome=finding.outcome,
        severity=finding.severity,
        cluster_id=_keyed(key, b"cluster", finding.cluster_id.encode()) if finding.cluster_id else None,
        first_seen_run=finding.first_seen_run,
        matches=tuple(matches),
        matches_omitted=finding.matches_omitted,
    )


def _keyed(key: bytes, kind: bytes, *parts: bytes) -> str:
    """Return 128 bits of an HMAC over parts, in hex; lengths are told, so that no two can run together."""
    message = b"hashsweep redaction 1" + b"".join(
        len(part).to_bytes(8, "big") + part for part in (kind, *parts)
    )
    return hmac.digest(key, message, "sha256")[:16].hex()


def _rounded_size(size: int) -> int:
    return 1 << (size - 1).bit_length() if size > 0 else 0


def _month(time: datetime) -> datetime:
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
