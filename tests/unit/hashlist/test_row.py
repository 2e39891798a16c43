from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.hashlist.row import COLUMNS, derived_id, entry_of
from scanner.hashlist.values import Refusal
from scanner.records import HashEntry
from tests.unit.hashlist import lists

VALUE = lists.value("md5", 1)
ROW = {"entry_id": "e1", "algorithm": "md5", "value": VALUE.hex()}


def read(**columns):
    return entry_of("iwf", {**ROW, **columns})


def test_a_row_of_two_columns_is_an_entry():
    entry = entry_of("iwf", {"algorithm": "md5", "value": VALUE.hex()})
    assert entry == HashEntry("iwf", "", derived_id("iwf", "md5", VALUE), "md5", VALUE)


def test_every_column_is_kept():
    entry = read(
        member="m",
        classification="A",
        scheme="uk-abc",
        status="Disputed",
        modified_at="2026-09-01T02:00:00Z",
        media_type="image",
        tags="b;a; b",
    )
    at = datetime(2026, 9, 1, 2, tzinfo=UTC)
    assert entry == HashEntry(
        "iwf", "m", "e1", "md5", VALUE, "A", "uk-abc", "disputed", at, "image", ("b", "a")
    )


@pytest.mark.parametrize("missing", ["algorithm", "value"])
def test_a_row_without_a_required_column_is_refused(missing):
    assert read(**{missing: None}) == Refusal.MISSING_COLUMN
    assert entry_of("iwf", {name: ROW[name] for name in ROW if name != missing}) == Refusal.MISSING_COLUMN


@pytest.mark.parametrize("status", ["active", "ACTIVE", " Disputed", "withdrawn", "Deleted"])
def test_statuses_are_read_in_any_case(status):
    assert read(status=status).status == status.strip().lower()


@pytest.mark.parametrize("status", [None, "", "  "])
def test_an_entry_without_a_status_is_active(status):
    assert read(status=status).status == "active"


def test_a_status_that_is_not_known_is_refused():
    assert read(status="received") == Refusal.UNKNOWN_STATUS


@pytest.mark.parametrize(
    "given_time",
    [
        "2026-01-05T10:00:00Z",
        "2026-01-05T10:00:00",
        "2026-01-05T12:30:00+02:30",
        " 2026-01-05 10:00:00.000 ",
        datetime(2026, 1, 5, 10),
        datetime(2026, 1, 5, 10, tzinfo=UTC),
    ],
)
def test_times_become_utc_and_those_without_an_offset_are_utc(given_time):
    assert read(modified_at=given_time).modified_at == datetime(2026, 1, 5, 10, tzinfo=UTC)


def test_a_day_is_its_first_moment():
    assert read(modified_at="2026-01-05").modified_at == datetime(2026, 1, 5, tzinfo=UTC)
    assert read(modified_at=date(2026, 1, 5)).modified_at == datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "given_time", ["yesterday", "2026-13-01", "0001-01-01T00:00:00+14:00", 1767607200, []]
)
def test_a_time_that_cannot_be_read_is_refused(given_time):
    assert read(modified_at=given_time) in (Refusal.UNREADABLE_TIME, Refusal.MALFORMED_ROW)


@pytest.mark.parametrize(
    ("given_tags", "tags"),
    [
        ("a;b c; ;a", ("a", "b c")),
        ("a b  a", ("a", "b")),
        (["a", "b c", None, ""], ("a", "b c")),
        ("", ()),
        (None, ()),
        ([], ()),
    ],
)
def test_tags_are_lists_or_text_with_separators(given_tags, tags):
    assert read(tags=given_tags).tags == tags


@pytest.mark.parametrize("column", [name for name in COLUMNS if name != "modified_at"])
@pytest.mark.parametrize("wrong", [{"a": 1}, 1.5, True, [["x"]]])
def test_what_is_neither_text_nor_number_is_malformed(column, wrong):
    assert read(**{column: wrong}) == Refusal.MALFORMED_ROW


