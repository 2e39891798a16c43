"""Answers of StopNCII, ThreatExchange and Tech Against Terrorism; each of their traps has its test."""

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.config import ListPolicy
from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats import read_rows
from scanner.hashlist.importer import import_list
from scanner.hashlist.snapshot import open_snapshot
from scanner.hashlist.values import Refusal
from scanner.records import HashEntry, records_of
from scanner.workspace import Workspace
from tests.unit.hashlist import lists

AT = datetime(2026, 3, 1, tzinfo=UTC)
ARRAYS = {"stopncii": "hashRecords", "threatexchange": "data", "tat": "results"}


@pytest.fixture
def read(tmp_path):
    def read(name, *records, **others):
        file = tmp_path / "answer.json"
        file.write_text(json.dumps({ARRAYS[name]: list(records)} | others))
        return [row for _, row in read_rows(file, name, FileColumns({}))]

    return read


@pytest.fixture
def bring(workspace, tmp_path):
    """Return a function that imports an answer, and tells the entries that there are then."""

    def bring(name, *records, accept=False):
        file = tmp_path / "answer.json"
        file.write_text(json.dumps({ARRAYS[name]: list(records)}))
        report = import_list(workspace, name, file, ListPolicy(), name, AT, accept_changes=accept)
        return report, list(records_of(HashEntry, open_snapshot(report.snapshot)))

    return bring


def submitted(seed, **columns):
    return {
        "lastModtimestamp": 1_767_571_200,
        "hashValue": lists.value("pdq", seed).hex(),
        "hashStatus": "Active",
        "caseNumbers": {"5f0c8b3e-0000-4000-8000-000000000001": "Active"},
        "signalType": "ImagePDQ",
    } | columns


def feedback(**said):
    return [{"source": source, "feedbackValue": value, "tags": []} for source, value in said.items()]


def test_submitted_hashes_become_entries_named_by_their_values(bring):
    video = submitted(2, signalType="VideoMD5", hashValue=lists.value("md5", 2).hex())
    _, entries = bring("stopncii", submitted(1), video)
    told = {(entry.algorithm, entry.media_type, entry.scheme, entry.member) for entry in entries}
    assert told == {("pdq", "image", "stopncii", ""), ("md5", "video", "stopncii", "")}
    assert all(entry.entry_id.startswith("derived-") for entry in entries)
    assert {entry.modified_at for entry in entries} == {datetime(2026, 1, 5, tzinfo=UTC)}


@pytest.mark.parametrize("state", ["Withdrawn", "Deleted"])
def test_a_withdrawn_hash_is_removed_although_the_peer_never_removes_one(bring, state):
    bring("stopncii", *(submitted(n) for n in range(3)))
    report, entries = bring("stopncii", submitted(1, hashStatus=state, lastModtimestamp=1_767_571_300))
    assert {entry.value for entry in entries} == {lists.value("pdq", 0), lists.value("pdq", 2)}
    assert report.lost.removed == 1
    assert lists.value("pdq", 1) not in (report.snapshot.path / "entries.parquet").read_bytes()


def test_a_withdrawn_hash_whose_time_cannot_be_read_is_removed_too(bring):
    bring("stopncii", submitted(1), submitted(2))
    assert len(bring("stopncii", submitted(1, hashStatus="Withdrawn", lastModtimestamp="soon"))[1]) == 1


def test_the_state_of_a_case_does_not_end_a_hash(read):
    (row,) = read("stopncii", submitted(1, caseNumbers={"a": "Withdrawn", "b": "Deleted"}))
    assert row["status"] == "active"


@pytest.mark.parametrize("state", ["Received", "Active", "Unknown", "Undefined", "", None, 7])
def test_a_state_that_nobody_knows_loses_no_hash(read, state):
    (row,) = read("stopncii", submitted(1, hashStatus=state))
    known = state in ("Received", "Active", "Unknown")
    assert (row["status"], row["tags"]) == ("active", [] if known else ["status:unknown"])


@pytest.mark.parametrize("signal", ["Text", "URL", "Unknown", "ImageNew", None, 3])
def test_what_is_no_hash_of_a_picture_is_refused_and_no_fault(read, signal):
    assert read("stopncii", submitted(1, signalType=signal)) == [Refusal.UNSUPPORTED_ALGORITHM]


@pytest.mark.parametrize("signal", ["VideoTMK", "PhotoDNA", "ImagePhotoDNA"])
def test_hashes_that_nothing_here_computes_are_refused_by_name(bring, signal):
    report, _ = bring("stopncii", submitted(1), submitted(2, signalType=signal))
    assert report.to_dict()["refusals"]["unsupported_algorithm"]["count"] == 1


def test_a_pdq_of_32_characters_is_refused(bring):
    report, entries = bring("stopncii", submitted(1), submitted(2, hashValue="ab" * 16), accept=True)
    assert len(entries) == 1
    assert report.to_dict()["refusals"]["wrong_length"]["count"] == 1


