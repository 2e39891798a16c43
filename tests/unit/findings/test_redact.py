"""Redacted findings hold nothing that could be looked up in a list or in a bucket."""

import hmac
import io
import json
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from scanner.errors import ConfigError
from scanner.findings.export import WRITERS, display
from scanner.findings.redact import RedactedFinding, redact, redaction_key
from scanner.records import Outcome
from tests.unit.findings.cases import findings, fingerprint, form, match, ref

KEY = b"a secret of sixteen bytes or more"


def in_format(rows, name):
    if name == "table":
        out = io.StringIO()
        Console(file=out, width=1000).print(display(rows))
        return out.getvalue()
    buffer = io.BytesIO()
    WRITERS[name](rows, buffer, RedactedFinding)
    if name == "parquet":
        table = pq.read_table(pa.BufferReader(buffer.getvalue()))
        return json.dumps(table.to_pylist(), default=str) + buffer.getvalue().decode("latin-1")
    return buffer.getvalue().decode()


@pytest.mark.parametrize("name", ["table", "jsonl", "csv", "parquet"])
def test_no_digest_etag_id_or_key_is_in_any_format(name):
    rows = [
        finding
        for number in range(20)
        for named in [
            ref(
                f"private/holiday-{number:02d}.jpg",
                version_id=f"version-{number:02d}",
                etag=f"{number:032x}",
                key_bytes=None if number % 2 else b"private/caf\xe9-%d" % number,
                content_type=f"image/x-secret-{number}",
                storage_class="GLACIER_IR",
            )
        ]
        for finding in form(
            [fingerprint(named, sha256=bytes([number]) * 32)],
            [match(named, entry_id=f"entry-{number}", member="member-org", tags=(f"tag-{number}",))],
        )
    ]
    shown = in_format(redact(rows, KEY), name)
    assert shown.count("police") >= 1
    for row in rows:
        secrets = [
            row.sha256.hex(),
            row.object.etag,
            row.object.version_id,
            row.object.content_type,
            row.object.key,
            "holiday",
            "caf",
            row.finding_id,
            row.cluster_id,
            row.matches[0].entry_id,
            row.matches[0].snapshot,
            row.matches[0].tags[0],
            "member-org",
            "07:08:09",
        ]
        for secret in secrets:
            assert secret not in shown


def test_what_is_told_is_told():
    (finding,) = form([fingerprint()], [match(), match(algorithm="pdq", distance=4)])
    (told,) = redact([finding], KEY)
    assert (told.store, told.bucket, told.severity, told.outcome) == (
        "aws",
        "bucket",
        "report",
        Outcome.HASHED,
    )
    assert (told.media_type, told.is_latest, told.first_seen_run) == ("image/jpeg", True, "run-1")
    assert [(m.list, m.classification, m.algorithm, m.distance) for m in told.matches] == [
        ("police", "A1", "sha256", 0),
        ("police", "A1", "pdq", 4),
    ]


def test_matches_that_differ_in_what_is_left_out_are_told_once():
    (finding,) = form([fingerprint()], [match(entry_id="a"), match(entry_id="b")])
    (told,) = redact([finding], KEY)
    assert len(told.matches) == 1


def test_ids_are_stable_under_one_key_and_unlinkable_under_another():
    rows = findings(30)
    first, again, other = (list(redact(rows, key)) for key in (KEY, KEY, KEY + b"2"))
    assert first == again
    for name in ("finding_id", "key", "cluster_id"):
        told = {getattr(row, name) for row in first} - {None}
        assert told.isdisjoint({getattr(row, name) for row in other})
    assert len({row.finding_id for row in first}) == 30


def test_equal_bytes_stay_a_cluster_and_versions_of_a_key_stay_together():
    refs = [ref("a", etag="1"), ref("a", etag="2"), ref("b", etag="1"), ref("a", bucket="other")]
    rows = form([fingerprint(r) for r in refs], [match(r) for r in refs])
    told = list(redact(rows, KEY))
    assert len({row.cluster_id for row in told}) == 1
    assert [row.key == told[0].key for row in told] == [True, True, False, False]
    assert len({row.finding_id for row in told}) == 4


def test_parts_of_a_name_cannot_run_together():
    refs = [ref("bc", bucket="a"), ref("c", bucket="ab")]
    rows = form([fingerprint(r) for r in refs], [match(r) for r in refs])
    assert len({row.key for row in redact(rows, KEY)}) == 2


@pytest.mark.parametrize(
    ("size", "rounded"),
    [(0, 0), (1, 1), (2, 2), (3, 4), (1000, 1024), (1024, 1024), (1025, 2048), (5 << 40, 8 << 40)],
)
def test_sizes_are_rounded_up_to_a_power_of_two(size, rounded):
    named = ref(size=size)
    (told,) = redact(form([fingerprint(named)], [match(named)]), KEY)
    assert told.size == rounded


@pytest.mark.parametrize(
    ("time", "month"),
    [
        (datetime(2024, 5, 6, 7, 8, 9, 10, UTC), datetime(2024, 5, 1, tzinfo=UTC)),
        (datetime(2024, 5, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))), datetime(2024, 4, 1, tzinfo=UTC)),
        (datetime(2024, 5, 31), datetime(2024, 5, 1, tzinfo=UTC)),
    ],
)
def test_times_are_rounded_down_to_their_month(time, month):
    named = ref(last_modified=time)
    (told,) = redact(form([fingerprint(named)], [match(named)]), KEY)
    assert told.last_modified == month


def test_the_key_comes_from_the_environment_or_a_private_file(tmp_path):
    file = tmp_path / "key"
    file.write_bytes(b"from a file, long enough\n")
    file.chmod(0o600)
    environ = {"HASHSWEEP_REDACTION_KEY": "from the environment"}
    assert redaction_key(environ) == b"from the environment"
    assert redaction_key(environ, file) == b"from a file, long enough"
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        redaction_key(environ, file)


def test_keyed_ids_can_be_joined_by_whoever_has_the_key():
    (finding,) = form([fingerprint()], [match()])
    (told,) = redact([finding], KEY)

    def keyed(*parts):
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(KEY, b"hashsweep redaction 1" + framed, "sha256").hex()[:32]

    assert told.finding_id == keyed(b"finding", finding.finding_id.encode())
    assert told.cluster_id == keyed(b"cluster", finding.cluster_id.encode())
    assert told.key == keyed(b"key", b"aws", b"bucket", b"photos/cat.jpg")


@pytest.mark.parametrize("environ", [{}, {"HASHSWEEP_REDACTION_KEY": ""}])
def test_without_a_key_the_way_to_set_one_is_said(environ):
    with pytest.raises(ConfigError, match="set HASHSWEEP_REDACTION_KEY to a secret"):
        redaction_key(environ)


def test_a_key_that_could_be_guessed_is_refused_and_not_repeated():
    with pytest.raises(ConfigError, match="16 characters or more") as error:
        redaction_key({"HASHSWEEP_REDACTION_KEY": "hunter2"})
    assert "hunter2" not in str(error.value)
    assert redaction_key({"HASHSWEEP_REDACTION_KEY": "k" * 16}) == b"k" * 16
