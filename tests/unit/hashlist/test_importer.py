import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import HashListError
from scanner.hashlist.importer import import_list
from scanner.hashlist.row import entry_of
from scanner.hashlist.snapshot import active_snapshot, active_snapshots, open_snapshot
from scanner.hashlist.values import Refusal
from scanner.list_policy import ListPolicy, MemberPolicy
from scanner.records import ALGORITHM_BYTES, HashEntry, records_of
from scanner.workspace import Workspace
from tests.unit.hashlist import lists

AT = datetime(2026, 9, 1, 2, tzinfo=UTC)
WRITERS = {"csv": lists.write_csv, "jsonl": lists.write_jsonl, "parquet": lists.write_parquet}


@pytest.fixture
def bring(workspace, tmp_path):
    def bring(rows, name="iwf", suffix="csv", at=AT, accept=False, policy=None):
        path = WRITERS[suffix](tmp_path / f"list.{suffix}", rows)
        return import_list(workspace, name, path, policy or ListPolicy(), None, at, accept_changes=accept)

    return bring


def entries(report):
    return list(records_of(HashEntry, open_snapshot(report.snapshot)))


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_gives_the_same_snapshot(bring, suffix):
    rows = [
        row | {"member": "m", "classification": "A", "status": "active", "tags": "a;b"}
        for algorithm in ALGORITHM_BYTES
        for row in lists.rows(algorithm, 3)
    ]
    report = bring(rows, suffix=suffix)
    assert report.snapshot.counts["algorithm"] == dict.fromkeys(ALGORITHM_BYTES, 3)
    assert {entry.value for entry in entries(report)} == {bytes.fromhex(row["value"]) for row in rows}
    assert report.snapshot.digest == bring(rows, suffix="csv").snapshot.digest
    assert report.to_dict()["rows"] == 3 * len(ALGORITHM_BYTES)


def test_the_digest_depends_on_neither_order_nor_repetition_nor_clock(bring):
    rows = lists.rows("md5", 20)
    first = bring(rows)
    again = bring([*reversed(rows), *rows[:3]], at=AT + timedelta(days=1), accept=True)
    assert again.snapshot.digest == first.snapshot.digest
    assert (first.unchanged, again.unchanged) == (False, True)
    assert again.content.duplicates == 3


def test_importing_the_same_file_again_makes_the_list_young_and_says_unchanged(bring, workspace):
    bring(lists.rows("md5", 20))
    report = bring(lists.rows("md5", 20), at=AT + timedelta(days=1))
    assert report.unchanged
    assert "unchanged" in report.describe()
    assert report.to_dict()["removed"] == 0
    assert active_snapshot(workspace, "iwf").imported_at == AT + timedelta(days=1)


def test_an_import_replaces_the_list_and_keeps_the_earlier_snapshot(bring, workspace):
    first = bring(lists.rows("md5", 200))
    second = bring(lists.rows("md5", 200, start=2))
    assert (second.to_dict()["removed"], second.unchanged) == (2, False)
    assert "no longer matched 2; withdrawn 0" in second.describe()
    assert active_snapshots(workspace) == [second.snapshot]
    assert len(open_snapshot(first.snapshot)) == 200


def test_lists_stay_apart(bring, workspace):
    bring(lists.rows("md5", 5), "iwf")
    bring(lists.rows("md5", 5), "ncmec")
    assert len({snapshot.digest for snapshot in active_snapshots(workspace)}) == 2


def test_equal_rows_are_merged_and_of_two_values_the_last_wins(bring):
    rows = lists.rows("md5", 300)
    other = lists.value("md5", 999).hex()
    report = bring([*rows, rows[5], rows[5], rows[7] | {"value": other}])
    assert (report.content.duplicates, report.content.replaced) == (2, 1)
    assert "repeated entries 2; with another value 1" in report.describe()
    assert {entry.entry_id: entry.value.hex() for entry in entries(report)}["e000007"] == other


def test_entries_of_several_members_or_algorithms_with_one_id_are_kept(bring):
    rows = [
        {"entry_id": "1", "member": member, "algorithm": algorithm, "value": lists.value(algorithm, 1).hex()}
        for member in ("a", "b")
        for algorithm in ("md5", "pdq")
    ]
    assert bring(rows).snapshot.counts["entries"] == 4


