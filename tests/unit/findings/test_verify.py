"""Checking a manifest: what holds is said to hold, and nothing that was changed goes unseen."""

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.errors import ConfigError, ManifestError
from scanner.findings.manifest import header_digest, read_findings, write_manifest
from scanner.findings.parts import put_parts
from scanner.findings.row import Tally
from scanner.findings.signature import load_key, make_key, sign
from scanner.findings.verify import verify_manifest
from scanner.records import Finding, table_of
from scanner.workspace import json_bytes
from tests.unit.findings.cases import findings

FILES = ("manifest.json", "manifest.jsonl", "manifest.parquet")


def provenance(run_id="run-1", **more):
    return {"run_id": run_id, "version": "0.1.0", "started_at": "2024-01-01T00:00:00Z", **more}


def write(folder, rows=12, run_id="run-1", previous=None, key=None, **more):
    return write_manifest(folder, findings(rows), provenance(run_id, **more), previous, key)


def problems(path, **more):
    return " / ".join(verify_manifest(path, **more).problems)


@pytest.fixture
def key(tmp_path):
    make_key(tmp_path / "key")
    return load_key(tmp_path / "key")


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signed")
    make_key(folder / "key")
    write(folder / "run", key=load_key(folder / "key"), rows=3)
    return folder / "run"


@pytest.mark.parametrize("name", ["", *FILES])
def test_an_untouched_manifest_holds_however_it_is_named(tmp_path, name):
    header = write(tmp_path)
    checked = verify_manifest(tmp_path / name)
    assert checked.holds
    assert checked.problems == ()
    assert (checked.run_id, checked.digest, checked.findings) == ("run-1", header["digest"], 12)
    assert checked.rows_read
    assert checked.folder == tmp_path


def test_a_manifest_without_findings_holds(tmp_path):
    write(tmp_path, rows=0)
    assert verify_manifest(tmp_path).holds


def test_unsigned_is_said_plainly_and_is_a_problem_only_where_a_key_is_expected(tmp_path):
    write(tmp_path)
    checked = verify_manifest(tmp_path)
    assert checked.unsigned
    assert checked.signed_by is None
    assert "unsigned: nothing proves who wrote it" in checked.statements
    assert "unsigned, where a signature" in problems(tmp_path, public_key="a" * 64)


def test_a_signature_is_named_with_its_key(tmp_path, key):
    public = write(tmp_path / "run", key=key)["signature"]["public_key"]
    checked = verify_manifest(tmp_path / "run")
    assert (checked.holds, checked.unsigned, checked.signed_by, checked.expected) == (
        True,
        False,
        public,
        False,
    )
    assert f"signed by the key {public}; compare it with the one that you trust" in checked.statements
    known = verify_manifest(tmp_path / "run", public_key=public)
    assert (known.holds, known.expected) == (True, True)
    assert f"signed by the key {public}; the expected one" in known.statements


def test_a_signature_of_another_key_is_a_problem(tmp_path, key):
    write(tmp_path / "run", key=key)
    other = make_key(tmp_path / "other")
    assert "another key" in problems(tmp_path / "run", public_key=other)
    with pytest.raises(ConfigError):
        verify_manifest(tmp_path / "run", public_key="no key")


def test_a_copied_signature_does_not_hold(tmp_path, key):
    stolen = write(tmp_path / "signed", key=key)["signature"]
    header = write(tmp_path / "plain", rows=5)
    (tmp_path / "plain" / "manifest.json").write_bytes(json_bytes({**header, "signature": stolen}))
    checked = verify_manifest(tmp_path / "plain")
    assert checked.problems == ("its signature does not hold",)
    assert checked.signed_by is None
    assert "its signature does not hold: nothing proves who wrote it" in checked.statements
    assert not any("signed by" in words or words.startswith("unsigned") for words in checked.statements)


def test_a_program_reads_the_same(tmp_path):
    write(tmp_path)
    (tmp_path / "manifest.jsonl").unlink()
    told = json.loads(json.dumps(verify_manifest(tmp_path).to_dict()))
    assert (told["holds"], told["unsigned"], told["chain"], told["run_id"]) == (False, True, "first", "run-1")
    assert told["problems"] == ["manifest.jsonl: No such file or directory"]


def chain(tmp_path, count=4, **more):
    previous, headers = None, []
    for number in range(count):
        said = {"target_key": "t", "finished_at": f"2024-01-0{number + 1}T00:00:00+00:00", **more}
        previous = write(tmp_path / f"run-{number}", run_id=f"run-{number}", previous=previous, **said)
        headers.append(previous)
    return headers


