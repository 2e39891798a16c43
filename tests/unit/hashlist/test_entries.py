import hashlib
import itertools
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.hashlist.entries import (
    DIGEST_ROWS,
    KEY,
    KINDS_KEPT,
    OTHER,
    Counts,
    EntriesDigest,
    entries_digest,
    table_of_entries,
    take_rows,
    values_of,
    wide,
)
from scanner.hashlist.merging import Lost, lost_entries
from scanner.records import HashEntry, records_of, table_of
from tests.unit.hashlist.lists import merge_entries

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

entries = st.builds(
    HashEntry,
    list=st.just("iwf"),
    member=st.sampled_from(["", "m"]),
    entry_id=st.sampled_from(["a", "b", "é", "ba"]),
    algorithm=st.sampled_from(["md5", "phash"]),
    value=st.sampled_from([b"1" * 16, b"2" * 16, b""]),
    classification=st.sampled_from([None, "A"]),
    status=st.sampled_from(["active", "disputed", "withdrawn", "deleted"]),
    modified_at=st.none() | st.integers(0, 9).map(lambda days: AT + timedelta(days=days)),
    tags=st.lists(st.sampled_from(["x", "yy", ""]), max_size=3).map(tuple),
)


def key(entry):
    return (entry.member, entry.entry_id, entry.algorithm)


def merged_plainly(rows):
    """Do what merge_entries does, one row after the other."""
    last = {}
    for entry in rows:
        earlier = last.get(key(entry))
        moments = [None if one is None else one.modified_at for one in (earlier, entry)]
        if None in moments or moments[0] <= moments[1]:
            last[key(entry)] = entry
    latest = [last[name] for name in sorted(last, key=lambda name: [part.encode() for part in name])]
    others = [entry for entry in rows if entry.value and last[key(entry)].value]
    for entry in latest:
        if entry.value:
            others.remove(entry)
    same = sum(entry.value == last[key(entry)].value for entry in others)
    kept = [entry for entry in latest if entry.value]
    return kept, [key(entry) for entry in latest if not entry.value], same, len(others) - same


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(entries, max_size=30))
def test_merging_keeps_the_latest_row_of_each_key_in_order_and_counts_the_others(rows):
    merged = merge_entries(table_of_entries(rows))
    ended = [tuple(row.values()) for row in merged.ended.to_pylist()]
    kept = list(records_of(HashEntry, merged.table))
    assert (kept, ended, merged.duplicates, merged.replaced) == merged_plainly(rows)


@pytest.mark.parametrize(
    ("days", "kept"),
    [
        ([3, 1], 0),
        ([1, 3], 1),
        ([2, 2], 1),
        ([3, 1, 2], 0),
        ([3, None], 1),
        ([None, 1], 1),
        ([None, None], 1),
        ([9, None, 2, 1], 2),
        ([9, 1, None], 2),
    ],
)
def test_of_rows_with_one_key_the_one_modified_last_stands_and_else_the_last(days, kept):
    times = [None if day is None else AT + timedelta(days=day) for day in days]
    rows = [HashEntry("iwf", "", "e", "md5", bytes([n]) * 16, modified_at=at) for n, at in enumerate(times)]
    between = [HashEntry("iwf", "", other, "md5", b"1" * 16) for other in ("a", "z")]
    merged = merge_entries(table_of_entries([*between, *rows[:1], *between, *rows[1:]]))
    (entry,) = (one for one in records_of(HashEntry, merged.table) if one.entry_id == "e")
    assert entry == rows[kept]
    assert merged.replaced == len(rows) - 1


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.lists(entries, max_size=10))
def test_a_table_of_entries_is_the_table_of_their_records(rows):
    assert table_of_entries(rows).equals(table_of(HashEntry, rows), check_metadata=True)


def counted(rows):
    """Return the figures of entries that come some at a time."""
    counts = Counts()
    for start in range(0, len(rows), 7):
        counts.add(table_of_entries(rows[start : start + 7]))
    return counts.to_dict()


