"""Findings as a table, JSON lines, CSV and Parquet: hostile keys stay data."""

import csv
import io
import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from scanner.findings.export import WRITERS, display, visible
from scanner.findings.manifest import write_manifest
from scanner.findings.redact import RedactedFinding
from scanner.records import Finding, records_of, schema_of
from tests.unit.findings.cases import HOSTILE_KEYS, findings, fingerprint, form, match, ref

quick = settings(max_examples=150, deadline=None, derandomize=True)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def exported(rows, name):
    out = io.BytesIO()
    WRITERS[name](rows, out, Finding)
    return out.getvalue()


def read_csv(data):
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def one(key="k", key_bytes=None, bucket="bucket", **changed):
    named = ref(key, key_bytes=key_bytes, bucket=bucket)
    return form([fingerprint(named)], [match(named, **changed)])[0]


def printed(rows, width=400, **more):
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system="truecolor")
    console.print(display(rows, **more))
    return out.getvalue()


def test_parquet_gives_the_findings_back():
    rows = findings(30)
    table = pq.read_table(pa.BufferReader(exported(rows, "parquet")))
    assert list(records_of(Finding, table)) == rows


def test_lines_are_those_of_the_manifest(tmp_path):
    rows = sorted(findings(30), key=lambda finding: finding.object.identity)
    write_manifest(tmp_path, rows, {"run_id": "run-1"}, None, None)
    assert exported(rows, "jsonl") == (tmp_path / "manifest.jsonl").read_bytes()


def test_csv_has_a_row_for_each_match():
    rows = findings(30)
    read = read_csv(exported(rows, "csv"))
    pairs = [(finding.finding_id, m.algorithm, str(m.distance)) for finding in rows for m in finding.matches]
    assert [(row["finding_id"], row["algorithm"], row["distance"]) for row in read] == pairs


def test_csv_says_all_about_a_match():
    (row,) = read_csv(exported([one("a b/ü", tags=("x", "y"))], "csv"))
    assert row["key"] == "a%20b/%C3%BC"
    assert row["tags"] == "x y"
    assert row["last_modified"] == "2024-05-06T07:08:09Z"
    expected = {"list": "police", "member": "north", "entry_id": "e-1", "severity": "report", "size": "1000"}
    assert {name: row[name] for name in expected} == expected
    assert "key_bytes" not in row


@pytest.mark.parametrize("name", WRITERS)
def test_no_findings_leave_what_a_program_expects(name):
    data = exported([], name)
    if name == "csv":
        assert data.startswith(b"finding_id,store,bucket,key,")
        assert data.count(b"\n") == 1
    if name == "parquet":
        assert pq.read_table(pa.BufferReader(data)).schema.equals(schema_of(Finding))
    if name == "jsonl":
        assert data == b""


def header(record):
    out = io.BytesIO()
    WRITERS["csv"]([], out, record)
    return out.getvalue().decode().strip().split(",")


def test_csv_columns_are_those_of_the_object_and_of_the_match():
    assert " ".join(header(Finding)) == (
        "finding_id store bucket key version_id etag size last_modified is_latest storage_class "
        "content_type sha256 media_type outcome severity list member entry_id classification scheme "
        "entry_status algorithm distance threshold quality transform locator tags snapshot cluster_id "
        "first_seen_run matches_omitted"
    )
    assert " ".join(header(RedactedFinding)) == (
        "finding_id store bucket key size last_modified is_latest media_type outcome severity list "
        "classification algorithm distance cluster_id first_seen_run matches_omitted"
    )


def test_large_parquet_exports_keep_every_row():
    rows = findings(5) * 1001
    table = pq.read_table(pa.BufferReader(exported(rows, "parquet")))
    assert table.num_rows == 5005


FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001


@quick
@given(key=text, bucket=text, entry=text, classification=text, raw=st.none() | st.binary(max_size=20))
def test_csv_is_safe_in_a_spreadsheet_and_gives_every_key_back(key, bucket, entry, classification, raw):
    finding = one(key, raw, bucket, entry_id=entry, classification=classification)
    data = exported([finding], "csv")
    (row,) = read_csv(data)
    assert not any(value.startswith(FORMULA) for value in row.values())
    assert row["key"].isascii()
    assert row["key"].isprintable()
    assert unquote_to_bytes(row["key"].removeprefix("'")) == finding.object.identity[2]
    for name, value in (("bucket", bucket), ("entry_id", entry), ("classification", classification)):
        assert row[name] in (value, f"'{value}")
        assert row[name].startswith("'") >= value.startswith(FORMULA)