@pytest.mark.parametrize(
    ("said", "status", "tags"),
    [
        ({}, "active", []),
        ({"a": "Blocked"}, "active", ["by:a"]),
        ({"a": "Blocked", "b": "NotBlocked"}, "disputed", ["by:a", "against:b"]),
        ({"a": "NotBlocked", "b": "NotBlocked"}, "negative", ["against:a", "against:b"]),
        ({"a": "PendingReview", "b": "None", "c": "Undefined"}, "active", []),
        ({"ab" * 16: "Blocked"}, "active", []),
    ],
)
def test_who_blocked_and_who_did_not_decide_the_status(read, said, status, tags):
    (row,) = read("stopncii", submitted(1, CSPFeedbacks=feedback(**said), hashRegions=["UK"]))
    assert (row["status"], row["tags"]) == (status, [*tags, "region:UK"])


def test_an_entry_that_everybody_is_against_is_kept_and_never_matched(bring):
    against = submitted(1, CSPFeedbacks=feedback(a="NotBlocked"))
    report, entries = bring("stopncii", submitted(2), against)
    assert {entry.status for entry in entries} == {"active", "negative"}
    assert (report.snapshot.counts["entries"], report.snapshot.counts["matched"]) == (2, 1)


@pytest.mark.parametrize("time", ["1767571200", 1767571200, 1767571200.0])
def test_times_are_seconds_as_numbers_or_text(read, time):
    (row,) = read("stopncii", submitted(1, lastModtimestamp=time))
    assert row["modified_at"] == datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("time", ["soon", True, [1], 1e300, "nan"])
def test_times_that_are_none_are_refused(read, time):
    assert read("stopncii", submitted(1, lastModtimestamp=time)) == [Refusal.UNREADABLE_TIME]


def indicator(seed, *descriptors, kind="HASH_PDQ", **columns):
    algorithm = "pdq" if kind == "HASH_PDQ" else "md5"
    return {
        "id": str(seed),
        "indicator": lists.value(algorithm, seed).hex(),
        "type": kind,
        "last_updated": 1_767_571_200,
        "should_delete": False,
        "descriptors": {"data": list(descriptors)},
    } | columns


def descriptor(owner="111", status="UNKNOWN", tags=(), **columns):
    return {"id": "5", "owner": {"id": owner}, "status": status, "tags": list(tags)} | columns


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("HASH_PDQ", "pdq"), ("HASH_MD5", "md5"), ("HASH_VIDEO_MD5", "md5")]
)
def test_hashes_of_photos_are_kept_although_the_peer_drops_md5(bring, kind, algorithm):
    _, (entry,) = bring("threatexchange", indicator(1, descriptor(), kind=kind))
    assert (entry.algorithm, entry.value) == (algorithm, lists.value(algorithm, 1))


@pytest.mark.parametrize("gone", [{"should_delete": True}, {"descriptors": None}])
def test_what_is_to_be_deleted_or_has_no_descriptors_left_is_removed(bring, gone):
    bring("threatexchange", indicator(1, descriptor()), indicator(2, descriptor()))
    later = indicator(1, descriptor(), last_updated=1_767_571_300) | gone
    _, entries = bring("threatexchange", later)
    assert [entry.value for entry in entries] == [lists.value("pdq", 2)]


@pytest.mark.parametrize(
    ("descriptors", "status", "tags"),
    [
        ([descriptor()], "active", []),
        ([descriptor("1", "MALICIOUS"), descriptor("2", "MALICIOUS")], "active", ["by:1", "by:2"]),
        ([descriptor("1", "MALICIOUS"), descriptor("2", "NON_MALICIOUS")], "disputed", ["by:1", "against:2"]),
        ([descriptor("1", "NON_MALICIOUS")], "negative", ["against:1"]),
        ([descriptor(reactions=[{"key": "HELPFUL", "value": "8,9"}])], "active", ["by:8", "by:9"]),
        ([descriptor(reactions=[{"key": "DISAGREE_WITH_TAGS", "value": "8"}])], "negative", ["against:8"]),
        ([descriptor(reactions=[{"key": "SAW_THIS_TOO", "value": "8"}])], "active", []),
        ([descriptor(status="MALICIOUS", owner=None) | {"owner": None}], "active", []),
    ],
)
def test_owners_and_reactions_are_opinions(read, descriptors, status, tags):
    (row,) = read("threatexchange", indicator(1, *descriptors))
    assert (row["status"], row["tags"]) == (status, tags)


@pytest.mark.parametrize("wrapped", [True, False])
def test_tags_are_texts_or_objects_and_tell_the_kind_of_file(read, wrapped):
    tags = {"data": [{"text": "media_type_video"}, {"text": "x"}]} if wrapped else ["media_type_video", "x"]
    (row,) = read("threatexchange", indicator(1, descriptor() | {"tags": tags}, kind="HASH_MD5"))
    assert (row["media_type"], row["tags"]) == ("video", ["media_type_video", "x"])