def some(count=5):
    return [
        HashEntry("iwf", "", f"e{n}", "md5", bytes([n]) * 16, modified_at=AT, tags=("t",))
        for n in range(count)
    ]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(entries, max_size=12), st.lists(st.integers(0, 12), max_size=3), st.integers(0, 5))
def test_the_digest_does_not_depend_on_how_a_table_lies_in_memory(rows, cuts, before):
    table = table_of_entries(rows)
    bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    pieces = [table[start:stop] for start, stop in itertools.pairwise(bounds)]
    chunked = pa.concat_tables([table[:0], *pieces])
    sliced = pa.concat_tables([table_of_entries(some(before)), table]).combine_chunks()[before:]
    assert entries_digest(table) == entries_digest(chunked) == entries_digest(sliced)


def test_the_digest_does_not_see_what_lies_beneath_a_missing_value():
    table = table_of_entries(some(2))
    schemes = pa.array(["ab", "cd"])
    hidden = pa.StringArray.from_buffers(2, *schemes.buffers()[1:], pa.py_buffer(b"\x01"), 1)
    place = table.schema.get_field_index("scheme")
    plain = table.set_column(place, "scheme", pa.array(["ab", None]))
    assert entries_digest(table.set_column(place, "scheme", hidden)) == entries_digest(plain)


@pytest.mark.parametrize(
    "change",
    [
        {"list": "x"},
        {"member": "m"},
        {"entry_id": "e"},
        {"algorithm": "pdq"},
        {"value": b"\xff" * 16},
        {"value": b""},
        {"classification": ""},
        {"scheme": "s"},
        {"status": "disputed"},
        {"modified_at": None},
        {"modified_at": AT + timedelta(microseconds=1)},
        {"media_type": "image"},
        {"tags": ()},
        {"tags": ("", "t")},
        {"tags": ("t", "")},
    ],
)
def test_the_digest_changes_with_every_field(change):
    rows = some()
    changed = [*rows[:2], replace(rows[2], **change), *rows[3:]]
    assert entries_digest(table_of_entries(rows)) != entries_digest(table_of_entries(changed))


def digest_plainly(rows):
    """Do what entries_digest promises, one value after the other."""
    digest = hashlib.sha256(b"hashsweep entries 1")

    def update(numbers, content=None):
        for part in [b"".join(n.to_bytes(8, "little", signed=True) for n in numbers), content]:
            if part is not None:
                count = len(numbers) if part is not content else len(part)
                digest.update(count.to_bytes(8, "little") + part)

    def texts(values):
        raw = [value.encode() if isinstance(value, str) else value for value in values]
        update([-1 if value is None else len(value) for value in raw], b"".join(filter(None, raw)))

    for start in range(0, len(rows), DIGEST_ROWS):
        chunk = rows[start : start + DIGEST_ROWS]
        for field in fields(HashEntry):
            column = [getattr(entry, field.name) for entry in chunk]
            if field.name == "modified_at":
                update(
                    [-(2**63) if at is None else (at - EPOCH) // timedelta(microseconds=1) for at in column]
                )
            elif field.name == "tags":
                update([len(tags) for tags in column])
                texts([tag for tags in column for tag in tags])
            else:
                texts(column)
    return digest.hexdigest()


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.lists(entries, max_size=12))
def test_the_digest_is_the_documented_one(rows):
    assert entries_digest(table_of_entries(rows)) == digest_plainly(rows)


def test_the_digest_of_many_rows_is_the_documented_one_too():
    rows = some(3) * (DIGEST_ROWS // 3 + 10)
    assert entries_digest(table_of_entries(rows)) == digest_plainly(rows)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.lists(st.lists(entries, max_size=7), max_size=4))
def test_the_digest_does_not_depend_on_how_many_entries_come_at_a_time(pieces):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scanner.hashlist.entries.DIGEST_ROWS", 4)
        digest = EntriesDigest()
        for piece in pieces:
            digest.add(table_of_entries(piece))
        whole = entries_digest(table_of_entries([*itertools.chain(*pieces)]))
        assert digest.hexdigest() == whole


