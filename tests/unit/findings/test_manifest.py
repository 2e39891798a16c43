"""Writing and reading a manifest."""

import hashlib
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scanner.errors import ManifestError
from scanner.findings.manifest import first_seen, read_findings, read_manifest, write_manifest
from scanner.findings.signature import load_key, make_key
from scanner.records import Finding, schema_of
from scanner.workspace import json_bytes
from tests.unit.findings.cases import findings

FILES = ("manifest.json", "manifest.jsonl", "manifest.parquet")
PROVENANCE = {"run_id": "run-1", "version": "0.1.0", "coverage": {"objects": {"hashed": 9}}, "share": 0.5}


def by_identity(rows):
    return sorted(rows, key=lambda finding: finding.object.identity)


def test_what_is_written_is_read_back_in_order(tmp_path):
    rows = findings(40)
    random.Random(1).shuffle(rows)
    header = write_manifest(tmp_path, rows, PROVENANCE, None, None)
    assert list(read_findings(tmp_path)) == by_identity(rows)
    assert read_manifest(tmp_path) == header == json.loads((tmp_path / "manifest.json").read_bytes())
    lines = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_bytes().splitlines()]
    assert [line["finding_id"] for line in lines] == [f.finding_id for f in by_identity(rows)]
    assert [len(line["matches"]) for line in lines] == [len(f.matches) for f in by_identity(rows)]


def test_the_header_says_what_the_files_are(tmp_path):
    header = write_manifest(tmp_path, findings(7), PROVENANCE, None, None)
    for name in ("manifest.parquet", "manifest.jsonl"):
        data = (tmp_path / name).read_bytes()
        expected = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "rows": 7}
        assert header["files"][name] == expected
    assert header["counts"]["findings"] == 7
    assert header["provenance"] == PROVENANCE
    assert (header["program"], header["schema_version"], header["run_id"]) == ("hashsweep", 1, "run-1")
    assert (header["previous"], header["signature"]) == (None, None)


def test_the_files_are_private_and_alone(tmp_path):
    folder = tmp_path / "run"
    write_manifest(folder, findings(7), PROVENANCE, None, None, run_rows=2)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_many_findings_are_all_written(tmp_path):
    write_manifest(tmp_path, findings(2100), PROVENANCE, None, None)
    assert len(list(read_findings(tmp_path))) == 2100


def test_a_manifest_without_findings_is_a_manifest(tmp_path):
    header = write_manifest(tmp_path, [], PROVENANCE, None, None)
    assert (tmp_path / "manifest.jsonl").read_bytes() == b""
    assert list(read_findings(tmp_path)) == []
    assert header["counts"]["findings"] == 0


def test_the_parquet_file_carries_the_schema_of_findings(tmp_path):
    write_manifest(tmp_path, findings(3), PROVENANCE, None, None)
    assert pq.read_schema(tmp_path / "manifest.parquet").equals(schema_of(Finding), check_metadata=True)


def test_equal_results_have_equal_rows_digests_whatever_the_run_the_order_and_the_memory(tmp_path):
    first = write_manifest(tmp_path / "1", findings(30), PROVENANCE, None, None)
    rows = findings(30, run_id="run-2")
    random.Random(5).shuffle(rows)
    second = write_manifest(tmp_path / "2", rows, {**PROVENANCE, "run_id": "run-2"}, first, None, run_rows=4)
    assert first["rows_digest"] == second["rows_digest"]
    assert first["digest"] != second["digest"]
    assert second["previous"] == {"run_id": "run-1", "digest": first["digest"]}
    other = write_manifest(tmp_path / "3", findings(29), PROVENANCE, None, None)
    assert other["rows_digest"] != first["rows_digest"]


def test_writing_the_same_again_changes_nothing_and_returns_what_is_there(tmp_path):
    header = write_manifest(tmp_path, findings(5), PROVENANCE, None, None)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    again = write_manifest(tmp_path, findings(5), {**PROVENANCE, "ended": "later"}, None, None)
    assert again == header
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before


def test_another_manifest_is_never_written_over_one_that_stands(tmp_path):
    write_manifest(tmp_path, findings(5), PROVENANCE, None, None)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    with pytest.raises(ManifestError, match="never rewritten"):
        write_manifest(tmp_path, findings(6), PROVENANCE, None, None)
    with pytest.raises(ManifestError, match="never rewritten"):
        write_manifest(tmp_path, findings(5), {**PROVENANCE, "run_id": "run-2"}, None, None)
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before