def test_withdrawn_and_deleted_entries_are_kept_and_not_counted_as_matched(bring):
    rows = [
        row | {"status": status}
        for row, status in zip(
            lists.rows("md5", 4), ["active", "disputed", "withdrawn", "deleted"], strict=True
        )
    ]
    counts = bring(rows).snapshot.counts
    assert (counts["entries"], counts["matched"]) == (4, 2)


BAD = [
    {"algorithm": "md4", "value": "00"},
    {"algorithm": "photodna", "value": "00"},
    {"algorithm": "md5", "value": ""},
    {"algorithm": "md5", "value": lists.value("sha1", 1).hex()},
    {"algorithm": "md5", "value": lists.value("md5", 1).hex()[:-1] + "x"},
    {"algorithm": "md5", "value": "d41d8cd98f00b204e9800998ecf8427e"},
    {"algorithm": "pdq", "value": "0" * 64},
    {"algorithm": "md5", "value": lists.value("md5", 2).hex(), "status": "gone"},
    {"algorithm": "md5", "value": lists.value("md5", 3).hex(), "modified_at": "soon"},
    {"algorithm": "md5", "value": lists.value("md5", 4).hex(), "classification": lists.value("md5", 4).hex()},
]
REASONS = {
    "unknown_algorithm": 2,
    "unsupported_algorithm": 3,
    "missing_value": 4,
    "wrong_length": 5,
    "not_hex": 6,
    "empty_file": 7,
    "degenerate": 8,
    "unknown_status": 9,
    "unreadable_time": 10,
    "value_in_text": 11,
}


def test_refusals_are_counted_by_reason_with_their_lines(bring):
    report = bring([*BAD, *lists.rows("md5", 1000, start=10)])
    assert report.to_dict()["refusals"] == {
        reason: {"count": 1, "lines": [line]} for reason, line in REASONS.items()
    }
    assert "refused 10 of 1,010 rows; degenerate 1 (line 8); empty_file 1 (line 7)" in report.describe()
    header = json.loads((report.snapshot.path / "snapshot.json").read_text())
    assert header["source"]["refusals"] == report.to_dict()["refusals"]


def test_only_the_first_lines_of_a_reason_are_kept(bring):
    report = bring([*(BAD[:1] * 15), *lists.rows("md5", 5)], accept=True)
    assert report.to_dict()["refusals"]["unknown_algorithm"] == {"count": 15, "lines": list(range(2, 12))}
    assert "11, ...)" in report.describe()


@pytest.mark.parametrize(("good", "stopped"), [(98, True), (99, False)])
def test_the_first_import_already_stops_when_more_than_a_hundredth_is_refused(
    bring, workspace, good, stopped
):
    rows = [*BAD[:1], *lists.rows("md5", good)]
    if not stopped:
        assert bring(rows).to_dict()["refused"] == 1
        return
    with pytest.raises(
        HashListError, match=r"refused 1 of 99 rows; unknown_algorithm 1 \(line 2\).*--accept"
    ):
        bring(rows)
    assert not any(workspace.lists.iterdir())
    assert bring(rows, accept=True).snapshot.counts["entries"] == 98


def test_rows_of_algorithms_that_nothing_here_computes_are_reported_and_stop_no_import(bring):
    other = [row | {"algorithm": "PhotoDNA", "value": "00" * 144} for row in lists.rows("md5", 200)]
    report = bring([*other, *lists.rows("md5", 200)])
    assert report.to_dict()["refusals"]["unsupported_algorithm"]["count"] == 200
    assert "unsupported_algorithm 200" in report.describe()


def test_rows_of_algorithms_that_nothing_here_computes_dilute_no_other_refusals(bring):
    other = [row | {"algorithm": "PhotoDNA", "value": "00" * 144} for row in lists.rows("md5", 200)]
    with pytest.raises(HashListError, match="refused 202 of 300 rows"):
        bring([*other, *(BAD[:1] * 2), *lists.rows("md5", 98)])