def test_the_digest_survives_a_parquet_file(tmp_path):
    table = table_of_entries(some(250))
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=77)
    assert entries_digest(pq.read_table(tmp_path / "a.parquet")) == entries_digest(table)


def lost(earlier, later, ended=()):
    keys = table_of_entries(list(ended)).select(KEY)
    return lost_entries(table_of_entries(earlier), table_of_entries(later), keys)


def test_lost_entries_are_those_gone_changed_or_no_longer_matched():
    rows = some(6)
    later = [
        replace(rows[0], classification="A", tags=()),  # stays
        replace(rows[1], value=b"\xee" * 16),  # changed
        replace(rows[2], status="withdrawn"),  # no longer matched
        replace(rows[3], status="disputed"),  # stays
    ]
    assert lost(rows, later) == Lost(4, 3)
    assert lost(later, rows) == Lost(1, 1)
    assert lost([], rows) == Lost(0, 0)


def test_an_entry_that_is_withdrawn_under_another_value_did_not_vanish():
    rows = some(2)
    later = [replace(rows[0], status="deleted", value=b"\xee" * 16), rows[1]]
    assert lost(rows, later) == Lost(1, 0)
    assert lost(rows, rows[1:], ended=rows[:1]) == Lost(1, 0)
    assert lost(rows, rows[1:]) == Lost(1, 1)


def test_rows_of_a_table_are_taken_under_wide_offsets_by_the_chunk_and_keep_their_types():
    table = pa.concat_tables([table_of_entries(some(4)), table_of_entries(some(3))])
    rows = np.arange(2 * DIGEST_ROWS + 5) % 7
    taken = take_rows(table, rows)
    assert taken.schema.equals(table.schema, check_metadata=True)
    assert {column.num_chunks for column in taken.columns} == {3}
    assert taken.equals(table.take(rows))
    for field in table.schema:
        assert "large" in str(wide(field.type)) or field.type.bit_width


def test_an_empty_table_has_no_rows_to_take():
    table = table_of_entries([])
    assert take_rows(table, np.empty(0, np.int64)).equals(table)


def test_counts_are_by_algorithm_classification_and_status():
    rows = [
        *some(3),
        replace(some(1)[0], entry_id="x", status="deleted", classification="A", algorithm="pdq"),
    ]
    assert counted(rows) == {
        "entries": 4,
        "matched": 3,
        "algorithm": {"md5": 3, "pdq": 1},
        "classification": {"": 3, "A": 1},
        "status": {"active": 3, "deleted": 1},
    }


@pytest.mark.parametrize("backwards", [False, True])
def test_the_most_frequent_classifications_are_counted_by_name_and_the_others_together(backwards):
    names = ["often", "often", OTHER, OTHER, *(f"c{n:03}" for n in range(KINDS_KEPT + 20))]
    rows = [
        replace(some(1)[0], entry_id=f"e{n}", classification=name)
        for n, name in enumerate(reversed(names) if backwards else names)
    ]
    counts = counted(rows)["classification"]
    once = {f"c{n:03}": 1 for n in range(KINDS_KEPT - 2)}
    assert counts == {"often": 2, **once, OTHER: 2 + 22}


def test_values_become_rows_of_bytes_over_chunks_and_slices():
    table = pa.concat_tables([table_of_entries(some(4)), table_of_entries(some(3))])[2:6]
    assert values_of(table.column("value"), 16)[:, 0].tolist() == [2, 3, 0, 1]
    assert values_of(table[:0].column("value"), 16).shape == (0, 16)
    assert values_of(table.column("value"), 16).dtype == np.uint8


def test_values_of_another_width_are_refused():
    with pytest.raises(ValueError, match="not 32 bytes"):
        values_of(table_of_entries(some()).column("value"), 32)