def test_a_chain_is_followed_to_its_start(tmp_path):
    chain(tmp_path)
    checked = verify_manifest(tmp_path / "run-3")
    assert (checked.chain, checked.earlier, checked.holds) == ("holds", 3, True)
    assert checked.statements == (
        "12 findings, read again, row by row",
        "unsigned: nothing proves who wrote it",
        "chain: 3 earlier manifests, each the one that is named",
    )
    first = verify_manifest(tmp_path / "run-0", deep=False)
    assert first.chain == "first"
    assert first.statements[0] == "12 findings, not read again"
    assert first.statements[2] == "chain: no manifest comes before it"


@pytest.mark.parametrize("count", [1, 2])
def test_the_oldest_manifests_may_be_missing_from_the_chain_and_that_is_said(tmp_path, count):
    chain(tmp_path)
    write(tmp_path / "other", run_id="other", target_key="o", finished_at="2023-01-01T00:00:00+00:00")
    for number in range(count):
        shutil.rmtree(tmp_path / f"run-{number}")
    checked = verify_manifest(tmp_path / "run-3")
    assert (checked.chain, checked.earlier, checked.holds) == ("missing", 3 - count, True)
    assert any("the next is not there" in words for words in checked.statements)


@pytest.mark.parametrize("number", [1, 2])
def test_a_manifest_that_is_missing_from_the_midst_of_the_chain_is_a_problem(tmp_path, number):
    chain(tmp_path)
    shutil.rmtree(tmp_path / f"run-{number}")
    checked = verify_manifest(tmp_path / "run-3")
    assert (checked.chain, checked.earlier) == ("broken", 2 - number)
    words = "an earlier manifest is not there, although one from before it is"
    assert checked.problems == (words,)
    assert f"chain: {words}" in checked.statements


@pytest.mark.parametrize(
    "more",
    [
        {"left_aside": ["run-0"]},
        {"target_key": None},
        {"target_key": 7, "left_aside": 3},
        {"finished_at": []},
    ],
)
def test_a_manifest_that_was_never_in_the_chain_breaks_none(tmp_path, more):
    chain(tmp_path, **more)
    shutil.rmtree(tmp_path / "run-1")
    assert verify_manifest(tmp_path / "run-3").chain == "missing"


def test_a_damaged_manifest_beside_the_chain_breaks_none(tmp_path):
    chain(tmp_path)
    shutil.rmtree(tmp_path / "run-1")
    (tmp_path / "run-0" / "manifest.json").write_bytes(b"{")
    assert verify_manifest(tmp_path / "run-3").chain == "missing"


def test_a_manifest_in_the_chain_that_was_written_anew_is_a_problem(tmp_path):
    headers = chain(tmp_path)
    forged = {**headers[1], "provenance": provenance("run-1", version="9")}
    forged["digest"] = header_digest(forged)
    (tmp_path / "run-1" / "manifest.json").write_bytes(json_bytes(forged))
    checked = verify_manifest(tmp_path / "run-3")
    assert (checked.chain, checked.earlier) == ("different", 1)
    assert checked.problems == ("an earlier manifest is not the one that is named",)
    (tmp_path / "run-2" / "manifest.json").write_bytes(b"{}")
    assert verify_manifest(tmp_path / "run-3").chain == "different"


@pytest.mark.parametrize(
    "run_id", ["../elsewhere", "run-0/../run-0", "run-0/", "./run-0", "deep/run-0", ".."]
)
def test_a_chain_never_leaves_the_folder_of_runs(tmp_path, run_id):
    runs = tmp_path / "runs"
    (runs / "run-0").mkdir(parents=True)
    previous = write(runs / run_id, run_id=run_id)
    write(runs / "run-1", previous=previous)
    checked = verify_manifest(runs / "run-1")
    assert (checked.chain, checked.earlier) == ("different", 0)


@pytest.mark.parametrize("run_id", ["", ".", "/", "\0", "x" * 5000])
def test_a_chain_to_an_impossible_name_is_different_or_missing(tmp_path, run_id):
    write(tmp_path / "run-1", previous={"run_id": run_id, "digest": "0" * 64})
    assert verify_manifest(tmp_path / "run-1").chain in ("different", "missing")


def test_the_folder_may_be_named_from_within(tmp_path, monkeypatch):
    chain(tmp_path, 2)
    (tmp_path / "run-1" / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "run-1" / "inner")
    assert verify_manifest(Path("..")).chain == "holds"