def test_an_import_stops_when_many_rows_overwrite_each_other(bring):
    rows = [row | {"entry_id": "case-1"} for row in lists.rows("md5", 10)]
    with pytest.raises(HashListError, match="9 rows overwrite the value of an entry"):
        bring(rows)
    assert bring(rows, accept=True).content.replaced == 9


@pytest.mark.parametrize(("gone", "stopped"), [(2, False), (3, True)])
def test_an_import_stops_when_it_removes_more_than_a_hundredth(bring, workspace, gone, stopped):
    first = bring(lists.rows("md5", 200))
    later = lists.rows("md5", 200, start=gone)
    if stopped:
        with pytest.raises(
            HashListError, match=r"3 of 200 entries would be no longer matched, .*; nothing was changed"
        ):
            bring(later)
        assert active_snapshot(workspace, "iwf") == first.snapshot
    assert bring(later, accept=stopped).lost.vanished == gone


def test_changing_many_entries_stops_as_removing_them_does(bring):
    rows = lists.rows("md5", 100)
    bring(rows)
    with pytest.raises(HashListError, match="2 of 100 entries"):
        bring([*(row | {"value": lists.value("md5", 999).hex()} for row in rows[:2]), *rows[2:]])


@pytest.mark.parametrize("status", ["withdrawn", "deleted"])
@pytest.mark.parametrize(("count", "withdrawn"), [(3, 1), (200, 100)])
def test_what_the_list_itself_withdraws_stops_no_import(bring, status, count, withdrawn):
    rows = lists.rows("md5", count)
    bring(rows)
    report = bring([*(row | {"status": status} for row in rows[:withdrawn]), *rows[withdrawn:]])
    assert (report.to_dict()["removed"], report.to_dict()["vanished"]) == (withdrawn, 0)
    assert f"no longer matched {withdrawn}; withdrawn {withdrawn}" in report.describe()
    assert report.snapshot.counts["matched"] == count - withdrawn


def ending(row, **columns):
    """Return the row that ends an entry without repeating its value."""
    return {"entry_id": row["entry_id"], "algorithm": row["algorithm"], "status": "withdrawn", **columns}


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("status", ["withdrawn", " Deleted"])
@pytest.mark.parametrize("value", [None, "", " "])
def test_a_row_that_withdraws_an_entry_without_its_value_ends_it(bring, suffix, status, value):
    rows = [row | {"member": "m"} for row in lists.rows("md5", 3)]
    end = ending(rows[1], member="m", status=status, value=value)
    report = bring([*rows, end], suffix=suffix)
    assert [entry.entry_id for entry in entries(report)] == ["e000000", "e000002"]
    figures = report.to_dict()
    assert (figures["tombstones"], figures["refused"], figures["replaced"]) == (1, 0, 0)
    assert "rows that withdraw an entry without its value 1" in report.describe()


def test_only_the_entry_of_the_same_member_id_and_algorithm_is_ended(bring):
    rows = [*lists.rows("md5", 1, member="m"), *lists.rows("md5", 1), *lists.rows("sha1", 1)]
    report = bring([*rows, ending(rows[1])])
    assert [(entry.member, entry.algorithm) for entry in entries(report)] == [("", "sha1"), ("m", "md5")]


def test_an_entry_that_comes_again_after_its_end_is_kept(bring):
    rows = lists.rows("md5", 2)
    assert len(entries(bring([rows[0], ending(rows[0]), *rows]))) == 2
    late, early = ({"modified_at": f"2026-01-0{day}"} for day in (2, 1))
    assert len(entries(bring([rows[0] | late, ending(rows[0], **early), rows[1]], "b"))) == 2
    assert len(entries(bring([ending(rows[0], **late), rows[0] | early, rows[1]], "c"))) == 1


def test_an_end_without_a_value_stops_no_import_of_a_list_that_had_the_entry(bring):
    rows = lists.rows("md5", 3)
    bring(rows)
    report = bring([*rows[1:], ending(rows[0])])
    assert (report.lost.removed, report.lost.vanished) == (1, 0)


