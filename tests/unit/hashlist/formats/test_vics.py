"""Documents of the Video and Image Classification Standard; each of their traps has its test."""

import json
import tracemalloc
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
from tests.unit.hashlist import lists
from tests.unit.hashlist.formats.documents import vics, vics_record

AT = datetime(2026, 3, 1, tzinfo=UTC)
PHOTO_DNA = "A" * 192


@pytest.fixture
def read(tmp_path):
    def read(text):
        file = tmp_path / "set.json"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return list(read_rows(file, "vics", FileColumns({})))

    return read


@pytest.fixture
def bring(workspace, tmp_path):
    def bring(text):
        file = tmp_path / "set.json"
        file.write_text(text)
        report = import_list(workspace, "caid", file, ListPolicy(), "vics", AT)
        return report, list(records_of(HashEntry, open_snapshot(report.snapshot)))

    return bring


@pytest.mark.parametrize("kind", ["Media", "Cases"])
@pytest.mark.parametrize("version", ["1.3", "2.0"])
def test_hash_sets_and_cases_of_both_versions_are_imported(bring, version, kind):
    report, entries = bring(vics([vics_record(n) for n in range(5)], version, kind=kind))
    assert report.snapshot.counts["algorithm"] == {"md5": 5, "sha1": 5}
    assert {entry.entry_id for entry in entries} == set("01234")
    assert {entry.scheme for entry in entries} == {"vics-us"}
    assert entries[0].value == lists.value("md5", 0)
    assert report.to_dict()["rows"] == 10


@pytest.mark.parametrize(
    ("region", "scheme"),
    [
        ("US", "vics-us"),
        ("us", "vics-us"),
        ("UK", "vics-uk"),
        ("CUSTOM", "vics-custom"),
        ("Default", "vics-custom"),
    ],
)
def test_the_region_decides_what_a_category_means(read, region, scheme):
    assert {row["scheme"] for _, row in read(vics([vics_record(1)], region=region))} == {scheme}


@pytest.mark.parametrize(
    ("category", "classification"), [(0, "0"), ("1", "1"), (2.0, "2"), (4, "4"), (None, None), ("", None)]
)
def test_every_category_is_kept_whatever_its_type(bring, category, classification):
    _, entries = bring(vics([vics_record(1, Category=category)]))
    assert {entry.classification for entry in entries} == {classification}


@pytest.mark.parametrize("size", ["48213", 48213, None, "many"])
def test_sizes_are_texts_or_numbers_and_matter_to_nothing(read, size):
    assert len(read(vics([vics_record(1, MediaSize=size)]))) == 2


def test_a_byte_order_mark_is_accepted(read):
    text = vics([vics_record(1)])
    assert read(b"\xef\xbb\xbf" + text.encode()) == read(text)


def test_a_repeated_record_is_merged(bring):
    report, entries = bring(vics([vics_record(1), vics_record(1), vics_record(2)]))
    assert (len(entries), report.merged, report.content.duplicates) == (4, 2, 2)


def test_records_without_an_id_are_named_by_their_values(bring):
    _, entries = bring(vics([vics_record(n, MediaID=None) for n in (1, 2)]))
    assert len(entries) == 4
    assert all(entry.entry_id.startswith("derived-") for entry in entries)


def test_digests_of_empty_files_are_refused(bring):
    empty = {"MD5": "D41D8CD98F00B204E9800998ECF8427E", "SHA1": None}
    report, _ = bring(vics([vics_record(0, **empty), *(vics_record(n) for n in range(1, 60))]))
    assert report.to_dict()["refusals"]["empty_file"]["count"] == 1


def test_photo_dna_is_told_and_its_placeholders_are_no_hash(bring):
    records = [vics_record(1, PhotoDNA=PHOTO_DNA), vics_record(2, PhotoDNA=""), vics_record(3, PhotoDNA=None)]
    report, _ = bring(vics(records))
    assert {reason: one["count"] for reason, one in report.to_dict()["refusals"].items()} == {
        "unsupported_algorithm": 1
    }


def test_alternative_hashes_of_version_1_are_rows(read):
    others = [
        {"HashName": "PhotoDNA", "HashValue": PHOTO_DNA},
        {"HashName": "SHA256", "HashValue": "ab" * 32},
        7,
        {},
    ]
    rows = read(vics([vics_record(1, AlternativeHashes=others)], "1.3"))
    assert [row["algorithm"] for _, row in rows] == ["MD5", "SHA1", "PhotoDNA", "SHA256"]