def part(folder, name, data=b"rows"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return {"path": name, "sha256": hashlib.sha256(data).hexdigest()}


def test_parts_of_the_run_are_checked(tmp_path):
    parts = [part(tmp_path, f"inventory/{n}.parquet") for n in range(3)]
    write(tmp_path, parts=parts)
    assert verify_manifest(tmp_path).holds
    (tmp_path / "inventory" / "1.parquet").write_bytes(b"rowz")
    (tmp_path / "inventory" / "2.parquet").unlink()
    found = verify_manifest(tmp_path).problems
    assert found == (
        "1 of 3 parts are not there, such as inventory/2.parquet",
        "1 of 3 parts are not the ones that the run was made of, such as inventory/1.parquet",
    )
    assert verify_manifest(tmp_path, deep=False).holds


@pytest.mark.parametrize(
    "parts",
    [
        "inventory",
        [{"path": "../outside", "sha256": "0"}],
        [{"path": "/etc/passwd", "sha256": "0"}],
        [{"path": 3, "sha256": "0"}],
        [{"path": "a"}],
        ["a"],
        [{"path": "", "sha256": "0"}],
    ],
)
def test_parts_that_are_not_named_properly_are_said_and_not_opened(tmp_path, parts):
    write(tmp_path, parts=parts)
    assert "does not name parts" in problems(tmp_path)


def test_the_parts_that_a_file_of_its_own_names_are_checked(tmp_path):
    for number in range(3):
        part(tmp_path, f"parts/{number}.parquet")
    write(tmp_path, parts=put_parts(tmp_path, sorted((tmp_path / "parts").iterdir())))
    assert verify_manifest(tmp_path).holds
    (tmp_path / "parts" / "1.parquet").write_bytes(b"rowz")
    (tmp_path / "parts" / "2.parquet").unlink()
    assert verify_manifest(tmp_path).problems == (
        "1 of 3 parts are not there, such as parts/2.parquet",
        "1 of 3 parts are not the ones that the run was made of, such as parts/1.parquet",
    )
    with (tmp_path / "parts.jsonl").open("a") as file:
        file.write("{}\n")
    assert problems(tmp_path) == "1 of 1 parts are not the ones that the run was made of, such as parts.jsonl"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no JSON", "parts.jsonl: not what hashsweep wrote"),
        ('{"path": "a"}', "parts.jsonl: not what hashsweep wrote"),
        ('{"path": "../a", "sha256": "0"}', "parts.jsonl: does not name parts"),
        ('{"path": "a", "sha256": 0}', "parts.jsonl: does not name parts"),
    ],
)
def test_a_forged_file_of_parts_is_said(tmp_path, line, words):
    named = [part(tmp_path, "parts.jsonl", f"{line}\n".encode())]
    write(tmp_path, parts=named)
    assert words in problems(tmp_path)


def test_a_part_that_is_a_folder_or_impossible_is_not_there(tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path, parts=[{"path": "sub", "sha256": "0"}, {"path": "a\0b", "sha256": "0"}])
    assert "2 of 2 parts are not there" in problems(tmp_path)


@pytest.mark.parametrize("name", ["manifest.parquet", "manifest.jsonl"])
def test_a_missing_file_is_a_problem(tmp_path, name):
    write(tmp_path)
    (tmp_path / name).unlink()
    assert f"{name}: No such file" in problems(tmp_path)


def test_a_missing_header_and_one_of_a_newer_version_are_no_manifest(tmp_path):
    with pytest.raises(ManifestError, match="no such manifest"):
        verify_manifest(tmp_path)
    (tmp_path / "manifest.json").write_bytes(json_bytes({"program": "hashsweep", "schema_version": 99}))
    with pytest.raises(ManifestError, match="written by a newer hashsweep"):
        verify_manifest(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"files": []}', "not a manifest of hashsweep"),
        (b"[]", "not a manifest of hashsweep"),
        (b'{"program": "hashsweep"}', "not what hashsweep wrote, at "),
    ],
)
def test_a_header_that_cannot_be_read_is_a_problem(tmp_path, content, words):
    write(tmp_path)
    (tmp_path / "manifest.json").write_bytes(content)
    checked = verify_manifest(tmp_path)
    assert not checked.holds
    assert words in " ".join(checked.problems)
    assert (checked.run_id, checked.digest, checked.chain, checked.statements) == (None, None, "unread", ())
    assert json.loads(json.dumps(checked.to_dict()))["holds"] is False


def detected(folder, deep=True):
    """Tell whether a change was seen: a problem in words, or no manifest at all."""
    try:
        return not verify_manifest(folder, deep=deep).holds
    except ManifestError:
        return True