@pytest.mark.parametrize("algorithm", ["md5", "pdq", "sha256"])
@pytest.mark.parametrize("spell", ["{}", "md5:{}"])
def test_an_entry_whose_id_gives_its_value_away_is_ended_by_that_id_too(bring, algorithm, spell):
    rows = [row | {"entry_id": spell.format(row["value"])} for row in lists.rows(algorithm, 2)]
    assert len(entries(bring([*rows, ending(rows[0])]))) == 1


def test_an_entry_without_value_that_is_not_withdrawn_or_has_no_id_is_refused(bring):
    rows = lists.rows("md5", 300)
    without = [
        {"entry_id": "x", "algorithm": "md5", "value": ""},
        {"algorithm": "md5", "value": "", "status": "deleted"},
    ]
    assert bring([*rows, *without]).to_dict()["refusals"]["missing_value"]["count"] == 2


CLASHES = {
    "unknown_status": {"status": "revoked"},
    "unreadable_time": {"status": "withdrawn", "modified_at": "soon"},
    "wrong_length": {"status": "withdrawn", "value": "00"},
    "degenerate": {"status": "withdrawn", "value": "0" * 32},
    "missing_value": {"value": ""},
    "unknown_algorithm": {"status": "withdrawn", "algorithm": ""},
    "value_in_text": {"classification": lists.value("sha1", 5).hex()},
}


@pytest.mark.parametrize(
    ("reason", "identified"),
    [
        *((reason, True) for reason in CLASHES),
        *((reason, False) for reason, columns in CLASHES.items() if "value" not in columns),
    ],
)
def test_a_refused_row_that_speaks_of_an_entry_stops_the_import(bring, workspace, reason, identified):
    rows = lists.rows("md5", 500)
    if not identified:
        rows = [{"algorithm": row["algorithm"], "value": row["value"]} for row in rows]
    wrong = rows[7] | CLASHES[reason]
    with pytest.raises(
        HashListError, match=rf"1 refused rows speak of .* \(line 502\).*{reason} 1.*--accept"
    ) as e:
        bring([*rows, wrong])
    assert rows[7]["value"] not in str(e.value)
    assert active_snapshots(workspace) == []
    report = bring([*rows, wrong], accept=True)
    assert any("1 refused rows speak of entries" in remark for remark in report.remarks)


def test_a_refused_row_that_speaks_of_an_ended_entry_stops_too(bring):
    rows = lists.rows("md5", 300)
    with pytest.raises(HashListError, match=r"1 refused rows .* \(line 303\)"):
        bring([*rows, ending(rows[0]), rows[0] | {"status": "back"}])


def test_only_the_first_lines_of_refused_rows_that_speak_of_entries_are_named(bring):
    rows = lists.rows("md5", 2000)
    wrong = [row | {"status": "gone"} for row in rows[:15]]
    with pytest.raises(
        HashListError, match=r"15 refused rows .* \(line 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, \.\.\.\)"
    ):
        bring([*wrong, *rows])


def test_refused_rows_of_other_members_ids_and_algorithms_stop_nothing(bring):
    rows = lists.rows("md5", 1000)
    other = [
        rows[0] | {"status": "gone", "member": "m"},
        rows[0] | {"status": "gone", "entry_id": "x"},
        rows[0] | {"status": "gone", "algorithm": "sha1"},
        rows[0] | {"status": "gone", "algorithm": "photodna"},
        {"status": "gone"},
    ]
    assert bring([*other, *rows]).remarks == ()


def test_withdrawals_hide_no_entries_that_vanish_beside_them(bring):
    rows = lists.rows("md5", 50)
    bring(rows)
    with pytest.raises(HashListError, match="1 of 50 entries would be no longer matched"):
        bring([*(row | {"status": "withdrawn"} for row in rows[:10]), *rows[11:]])


def test_a_cut_off_file_stops(bring):
    bring(lists.rows("md5", 100))
    with pytest.raises(HashListError, match="50 of 100 entries"):
        bring(lists.rows("md5", 50))