@pytest.mark.parametrize("kind", ["URI", "TEXT_STRING", "TREND_QUERY", None])
def test_texts_and_addresses_are_refused_and_no_fault(read, kind):
    assert read("threatexchange", indicator(1, descriptor(), kind=kind)) == [Refusal.UNSUPPORTED_ALGORITHM]


def listed(seed, **columns):
    return {
        "id": seed,
        "hash_digest": lists.value("md5", seed).hex(),
        "algorithm": "MD5",
        "ideology": "islamist",
        "file_type": "mp4",
        "deleted": False,
        "created_on": "2026-01-01T00:00:00Z",
        "updated_on": "2026-01-05T00:00:00Z",
    } | columns


def test_entries_of_a_snapshot_keep_id_ideology_and_time(bring):
    _, (entry,) = bring("tat", listed(7))
    assert (entry.entry_id, entry.classification, entry.media_type) == ("7", "islamist", "video")
    assert entry.modified_at == datetime(2026, 1, 5, tzinfo=UTC)


def test_removals_of_a_full_snapshot_are_found_by_difference(bring):
    bring("tat", *(listed(n) for n in range(200)))
    report, entries = bring("tat", *(listed(n) for n in range(2, 200)))
    assert (len(entries), report.lost.removed, report.lost.vanished) == (198, 2, 2)
    with pytest.raises(HashListError, match="3 of 198 entries would be no longer matched"):
        bring("tat", *(listed(n) for n in range(5, 200)))


def test_a_deleted_entry_is_never_matched(bring):
    report, _ = bring("tat", listed(1), listed(2, deleted=True))
    assert report.snapshot.counts["matched"] == 1


@pytest.mark.parametrize(
    ("file_type", "media_type"),
    [
        ("mp4", "video"),
        (".MOV", "video"),
        ("video/mp4", "video"),
        ("image/png", "image"),
        ("jpg", "image"),
        ("pdf", None),
        (None, None),
        (3, None),
    ],
)
def test_the_kind_of_file_tells_pictures_from_videos(read, file_type, media_type):
    assert read("tat", listed(1, file_type=file_type))[0]["media_type"] == media_type


def test_a_snapshot_without_a_record_is_no_list(read):
    with pytest.raises(HashListError, match="no record; not a list"):
        read("tat")


@pytest.mark.parametrize("name", ["stopncii", "threatexchange"])
def test_an_answer_without_news_is_an_answer(read, name):
    assert read(name) == []


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("text", ["{}", "[]", '{"other": []}', "3", '{"inner": {"data": [], "results": []}}'])
def test_an_answer_of_somebody_else_is_refused(tmp_path, name, text):
    file = tmp_path / "answer.json"
    file.write_text(text)
    with pytest.raises(HashListError, match=f"no array '{ARRAYS[name]}' of records"):
        list(read_rows(file, name, FileColumns({})))


@pytest.mark.parametrize("name", ARRAYS)
def test_an_answer_that_is_cut_off_anywhere_is_an_error(tmp_path, name):
    file = tmp_path / "answer.json"
    made = {"stopncii": submitted(1), "threatexchange": indicator(1, descriptor()), "tat": listed(1)}[name]
    whole = json.dumps({ARRAYS[name]: [made, made]})
    for end in range(len(whole)):
        file.write_text(whole[:end])
        with pytest.raises(HashListError):
            list(read_rows(file, name, FileColumns({})))


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=5)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)
MADE = {"stopncii": submitted(1), "threatexchange": indicator(1, descriptor()), "tat": listed(1)}


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.sampled_from(sorted(ARRAYS)), st.data())
def test_no_record_crashes_a_reader_and_each_is_one_row(tmp_path_factory, name, data):
    names = sorted({*MADE[name], "CSPFeedbacks", "hashRegions"})
    changed = st.dictionaries(st.sampled_from(names), anything, max_size=4)
    records = data.draw(
        st.lists(changed.map(lambda some: MADE[name] | some) | anything, min_size=1, max_size=4)
    )
    file = tmp_path_factory.mktemp("feed") / "answer.json"
    file.write_text(json.dumps({ARRAYS[name]: records}))
    numbers = [number for number, _ in read_rows(file, name, FileColumns({}))]
    assert numbers == [*range(1, len(records) + 1)]
    workspace = Workspace(file.parent / "w").create()
    with contextlib.suppress(HashListError):  # where nothing of it could be matched
        report = import_list(workspace, name, file, ListPolicy(), name, AT, accept_changes=True)
        said = report.to_dict()
        kept = said["counts"]["entries"] + said["merged"] + said["refused"]
        assert kept <= said["rows"] == len(records)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.sampled_from(sorted(ARRAYS)), st.binary(max_size=80))
def test_no_bytes_crash_a_reader(tmp_path_factory, name, noise):
    file = tmp_path_factory.mktemp("feed") / "answer.json"
    file.write_bytes(noise)
    with pytest.raises(HashListError):
        list(read_rows(file, name, FileColumns({})))