def copied(signed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy") / "run"
    shutil.copytree(signed, folder)
    return folder


@pytest.mark.parametrize("bit", [0, 5, 7])
def test_a_flipped_bit_anywhere_in_the_header_is_seen(signed, tmp_path_factory, bit):
    folder = copied(signed, tmp_path_factory)
    original = (folder / "manifest.json").read_bytes()
    for offset in range(len(original)):
        changed = bytearray(original)
        changed[offset] ^= 1 << bit
        (folder / "manifest.json").write_bytes(changed)
        assert detected(folder, deep=False), f"byte {offset}"
    (folder / "manifest.json").write_bytes(original)
    assert not detected(folder)


quick = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@quick
@given(
    name=st.sampled_from(FILES),
    where=st.floats(0, 1, exclude_max=True),
    change=st.sampled_from(["flip", "remove", "add", "cut"]),
    value=st.integers(1, 255),
)
def test_any_changed_removed_or_added_byte_in_any_file_is_seen(
    signed, tmp_path_factory, name, where, change, value
):
    folder = copied(signed, tmp_path_factory)
    data = (folder / name).read_bytes()
    at = int(where * len(data))
    changed = {
        "flip": data[:at] + bytes([data[at] ^ value]) + data[at + 1 :],
        "remove": data[:at] + data[at + 1 :],
        "add": data[:at] + bytes([value]) + data[at:],
        "cut": data[:at],
    }[change]
    (folder / name).write_bytes(changed)
    assert detected(folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize("tail", [b"\n", b" ", b"\0", b"{}"])
@pytest.mark.parametrize("name", FILES)
def test_bytes_behind_the_end_are_seen(signed, tmp_path_factory, name, tail):
    folder = copied(signed, tmp_path_factory)
    with (folder / name).open("ab") as file:
        file.write(tail)
    assert detected(folder)


def test_rows_of_a_broken_file_are_not_believed(tmp_path):
    write(tmp_path)
    with (tmp_path / "manifest.jsonl").open("ab") as file:
        file.write(b"x")
    size = (tmp_path / "manifest.jsonl").stat().st_size
    checked = verify_manifest(tmp_path)
    assert checked.problems == (f"manifest.jsonl: {size} bytes where {size - 1} were written",)
    assert not checked.rows_read


def test_another_spelling_of_the_same_header_is_seen(tmp_path):
    header = write(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps(header))
    assert "its bytes are not as hashsweep writes them" in problems(tmp_path)
    doubled = json_bytes(header).replace(b'{\n  "counts"', b'{\n  "run_id": "run-0",\n  "counts"', 1)
    (tmp_path / "manifest.json").write_bytes(doubled)
    assert "its bytes are not as hashsweep writes them" in problems(tmp_path)


def forge(folder, table=None, lines=None, key=None, **changed):
    """Write an unsigned manifest anew with digests that are consistent, as a forger would."""
    header = json.loads((folder / "manifest.json").read_bytes())
    if table is not None:
        pq.write_table(table, folder / "manifest.parquet")
    if lines is not None:
        (folder / "manifest.jsonl").write_bytes(lines)
    for name in ("manifest.parquet", "manifest.jsonl"):
        data = (folder / name).read_bytes()
        header["files"][name].update(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    header.update(changed)
    header["digest"] = header_digest(header)
    header["signature"] = sign(header["digest"], key) if key else None
    (folder / "manifest.json").write_bytes(json_bytes(header))


def forged_rows(folder, rows):
    tally = Tally()
    lines = b"".join(tally.add(row) for row in rows)
    forge(folder, table_of(Finding, rows), lines)


def rows_of(folder):
    write(folder)
    return list(read_findings(folder))


def test_rows_that_differ_between_the_two_files_are_seen(tmp_path):
    rows = rows_of(tmp_path)
    forge(tmp_path, table_of(Finding, [*rows[:3], replace(rows[3], severity="none"), *rows[4:]]))
    assert "row 4: manifest.parquet and manifest.jsonl differ" in problems(tmp_path)


def test_a_row_in_one_file_alone_is_seen(tmp_path):
    rows = rows_of(tmp_path)
    forge(tmp_path, table_of(Finding, rows[:-1]))
    assert "row 12: in manifest.jsonl alone" in problems(tmp_path)
    forge(tmp_path, table_of(Finding, rows), b"")
    assert "row 1: manifest.parquet and manifest.jsonl differ" in problems(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[1:], "its counts are not those of the rows"),
        (lambda rows: rows[1:], "its rows_digest is not that of the rows"),
        (lambda rows: rows[1:], "its number of rows is not that of the files"),
        (lambda rows: [rows[1], rows[0], *rows[2:]], "row 2: not in order, or twice"),
        (lambda rows: [rows[0], *rows], "row 2: not in order, or twice"),
        (
            lambda rows: [replace(rows[0], finding_id="0" * 32), *rows[1:]],
            "its finding_id is not that of its object",
        ),
        (
            lambda rows: [replace(rows[0], object=replace(rows[0].object, etag="x")), *rows[1:]],
            "its finding_id is not that of its object",
        ),
        (
            lambda rows: [replace(rows[0], matches=rows[1].matches), *rows[1:]],
            "holds the match of another object",
        ),
        (lambda rows: [replace(rows[0], matches=()), *rows[1:]], "row 1: no match"),
        (lambda rows: [replace(rows[0], cluster_id="0" * 16), *rows[1:]], "its cluster_id is not that"),
        (lambda rows: [replace(rows[0], sha256=b"x" * 32), *rows[1:]], "its cluster_id is not that"),
        (
            lambda rows: [
                replace(rows[0], matches=(replace(rows[0].matches[0], distance=99),)),
                *rows[1:],
            ],
            "a distance beyond its threshold",
        ),
    ],
)
def test_rows_that_cannot_be_are_seen_although_every_digest_fits(tmp_path, change, words):
    forged_rows(tmp_path, change(rows_of(tmp_path)))
    assert words in problems(tmp_path)
    assert verify_manifest(tmp_path, deep=False).holds


def test_many_broken_rows_do_not_make_an_endless_report(tmp_path):
    write(tmp_path, rows=60)
    rows = [replace(row, finding_id="0" * 32) for row in read_findings(tmp_path)]
    forged_rows(tmp_path, rows)
    found = verify_manifest(tmp_path).problems
    assert len(found) < 25
    assert "stopped here" in found[-1]


def test_a_parquet_file_of_something_else_is_said(tmp_path):
    rows = rows_of(tmp_path)
    forge(tmp_path, pa.table({"a": [1]}))
    assert "holds no findings" in problems(tmp_path)
    table = table_of(Finding, rows)
    at = table.schema.get_field_index("last_modified")
    beyond = pa.array([2**62] * len(rows), pa.timestamp("us", tz="UTC"))
    forge(tmp_path, table.set_column(at, table.schema.field(at), beyond))
    assert "cannot be read" in problems(tmp_path)
    at = table.schema.get_field_index("outcome")
    unknown = pc.replace_substring(table["outcome"], "hashed", "seen")
    forge(tmp_path, table.set_column(at, table.schema.field(at), unknown))
    assert "cannot be read" in problems(tmp_path)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"counts": {}}, "its counts are not those of the rows"),
        ({"rows_digest": "0" * 64}, "its rows_digest is not that of the rows"),
        ({"run_id": "run-2"}, "its provenance names another run"),
        ({"files": {}}, "does not name manifest.parquet and manifest.jsonl alone"),
    ],
)
def test_a_header_that_says_otherwise_is_seen_although_its_digest_fits(tmp_path, changed, words):
    write(tmp_path)
    forge(tmp_path, **changed)
    assert words in problems(tmp_path)


def test_who_forges_everything_cannot_forge_the_signature(tmp_path, key):
    public = write(tmp_path / "run", key=key)["signature"]["public_key"]
    make_key(tmp_path / "forger")
    forge(tmp_path / "run", provenance=provenance(version="9"), key=load_key(tmp_path / "forger"))
    assert verify_manifest(tmp_path / "run").holds
    assert "signed by another key" in problems(tmp_path / "run", public_key=public)


def test_problems_hold_no_digest_of_an_object(tmp_path):
    rows = rows_of(tmp_path)
    forged_rows(tmp_path, [replace(row, finding_id="0" * 32) for row in rows])
    said = problems(tmp_path)
    for row in rows:
        assert row.object.etag not in said
        assert row.sha256 is None or row.sha256.hex() not in said


def test_times_at_the_edge_of_the_calendar_are_kept(tmp_path):
    edges = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]
    rows = [
        replace(row, object=replace(row.object, last_modified=edge))
        for row, edge in zip(findings(2), edges, strict=True)
    ]
    write_manifest(tmp_path, rows, provenance(), None, None)
    assert verify_manifest(tmp_path).holds
    assert {row.object.last_modified for row in read_findings(tmp_path)} == set(edges)
