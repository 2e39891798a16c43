"""Records come back from Arrow and Parquet as they were, and identities mean what they say."""

import dataclasses
import datetime as dt
import enum
import itertools
import types
import typing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner import records
from scanner.records import ObjectRef, Outcome

FEW = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = {
    str: TEXT,
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=40),
    dt.datetime: st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC)),
}


def _values(hint):
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return st.one_of([st.none() if h is types.NoneType else _values(h) for h in typing.get_args(hint)])
    if typing.get_origin(hint) is tuple:
        return st.lists(_values(typing.get_args(hint)[0]), max_size=3).map(tuple)
    if dataclasses.is_dataclass(hint):
        return _records(hint)
    if issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    return SCALARS[hint]


def _records(record):
    hints = typing.get_type_hints(record)
    return st.builds(record, **{f.name: _values(hints[f.name]) for f in dataclasses.fields(record)})


def _type_leaves(kind):
    if pa.types.is_list(kind):
        return _type_leaves(kind.value_type)
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in _type_leaves(field.type)]
    return [kind]


def _ref(**changes):
    fields = {
        "store": "aws",
        "bucket": "uploads",
        "key": "accounts/17/photo.jpg",
        "version_id": "v1",
        "etag": "9b2cf535f27731c974343645a3985328",
        "size": 1234,
        "last_modified": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    }
    return ObjectRef(**(fields | changes))


@pytest.mark.parametrize("record", records.RECORDS, ids=lambda record: record.__name__)
@FEW
@given(data=st.data())
def test_rows_come_back_from_parquet_as_they_were(record, data):
    rows = data.draw(st.lists(_records(record), max_size=5))
    sink = pa.BufferOutputStream()
    pq.write_table(records.table_of(record, rows), sink)
    table = pq.read_table(pa.BufferReader(sink.getvalue()))
    assert table.schema.equals(records.schema_of(record), check_metadata=True)
    assert list(records.records_of(record, table)) == rows


@pytest.mark.parametrize("record", records.RECORDS, ids=lambda record: record.__name__)
def test_no_rows_still_carry_the_schema(record):
    table = records.table_of(record, [])
    assert table.num_rows == 0
    assert table.schema.equals(records.schema_of(record), check_metadata=True)


@pytest.mark.parametrize("record", records.RECORDS, ids=lambda record: record.__name__)
def test_a_schema_names_its_record_and_its_version(record):
    assert records.schema_of(record).metadata == {
        b"hashsweep.record": record.__name__.encode(),
        b"hashsweep.schema_version": str(records.SCHEMA_VERSION).encode(),
    }


@pytest.mark.parametrize("record", records.RECORDS, ids=lambda record: record.__name__)
def test_a_schema_holds_only_what_delta_has(record):
    delta = {pa.string(), pa.binary(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us", tz="UTC")}
    assert {leaf for field in records.schema_of(record) for leaf in _type_leaves(field.type)} <= delta


@pytest.mark.parametrize("record", records.RECORDS, ids=lambda record: record.__name__)
def test_embedded_records_add_their_columns_once(record):
    names = records.schema_of(record).names
    assert len(names) == len(set(names))


@pytest.mark.parametrize("record", records.RECORDS, ids=lambda record: record.__name__)
def test_a_column_is_nullable_exactly_where_its_field_may_be_none(record):
    for column in records.schema_of(record):
        owner = ObjectRef if column.name in ObjectRef.__dataclass_fields__ else record
        hint = typing.get_type_hints(owner)[column.name]
        assert column.nullable == (types.NoneType in typing.get_args(hint)), column.name


@pytest.mark.parametrize("record", records.RECORDS, ids=lambda record: record.__name__)
def test_records_cannot_be_changed(record):
    assert record.__dataclass_params__.frozen


@pytest.mark.parametrize("size", [2**63, -(2**63) - 1])
def test_a_number_that_no_column_holds_is_refused(size):
    with pytest.raises((OverflowError, pa.ArrowInvalid)):
        records.table_of(ObjectRef, [_ref(size=size)])


def test_an_outcome_that_is_none_of_ours_is_refused_when_read():
    row = records.row_of(records.Listed(_ref(), Outcome.DENIED, "AccessDenied")) | {"outcome": "fine"}
    with pytest.raises(ValueError, match="fine"):
        records.record_of(records.Listed, row)


def test_times_are_stored_in_utc_whatever_their_zone():
    berlin = dt.timezone(dt.timedelta(hours=1))
    there = _ref(last_modified=dt.datetime(2026, 1, 2, 4, 4, 5, tzinfo=berlin))
    (back,) = records.records_of(ObjectRef, records.table_of(ObjectRef, [there]))
    assert back == _ref()
    assert back.last_modified.utcoffset() == dt.timedelta(0)


def test_a_key_that_is_not_utf8_keeps_its_bytes():
    ref = _ref(key="caf\ufffd.jpg", key_bytes=b"caf\xe9.jpg")
    (back,) = records.records_of(ObjectRef, records.table_of(ObjectRef, [ref]))
    assert back == ref
    assert back.identity[2] == b"caf\xe9.jpg"


def test_a_finding_id_never_changes():
    """Dispositions hang on these values for years: a change of the formula would orphan every verdict."""
    assert _ref().finding_id == "fb522e8879d443fc99d4c7f23fe5c287"
    assert _ref(version_id=None).finding_id == "0b7ea06e105fa39500ed8a4aee9208b8"
    assert (
        _ref(key="caf\ufffd.jpg", key_bytes=b"caf\xe9.jpg").finding_id == "1959448e9785afcc4138998c1e5d639b"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"store": "gcs"},
        {"bucket": "upload"},
        {"key": "accounts/17/photo.jpG"},
        {"version_id": "v2"},
        {"version_id": None},
        {"etag": "0b2cf535f27731c974343645a3985328"},
        {"key_bytes": b"accounts/17/photo.jpg\xff"},
    ],
    ids=str,
)
def test_another_identity_is_another_finding(change):
    assert _ref(**change).finding_id != _ref().finding_id