@pytest.mark.parametrize("rows", [BAD, [row | {"status": "deleted"} for row in lists.rows("md5", 3)]])
def test_a_file_without_an_entry_to_match_is_never_imported(bring, workspace, rows):
    with pytest.raises(HashListError, match="no entry that could be matched"):
        bring(rows, accept=True)
    assert active_snapshots(workspace) == []


def test_a_header_alone_is_never_imported(workspace, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("algorithm,value\n")
    with pytest.raises(HashListError, match="no entry that could be matched; refused 0 of 0 rows"):
        import_list(workspace, "iwf", path, ListPolicy(), None, AT)


@pytest.mark.parametrize("file", ["entries.parquet", "snapshot.json", "../current.json"])
def test_a_damaged_earlier_snapshot_is_replaced_once_somebody_agrees(bring, workspace, file):
    rows = lists.rows("md5", 20)
    first = bring(rows)
    (first.snapshot.path / file).write_bytes(b"junk")
    with pytest.raises(
        HashListError, match="there is nothing to compare with: nothing was changed; --accept"
    ):
        bring(rows)
    report = bring(rows, accept=True)
    assert report.snapshot.digest == first.snapshot.digest
    assert (report.lost, len(open_snapshot(active_snapshot(workspace, "iwf")))) == (None, 20)


def test_a_name_that_cannot_be_a_folder_is_refused_before_the_file_is_read(workspace, tmp_path):
    with pytest.raises(HashListError, match="no name for a list"):
        import_list(workspace, "../x", tmp_path / "missing.csv", ListPolicy(), None, AT)


def test_columns_of_the_policy_are_mapped(bring):
    rows = [{"Type": row["algorithm"], "Hash": row["value"], "Grade": "A"} for row in lists.rows("sha256", 3)]
    columns = {"algorithm": "Type", "value": "Hash", "classification": "Grade"}
    report = bring(rows, policy=ListPolicy(columns=columns))
    assert report.snapshot.counts["classification"] == {"A": 3}


def test_entries_without_id_are_different_entries(bring):
    rows = [{"algorithm": row["algorithm"], "value": row["value"]} for row in lists.rows("pdq", 30)]
    assert bring(rows).snapshot.counts["entries"] == 30


def test_digests_as_entry_ids_are_kept_under_other_ids_and_counted(bring):
    ids = [lists.value("md5", n).hex() for n in range(3)]
    rows = [row | {"entry_id": ids[n]} for n, row in enumerate(lists.rows("pdq", 3))]
    report = bring([*rows, *lists.rows("sha1", 2)])
    assert report.to_dict()["derived_ids"] == 3
    assert "kept under another id 3" in report.describe()
    kept = {entry.entry_id for entry in entries(report)}
    assert len(kept) == 5
    assert kept.isdisjoint(ids)
    assert "another id" not in bring(lists.rows("md5", 2), "other").describe()


def test_classifications_that_only_the_settings_know_are_named(bring):
    rows = lists.rows("md5", 3, classification="A1")
    report = bring(rows, policy=ListPolicy(illegal=("A1", "a1"), ignore=("none",)))
    assert report.remarks == (
        "settings: illegal names classification 'a1', which no entry has",
        "settings: ignore names classification 'none', which no entry has",
    )
    assert report.remarks[0] in report.describe()


def test_a_rare_classification_of_many_is_still_known_to_the_settings(bring):
    rows = [row | {"classification": f"c{n:03}"} for n, row in enumerate(lists.rows("md5", 150))]
    report = bring(rows, policy=ListPolicy(illegal=("c149",), ignore=("c150",)))
    assert "c149" not in report.snapshot.counts["classification"]
    assert report.remarks == ("settings: ignore names classification 'c150', which no entry has",)


def mixed_up(algorithm, other, count):
    return [row | {"algorithm": algorithm} for row in lists.rows(other, count)]


def test_pdq_values_of_unusual_weight_are_counted(bring):
    unusual = lists.near(lists.value("pdq", 50), 1).hex()
    report = bring([*lists.rows("pdq", 30), {"entry_id": "x", "algorithm": "pdq", "value": unusual}])
    assert report.content.weights.unusual == 1
    assert report.remarks == ("1 of 31 PDQ values do not have exactly 128 ones",)


def test_pdq_and_sha256_in_each_others_column_are_pointed_out(bring):
    report = bring(mixed_up("pdq", "sha256", 50), "a", accept=True)
    assert any("most PDQ values do not look like PDQ" in remark for remark in report.remarks)
    report = bring(mixed_up("sha256", "pdq", 50), "b")
    assert any("most SHA-256 values look like PDQ" in remark for remark in report.remarks)
    report = bring([*lists.rows("pdq", 50), *lists.rows("sha256", 50, start=50)], "c")
    assert report.remarks == ()


def test_an_import_leaves_nothing_but_the_snapshot_and_its_pointer(bring, workspace):
    report = bring(lists.rows("md5", 3))
    files = {
        path.relative_to(workspace.lists / "iwf") for path in workspace.lists.rglob("*") if path.is_file()
    }
    digest = report.snapshot.digest
    assert {str(path) for path in files} == {
        "current.json",
        f"{digest}/entries.parquet",
        f"{digest}/snapshot.json",
    }
    modes = {path.stat().st_mode & 0o777 for path in workspace.lists.rglob("*") if path.is_dir()}
    assert modes == {0o700}


def test_a_list_that_is_sorted_on_disk_is_the_one_sorted_in_memory(bring, workspace, monkeypatch):
    rows = [*lists.rows("md5", 300), *lists.rows("pdq", 300, member="m"), *lists.rows("md5", 5), *BAD[:3]]
    whole = bring(rows, "whole")
    monkeypatch.setattr("scanner.hashlist.importer.BATCH_ENTRIES", 17)
    monkeypatch.setattr("scanner.hashlist.sorting.RUN_ROWS", 50)
    monkeypatch.setattr("scanner.hashlist.sorting.BATCH_ROWS", 7)
    monkeypatch.setattr("scanner.hashlist.writing.GROUP_ROWS", 64)
    pieces = bring([{**row} for row in rows], "pieces")
    assert [one.to_dict() | {"list": "", "digest": ""} for one in (whole, pieces)] == [
        pieces.to_dict() | {"list": "", "digest": ""}
    ] * 2
    values = [[entry.value for entry in entries(one)] for one in (whole, pieces)]
    assert values[0] == values[1]
    assert [path.name for path in workspace.lists.iterdir() if not path.is_dir()] == []


@pytest.mark.parametrize("suffix", WRITERS)
def test_accepted_merged_and_refused_rows_are_all_that_were_read(bring, suffix):
    rows = [*lists.rows("md5", 300), *lists.rows("md5", 7), *BAD[:2], ending(lists.rows("md5", 1)[0])]
    report = bring([row | {"algorithm": row["algorithm"]} for row in rows], suffix=suffix, accept=True)
    said = report.to_dict()
    ended = 1
    assert said["rows"] == report.snapshot.counts["entries"] + ended + said["merged"] + said["refused"]
    assert (said["rows"], said["merged"], said["refused"]) == (310, 8, 2)


def test_files_of_a_list_are_imported_together(workspace, tmp_path):
    files = [lists.write_csv(tmp_path / f"{n}.csv", lists.rows("md5", 50, start=50 * n)) for n in range(3)]
    report = import_list(workspace, "iwf", files, ListPolicy(), None, AT)
    assert (report.snapshot.counts["entries"], report.snapshot.source["files"]) == (150, 3)
    with pytest.raises(HashListError, match="files of one format are imported at a time"):
        import_list(workspace, "iwf", [*files, tmp_path / "a.jsonl"], ListPolicy(), None, AT)


def test_lines_of_several_files_are_numbered_through(workspace, tmp_path):
    files = [
        lists.write_csv(tmp_path / f"{n}.csv", [*lists.rows("md5", 99, start=99 * n), BAD[0]])
        for n in range(2)
    ]
    report = import_list(workspace, "iwf", files, ListPolicy(), None, AT, accept_changes=True)
    assert report.to_dict()["refusals"]["unknown_algorithm"]["lines"] == [101, 202]


@pytest.mark.parametrize("column", ["member", "entry_id", "classification", "tags"])
def test_text_beyond_all_measure_is_no_name(bring, column):
    rows = [*lists.rows("md5", 300), {**lists.rows("md5", 1, start=900)[0], column: "n" * 1001}]
    assert bring(rows).to_dict()["refusals"]["malformed_row"]["count"] == 1


def test_what_a_list_withdraws_at_once_stops_beyond_a_hundredth_and_a_hundred(bring):
    rows = lists.rows("md5", 300)
    bring(rows)
    withdrawn = [*(row | {"status": "withdrawn"} for row in rows[:101]), *rows[101:]]
    with pytest.raises(HashListError, match="101 of 300 entries would be no longer matched; nothing was"):
        bring(withdrawn)
    assert bring(withdrawn, accept=True).lost.removed == 101


def test_records_that_become_no_findings_are_told_at_import(bring):
    rows = [
        row | {"scheme": "vics-us", "classification": category}
        for row, category in zip(lists.rows("md5", 6), "001444", strict=True)
    ]
    told = "entries of classification '{}' (vics-us) are kept and become no findings"
    remarks = bring(rows).remarks
    assert [told.format(name) in remark for name, remark in zip("04", remarks, strict=True)] == [True, True]
    assert remarks[0].startswith("2 entries")
    assert bring(rows, policy=ListPolicy(review=("0",), ignore=("4",))).remarks == ()


def test_settings_that_name_no_member_or_classification_of_the_list_are_told(bring):
    policy = ListPolicy(
        review=("*", "Q"), members={"north": MemberPolicy(illegal=("Z",)), "nobody": MemberPolicy()}
    )
    rows = [row | {"classification": "A"} for row in lists.rows("md5", 3, member="north")]
    assert bring(rows, policy=policy).remarks == (
        "settings: review names classification 'Q', which no entry has",
        "settings: members names 'nobody', of whom no entry is",
        "settings: members.north.illegal names classification 'Z', which no entry has",
    )


def test_members_without_end_cannot_have_settings_of_their_own(bring, monkeypatch):
    monkeypatch.setattr("scanner.hashlist.meanings.MOST_MEMBERS", 2)
    rows = [row | {"member": f"m{number}"} for number, row in enumerate(lists.rows("md5", 3))]
    policy = ListPolicy(members={"m1": MemberPolicy(review=("*",))})
    with pytest.raises(HashListError, match=r"members, so that \[lists.iwf.members\] cannot speak of single"):
        bring(rows, policy=policy)
    assert bring(rows[:2], policy=policy).snapshot.counts["entries"] == 2
    assert bring(rows).snapshot.source["members"] == 3


spellings = st.fixed_dictionaries(
    {
        "entry_id": st.sampled_from(["", "a", "b", lists.value("md5", 1).hex()]),
        "member": st.sampled_from(["", "m"]),
        "algorithm": st.sampled_from(["md5", "sha1", "photodna", "odd", ""]),
        "value": st.sampled_from(["", "zz", *(lists.value("md5", n).hex() for n in range(3))]),
        "status": st.sampled_from(["active", "disputed", "withdrawn", "negative", "gone", ""]),
        "modified_at": st.sampled_from(["", "soon", "2026-01-01", "2026-01-02"]),
    }
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.lists(spellings, min_size=1, max_size=12))
def test_every_row_is_an_entry_an_end_merged_or_refused(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("import")
    path = lists.write_csv(folder / "list.csv", rows)
    read = [entry_of("iwf", row) for row in rows]
    keys = {(one.member, one.entry_id, one.algorithm) for one in read if isinstance(one, HashEntry)}
    refused = sum(isinstance(one, Refusal) for one in read)
    try:
        workspace = Workspace(folder / "workspace").create()
        report = import_list(workspace, "iwf", path, ListPolicy(), None, AT, accept_changes=True)
    except HashListError as error:
        assert "no entry that could be matched" in str(error)  # noqa: PT017 (either outcome is right)
        return
    said = report.to_dict()
    assert (said["rows"], said["refused"]) == (len(rows), refused)
    assert said["rows"] == len(keys) + said["merged"] + said["refused"]
    assert said["counts"]["entries"] <= len(keys)
