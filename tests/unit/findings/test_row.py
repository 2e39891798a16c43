"""The JSON form of a finding."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from scanner.findings.row import Tally, iso_time, line_of, plain_row
from scanner.records import SCHEMA_VERSION
from tests.unit.findings.cases import HOSTILE_KEYS, findings, fingerprint, form, match, ref


def one(**changed):
    named = ref(**changed)
    return form([fingerprint(named)], [match(named)])[0]


def test_a_line_says_all_about_a_finding_and_holds_no_list_value():
    row = plain_row(one(version_id="v1"))
    assert row == {
        "finding_id": ref(version_id="v1").finding_id,
        "store": "aws",
        "bucket": "bucket",
        "key": "photos/cat.jpg",
        "version_id": "v1",
        "etag": "e1",
        "size": 1000,
        "last_modified": "2024-05-06T07:08:09Z",
        "is_latest": True,
        "storage_class": None,
        "content_type": None,
        "sha256": "53" * 32,
        "media_type": "image/jpeg",
        "outcome": "hashed",
        "severity": "report",
        "cluster_id": row["cluster_id"],
        "first_seen_run": "run-1",
        "matches_omitted": 0,
        "matches": [
            {
                "list": "police",
                "snapshot": "5" * 64,
                "member": "north",
                "entry_id": "e-1",
                "algorithm": "sha256",
                "distance": 0,
                "threshold": 0,
                "transform": "original",
                "locator": "",
                "quality": None,
                "classification": "A1",
                "scheme": None,
                "entry_status": "active",
                "tags": [],
            }
        ],
    }
    assert SCHEMA_VERSION == 1  # a change of these fields is a new version


def test_key_bytes_are_base64_and_only_there_when_needed():
    assert "key_bytes" not in plain_row(one())
    assert plain_row(one(key_bytes=b"\xff\xfe"))["key_bytes"] == "//4="


def test_a_line_is_canonical():
    assert line_of({"b": {"d": 1, "c": [2]}, "a": "\u00fc"}) == b'{"a":"\\u00fc","b":{"c":[2],"d":1}}\n'


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_a_line_is_one_line_of_printable_ascii_and_gives_the_key_back(key):
    line = line_of(plain_row(one(key=key)))
    assert line.endswith(b"\n")
    assert all(32 <= byte < 127 for byte in line[:-1])
    assert json.loads(line)["key"] == key


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00Z"),
        (datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2024-01-02T03:04:05.000006Z"),
        (datetime(2024, 1, 2, 0, tzinfo=timezone(timedelta(hours=2))), "2024-01-01T22:00:00Z"),
        (datetime(2024, 1, 2), "2024-01-02T00:00:00Z"),
    ],
)
def test_times_are_utc(value, text):
    assert iso_time(value) == text


def tally(rows):
    counted = Tally()
    for row in rows:
        counted.add(row)
    return counted


def test_the_digest_of_rows_forgets_the_run_and_nothing_else():
    rows = findings(20)
    same = tally(findings(20, run_id="another")).rows_digest
    assert tally(rows).rows_digest == same
    for changed in (
        replace(rows[3], severity="report" if rows[3].severity == "review" else "review"),
        replace(rows[3], matches=rows[3].matches[1:]),
        replace(rows[3], object=replace(rows[3].object, size=0)),
        replace(rows[3], matches_omitted=9),
    ):
        assert tally([*rows[:3], changed, *rows[4:]]).rows_digest != same
    assert tally(rows[1:]).rows_digest != same


def test_counts_say_how_many_of_what():
    objects = [ref("a"), ref("b")]
    matches = [match(objects[0]), match(objects[0], list="people"), match(objects[1], list="people")]
    rows = form([fingerprint(o) for o in objects], matches, {objects[1].finding_id: 4})
    assert tally(rows).counts == {
        "findings": 2,
        "matches": 3,
        "matches_omitted": 4,
        "severity": {"report": 1, "review": 1},
        "lists": {"police": 1, "people": 2},
    }