def test_a_record_without_a_hash_is_refused_once(read):
    assert read(vics([vics_record(1, MD5=None, SHA1=" ")])) == [(1, Refusal.MISSING_VALUE)]
    assert read(vics([["odd"], 5, vics_record(1)]))[:2] == [(n, Refusal.MALFORMED_ROW) for n in (1, 2)]


def test_marks_and_series_become_tags_and_data_of_cases_are_not_kept(bring):
    secret = "found in the house of a person"
    record = vics_record(
        1,
        VictimIdentified="True",
        IsDistributed=True,
        IsPrecategorized="false",
        Series=" Blue ",
        Comments=secret,
        Tags=secret,
        RelativeFilePath=f"/{secret}.jpg",
        Exifs=[{"PropertyName": "Owner", "PropertyValue": secret}],
    )
    report, entries = bring(vics([record]))
    assert entries[0].tags == ("victim-identified", "distributed", "series:Blue")
    assert secret.encode() not in (report.snapshot.path / "entries.parquet").read_bytes()


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2026-01-05T00:00:00Z", datetime(2026, 1, 5, tzinfo=UTC)),
        ("/Date(1767571200000)/", datetime(2026, 1, 5, tzinfo=UTC)),
        ("/Date(1767571200000+0100)/", datetime(2026, 1, 5, tzinfo=UTC)),
        ("soon", None),
        (None, None),
        (12, None),
    ],
)
def test_times_of_either_writing_are_read_and_others_lose_no_entry(bring, given, moment):
    _, entries = bring(vics([vics_record(1, DateUpdated=given)]))
    assert {entry.modified_at for entry in entries} == {moment}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"value": [{"MD5": "00"}]}', "names no data model"),
        ('{"value": [], "@odata.context": "x"}', "names no data model that is read"),
        ('{"@odata.context": 7, "value": []}', "names no data model that is read"),
        (vics([vics_record(1)], "3.0"), "names no data model that is read"),
        (vics([vics_record(1)], kind="Hashes"), "names no data model that is read"),
        (vics([]), "no record behind the name of its data model"),
        ("[]", "names no data model"),
        ("", "not a JSON document"),
    ],
)
def test_what_is_no_document_of_the_standard_is_refused(read, text, words):
    with pytest.raises(HashListError, match=words):
        read(text)


def test_records_before_the_name_of_their_model_are_never_read_as_something_else(read):
    named = json.loads(vics([vics_record(1)]))
    with pytest.raises(HashListError, match="no record behind the name of its data model"):
        read(json.dumps({"value": named["value"], "@odata.context": named["@odata.context"]}))


def test_a_document_that_is_cut_off_anywhere_is_an_error(read):
    whole = vics([vics_record(1), vics_record(2)]).encode()
    for end in range(0, len(whole), 7):
        with pytest.raises(HashListError):
            read(whole[:end])


def test_one_giant_document_is_read_in_little_memory(tmp_path):
    file = tmp_path / "set.json"
    head, _, tail = vics(["@"]).partition('"@"')
    with file.open("w") as out:
        out.write(head)
        out.writelines(json.dumps(vics_record(1, MediaID=n)) + ",\n" for n in range(20_000))
        out.write(json.dumps(vics_record(1)) + tail)
    tracemalloc.start()
    count = sum(1 for _ in read_rows(file, "vics", FileColumns({})))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 40_002
    assert peak < 2 << 20 < file.stat().st_size


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=5)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)
columns = st.sampled_from(
    [
        "MediaID",
        "Category",
        "MD5",
        "SHA1",
        "DateUpdated",
        "MimeType",
        "Series",
        "AlternativeHashes",
        "PhotoDNA",
    ]
)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.dictionaries(columns, anything, max_size=6) | anything, min_size=1, max_size=4))
def test_no_record_crashes_the_reader_or_goes_uncounted(tmp_path_factory, records):
    file = tmp_path_factory.mktemp("vics") / "set.json"
    file.write_text(vics(records))
    numbers = {number for number, _ in read_rows(file, "vics", FileColumns({}))}
    assert numbers == set(range(1, len(records) + 1))


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 300))
def test_no_bytes_crash_the_reader(tmp_path_factory, noise, at):
    file = tmp_path_factory.mktemp("vics") / "set.json"
    whole = vics([vics_record(1)]).encode()
    for text in (noise, whole[:at] + noise + whole[at:]):
        file.write_bytes(text)
        try:
            assert all(number > 0 for number, _ in read_rows(file, "vics", FileColumns({})))
        except HashListError:
            continue