def test_what_a_killed_run_left_is_replaced_before_the_header_is_put(tmp_path):
    (tmp_path / "manifest.parquet").write_bytes(b"half")
    (tmp_path / "manifest.jsonl").write_bytes(b"half")
    header = write_manifest(tmp_path, findings(5), PROVENANCE, None, None)
    assert list(read_findings(tmp_path)) == by_identity(findings(5))
    assert (
        hashlib.sha256((tmp_path / "manifest.jsonl").read_bytes()).hexdigest()
        == (header["files"]["manifest.jsonl"]["sha256"])
    )


def test_what_a_killed_run_left_whole_is_kept_as_it_is(tmp_path):
    write_manifest(tmp_path, findings(5), PROVENANCE, None, None)
    (tmp_path / "manifest.json").unlink()
    before = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    write_manifest(tmp_path, findings(5), PROVENANCE, None, None)
    assert before.items() < {path.name: path.stat().st_ino for path in tmp_path.iterdir()}.items()


def test_provenance_is_digested_as_a_reader_will_read_it(tmp_path):
    odd = {"run_id": "run-1", "by number": {2: "b", 10: "a"}, "pair": (1, 2)}
    header = write_manifest(tmp_path, [], odd, None, None)
    assert header["provenance"] == {
        "run_id": "run-1",
        "by number": {"2": "b", "10": "a"},
        "pair": [1, 2],
    }
    assert read_manifest(tmp_path) == header


def test_anybody_can_compute_the_digests_again(tmp_path):
    make_key(tmp_path / "key")
    write_manifest(tmp_path / "run", findings(4), PROVENANCE, None, load_key(tmp_path / "key"))
    header = json.loads((tmp_path / "run" / "manifest.json").read_bytes())
    rest = {name: value for name, value in header.items() if name not in ("digest", "signature")}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert header["digest"] == hashlib.sha256(canonical).hexdigest()
    rows = hashlib.sha256()
    for line in (tmp_path / "run" / "manifest.jsonl").read_text().splitlines():
        row = json.loads(line)
        del row["first_seen_run"]
        rows.update(json.dumps(row, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    assert header["rows_digest"] == rows.hexdigest()


def test_a_signed_manifest_names_its_key(tmp_path):
    public = make_key(tmp_path / "key")
    header = write_manifest(tmp_path / "run", findings(2), PROVENANCE, None, load_key(tmp_path / "key"))
    assert header["signature"]["public_key"] == public
    assert header["signature"]["algorithm"] == "ed25519"
    assert (tmp_path / "run" / "manifest.json").read_bytes() == json_bytes(header)


def test_the_run_that_saw_a_finding_first_is_carried(tmp_path):
    write_manifest(tmp_path / "1", findings(6), PROVENANCE, None, None)
    known = first_seen(tmp_path / "1")
    assert set(known.values()) == {"run-1"}
    later = findings(6, run_id="run-2", known=dict(list(known.items())[:4]))
    write_manifest(tmp_path / "2", later, {**PROVENANCE, "run_id": "run-2"}, None, None)
    assert sorted(first_seen(tmp_path / "2").values()) == ["run-1"] * 4 + ["run-2"] * 2


@pytest.mark.parametrize("name", ["", *FILES])
def test_a_manifest_is_found_by_its_folder_or_any_of_its_files(tmp_path, name):
    header = write_manifest(tmp_path, findings(2), PROVENANCE, None, None)
    assert read_manifest(tmp_path / name) == header


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such manifest"),
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a manifest of hashsweep"),
        (b'{"program": "another"}', "not a manifest of hashsweep"),
        (b'{"program": "hashsweep", "schema_version": 2}', "written by a newer hashsweep"),
        (b'{"program": "hashsweep", "schema_version": "1"}', "not what hashsweep wrote, at schema_version"),
        (b'{"program": "hashsweep", "schema_version": 1}', "not what hashsweep wrote, at run_id"),
    ],
)
def test_missing_foreign_and_newer_manifests_are_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ManifestError, match=message):
        read_manifest(tmp_path)


def test_another_file_is_not_taken_for_a_manifest(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ManifestError, match="not a manifest; name the folder"):
        read_manifest(tmp_path / "notes.txt")


def test_rows_that_cannot_be_read_are_said(tmp_path):
    write_manifest(tmp_path, findings(2), PROVENANCE, None, None)
    file = tmp_path / "manifest.parquet"
    file.write_bytes(b"PAR1 no")
    with pytest.raises(ManifestError, match="cannot be read"):
        list(read_findings(tmp_path))
    pq.write_table(pa.table({"a": [1]}), file)
    with pytest.raises(ManifestError, match="holds no findings"):
        list(read_findings(tmp_path))
    file.unlink()
    with pytest.raises(ManifestError, match="missing"):
        list(read_findings(tmp_path))