@pytest.mark.parametrize(
    "change",
    [
        {"size": 0},
        {"last_modified": dt.datetime(1999, 1, 1, tzinfo=dt.UTC)},
        {"is_latest": False},
        {"storage_class": "GLACIER"},
        {"content_type": "image/png"},
    ],
    ids=str,
)
def test_what_is_not_identity_leaves_the_finding_as_it_is(change):
    assert _ref(**change) != _ref()
    assert _ref(**change).finding_id == _ref().finding_id


def test_no_version_and_an_empty_one_are_the_same_object():
    assert _ref(version_id=None).finding_id == _ref(version_id="").finding_id


def test_the_bytes_of_a_utf8_key_are_that_key():
    assert _ref(key_bytes=_ref().key.encode()).finding_id == _ref().finding_id


CUTS = st.lists(st.integers(0, 4), min_size=4, max_size=4).map(sorted)


@FEW
@given(st.text("ab", min_size=4, max_size=4), CUTS, CUTS)
def test_one_text_cut_differently_into_fields_is_another_identity(text, one, other):
    fields = ("store", "bucket", "key", "version_id", "etag")
    cut = [
        [text[start:end] for start, end in itertools.pairwise((0, *cuts, len(text)))] for cuts in (one, other)
    ]
    ids = [_ref(**dict(zip(fields, names, strict=True))).finding_id for names in cut]
    assert (ids[0] == ids[1]) == (cut[0] == cut[1])


def test_text_that_moves_to_the_next_field_is_another_identity():
    ids = {_ref(bucket=b, key=k).finding_id for b, k in [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc")]}
    assert len(ids) == 4


def test_rows_of_before_a_column_was_added_have_nothing_in_it():
    known = records.Fingerprint(
        _ref(), dhash=b"12345678", others=(records.Picture("frame=1", 4, 3, None, None, None),)
    )
    row = records.row_of(known)
    for older in (row, *row["others"]):
        del older["dhash"], older["whash"]
    assert records.record_of(records.Fingerprint, row, older=True) == dataclasses.replace(known, dhash=None)
    with pytest.raises(KeyError, match="dhash"):
        records.record_of(records.Fingerprint, row)
    del row["outcome"]
    with pytest.raises(KeyError, match="outcome"):
        records.record_of(records.Fingerprint, row, older=True)


def test_a_table_of_before_a_column_was_added_is_read():
    table = records.table_of(records.Fingerprint, [records.Fingerprint(_ref(), dhash=b"12345678")])
    (read,) = records.records_of(records.Fingerprint, table.drop_columns(["dhash", "whash"]))
    assert read == records.Fingerprint(_ref())


def test_outcomes_are_either_fine_a_gap_or_incomplete():
    assert frozenset() == records.INCOMPLETE & records.GAPS
    assert Outcome.HASHED not in records.INCOMPLETE | records.GAPS
    assert len(Outcome) == 14


def test_every_algorithm_is_a_digest_or_perceptual_and_has_a_width():
    assert set(records.DIGESTS) | set(records.PERCEPTUAL) == set(records.ALGORITHM_BYTES)
    assert set(records.DIGESTS) & set(records.PERCEPTUAL) == set()


def test_a_match_is_known_by_its_entry_not_by_its_distance():
    match = records.Match("f", "iwf", "s1", "m", "e", "pdq", 4, 31)
    nearer = dataclasses.replace(match, distance=0, snapshot="s2", classification="A")
    assert nearer.match_key == match.match_key == ("iwf", "m", "e", "pdq")
    assert dataclasses.replace(match, algorithm="md5").match_key != match.match_key