@pytest.mark.parametrize("column", ["entry_id", "member", "tags", "classification"])
def test_half_a_surrogate_pair_is_malformed(column):
    assert read(**{column: "\ud800"}) == Refusal.MALFORMED_ROW


def test_a_number_as_entry_id_is_kept_as_text():
    assert read(entry_id=17).entry_id == "17"


@pytest.mark.parametrize("spelling", sorted(lists.spellings(VALUE) - {repr(VALUE)}))
def test_an_entry_id_that_is_the_value_is_derived_instead(spelling):
    for entry_id in (spelling, f"md5:{spelling}"):
        entry = read(entry_id=entry_id)
        assert entry.entry_id == derived_id("iwf", "md5", VALUE)
        assert not any(leak in entry.entry_id for leak in lists.spellings(VALUE))


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
@pytest.mark.parametrize("change", [str, str.upper, "\t{} ".format])
def test_an_entry_id_that_is_another_digest_is_derived_from_that(algorithm, change):
    other = lists.value(algorithm, 2)
    entry = read(entry_id=change(other.hex()))
    assert entry.entry_id == derived_id("iwf", "md5", other)
    assert other.hex()[:16] not in entry.entry_id
    corrected = read(entry_id=other.hex(), value=lists.value("md5", 3).hex())
    assert corrected.entry_id == entry.entry_id  # so that it takes the place of the first


@pytest.mark.parametrize("length", [31, 33, 39, 41, 63, 65, 16, 24])
def test_hex_digits_of_another_number_stay_an_entry_id(length):
    text = ("0123456789abcdef" * 5)[:length]
    assert read(entry_id=text).entry_id == text


@pytest.mark.parametrize("column", ["member", "tags"])
@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_a_row_with_another_digest_as_member_or_tag_is_refused(column, algorithm):
    other = lists.value(algorithm, 2).hex()
    assert read(**{column: other}) == Refusal.VALUE_IN_TEXT
    assert read(**{column: other.upper()}) == Refusal.VALUE_IN_TEXT
    assert read(tags=["a", other]) == Refusal.VALUE_IN_TEXT
    assert isinstance(read(**{column: f"case-{other}"}), HashEntry)


@pytest.mark.parametrize("column", ["member", "classification", "scheme", "media_type", "tags"])
@pytest.mark.parametrize("spelling", sorted(lists.spellings(VALUE) - {repr(VALUE)}))
def test_a_row_that_repeats_its_value_in_a_text_is_refused(column, spelling):
    assert read(**{column: f"see {spelling}"}) == Refusal.VALUE_IN_TEXT


def test_derived_ids_depend_on_list_algorithm_and_value_alone():
    base = derived_id("iwf", "md5", VALUE)
    assert base == derived_id("iwf", "md5", VALUE)
    others = {
        derived_id("x", "md5", VALUE),
        derived_id("iwf", "pdq", VALUE),
        derived_id("iwf", "md5", VALUE[::-1]),
    }
    assert base not in others
    assert len(others) == 3


anything = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.binary(max_size=40),
    st.integers(),
    st.floats(),
    st.lists(st.text(max_size=3)),
    st.datetimes(),
    st.sampled_from(["md5", "pdq", VALUE.hex(), "active", "2026-01-01"]),
)


@settings(max_examples=300, derandomize=True)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS, anything)))
def test_any_row_becomes_an_entry_or_a_refusal(row):
    entry = entry_of("iwf", row)
    assert isinstance(entry, HashEntry | Refusal)


@pytest.mark.parametrize("column", ["classification", "scheme", "media_type"])
def test_a_row_with_another_hash_where_a_kind_belongs_is_refused(column):
    assert read(**{column: lists.value("phash", 1).hex()}) == Refusal.VALUE_IN_TEXT
    assert getattr(read(**{column: "deadbeef"}), column) == "deadbeef"