@pytest.mark.parametrize("start", FORMULA)
def test_a_cell_that_begins_a_formula_is_disarmed(start):
    (row,) = read_csv(exported([one(entry_id=f"{start}1+1")], "csv"))
    assert row["entry_id"] == f"'{start}1+1"


def test_rows_are_written_while_they_come():
    written = []

    class Out(io.BytesIO):
        def write(self, data):
            written.append(data)
            return super().write(data)

    def rows():
        for number, row in enumerate(findings(3)):
            assert len(written) >= number
            yield row

    for name in ("jsonl", "csv"):
        written.clear()
        WRITERS[name](rows(), Out(), Finding)
        assert len(written) > 3 - (name == "jsonl")


def test_the_stream_stays_open_for_its_owner():
    for name in WRITERS:
        out = io.BytesIO()
        WRITERS[name](findings(2), out, Finding)
        assert not out.closed


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("photos/ключ 画像 é.jpg", "photos/ключ 画像 é.jpg"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b31m\x7f\x00", r"\x9b31m\x7f\x00"),
        ("exe.\u202egpj", r"exe.\u202egpj"),
        ("\u2066\u2069\u200b\ufeff\xad", r"\u2066\u2069\u200b\ufeff\xad"),
        ("a\xa0b\u3000c", r"a\xa0b\u3000c"),
        ("\\n", r"\\n"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_is_visible(raw, shown):
    assert visible(raw) == shown


@quick
@given(first=text, second=text)
def test_different_texts_never_look_the_same_by_an_escape(first, second):
    assert (visible(first) == visible(second)) == (first == second)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") for char in visible(first))


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_the_table_shows_keys_as_they_are_and_obeys_none(key):
    shown = printed([one(key)])
    assert visible(key) in shown
    for control in "\x07\x08\x0b\x0c\r\t\x7f\x85\x9b\u202e\u2028\u2029":
        assert control not in shown
    assert "\x1b[31mred" not in shown


def test_the_table_shows_what_a_person_needs_and_no_digest():
    finding = one("cat.jpg", bucket="a\nbucket")
    shown = printed([finding])
    columns = [str(column.header) for column in display([]).columns]
    assert ", ".join(columns) == ("severity, list, match, class, size, last modified, bucket and key")
    for word in ("report", "police", "sha256 0", "A1", r"a\nbucket/cat.jpg", "1.0 kB", "2024-05-06 07:08"):
        assert word in shown
    for secret in (finding.sha256.hex(), "e-1", finding.object.etag, finding.finding_id):
        assert secret not in shown.replace("cat.jpg", "").replace("report", "")


def test_the_table_shows_each_kind_of_match_once():
    named = ref()
    near = {"algorithm": "pdq", "distance": 12}
    (finding,) = form(
        [fingerprint(named)],
        [match(), match(**near), match(**near, locator="frame 1"), match(**near, list="people")],
    )
    shown = printed([finding])
    assert shown.count("pdq") == 2
    assert sum(" police " in line for line in shown.splitlines()) == 2  # one match to a line
    assert shown.count("12") == 2


def test_a_key_that_is_not_text_shows_its_bytes():
    assert r"caf\udce9.jpg" in printed([one("caf?.jpg", b"caf\xe9.jpg")])


@pytest.mark.parametrize("width", [50, 80, 100, 200])
def test_a_long_key_is_shown_whole_on_a_narrow_terminal(width):
    key = "0123456789" * 30
    lines = printed([one(key)], width=width).splitlines()[1:]
    assert "bucket/" + key in "".join(re.split(r"\s+", line.rstrip())[-1] for line in lines)


def test_a_long_table_says_what_it_leaves_out():
    shown = printed(findings(12), limit=5)
    assert "7 more findings" in shown
    assert "more findings" not in printed(findings(5), limit=5)


def test_times_before_1970_are_shown():
    early = ref(last_modified=datetime(1601, 1, 1, tzinfo=UTC))
    assert "1601-01-01 00:00" in printed(form([fingerprint(early)], [match(early)]))
