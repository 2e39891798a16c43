"""Findings to test with: made-up objects, made-up lists, seeded."""

import random
from datetime import UTC, datetime, timedelta

from scanner.config import ListPolicy
from scanner.findings.form import form_findings
from scanner.findings.policy import Policies
from scanner.records import Fingerprint, Match, ObjectRef, Outcome

LISTS = {
    "police": ListPolicy(illegal=("A1", "A2"), ignore=("retired",)),
    "people": ListPolicy(user_submitted=True, illegal=("A1",)),
    "strict": ListPolicy(
        pdq_max_distance=10, phash_max_distance=2, dhash_max_distance=1, whash_max_distance=0, illegal=("A1",)
    ),
}


def ref(key="photos/cat.jpg", **changed):
    values = {
        "store": "aws",
        "bucket": "bucket",
        "key": key,
        "version_id": None,
        "etag": "e1",
        "size": 1000,
        "last_modified": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
    }
    return ObjectRef(**{**values, **changed})


def fingerprint(of=None, **changed):
    values = {
        "object": of or ref(),
        "md5": b"m" * 16,
        "sha1": b"s" * 20,
        "sha256": b"S" * 32,
        "pdq": b"p" * 32,
        "pdq_quality": 100,
        "phash": b"h" * 8,
        "width": 64,
        "height": 48,
        "media_type": "image/jpeg",
        "bytes_read": 1000,
    }
    return Fingerprint(**{**values, **changed})


def match(of=None, algorithm="sha256", distance=0, **changed):
    values = {
        "finding_id": (of or ref()).finding_id,
        "list": "police",
        "snapshot": "5" * 64,
        "member": "north",
        "entry_id": "e-1",
        "algorithm": algorithm,
        "distance": distance,
        "threshold": {"pdq": 31, "phash": 4}.get(algorithm, 0),
        "classification": "A1",
    }
    return Match(**{**values, **changed})


def form(fingerprints, matches, omitted=None, lists=None, run_id="run-1", known=None, policies=None):
    chosen = policies or Policies(LISTS if lists is None else lists, most=1)
    return list(form_findings(fingerprints, matches, omitted or {}, chosen, run_id, known or {}))


HOSTILE_KEYS = (
    "plain/photo.jpg",
    "=cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "tab\there",
    "line\nbreak\rand\r\nmore",
    "\x1b[31mred\x1b[0m",
    "exe.\u202egpj",
    "ключ/画像 🐈.jpg",
    "quote\"comma,semi;'apostrophe",
    "back\\slash and [bold]markup[/bold]",
    "a//b/../c",
    " spaces ",
    "\u2028\u2029\x85\x9b\x7f",
    "%2F+%20",
)


def findings(count, seed=0, run_id="run-1", known=None):
    """Make findings of hostile keys, several versions, and one to four matches each."""
    rng = random.Random(seed)
    fingerprints, matches = [], []
    for number in range(count):
        key = f"{number:05d}/{rng.choice(HOSTILE_KEYS)}"
        one = ref(
            key=key if rng.random() < 0.5 else f"{rng.choice(HOSTILE_KEYS)}{number}",
            bucket=rng.choice(["alpha", "beta"]),
            version_id=rng.choice([None, f"v{number}"]),
            etag=rng.randbytes(16).hex(),
            size=rng.randrange(1, 1 << 32),
            last_modified=datetime(2020, 1, 1, tzinfo=UTC) + timedelta(microseconds=rng.randrange(10**14)),
            key_bytes=b"\xff\xfe%d" % number if rng.random() < 0.1 else None,
            content_type=rng.choice([None, "image/png"]),
        )
        fingerprints.append(
            fingerprint(
                one,
                sha256=rng.randbytes(32) if rng.random() < 0.9 else None,
                outcome=rng.choice([Outcome.HASHED, Outcome.UNDECODABLE]),
            )
        )
        matches += [_random_match(rng, one, entry) for entry in range(rng.randrange(1, 5))]
    return form(
        fingerprints, matches, {fingerprints[0].object.finding_id: 3} if count else {}, None, run_id, known
    )


def _random_match(rng, of, entry):
    algorithm, most = rng.choice([("md5", 0), ("sha256", 0), ("pdq", 31), ("phash", 4)])
    return match(
        of,
        algorithm,
        rng.randrange(most + 1) // 4,
        list=rng.choice(["police", "people", "other"]),
        entry_id=f"=e-{entry}",
        classification=rng.choice([None, "A1", "B2"]),
        quality=rng.choice([None, 80]),
        tags=rng.choice([(), ("one", "two")]),
    )
