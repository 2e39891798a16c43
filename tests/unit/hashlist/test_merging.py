"""Rows of a log of changes and an earlier snapshot: the merge is what a plain loop over records says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.hashlist.clashes import SCHEMA
from scanner.hashlist.entries import table_of_entries
from scanner.hashlist.merging import PLACE, ROWS, earlier_rows, merge_records
from scanner.records import HashEntry, records_of

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
ALGORITHMS = ("md5", "sha1", "pdq")


def entry(entry_id, algorithm, value, status="active", day=None, member="m"):
    at = None if day is None else AT + timedelta(days=day)
    return HashEntry("ncmec", member, entry_id, algorithm, value, status=status, modified_at=at)


records = st.tuples(
    st.sampled_from(["a", "b"]),  # whose
    st.none() | st.integers(0, 5),  # when
    st.sampled_from(["active", "disputed", "deleted"]),
    st.dictionaries(st.sampled_from(ALGORITHMS), st.sampled_from([b"1", b"2"]), min_size=1),
)
refusals = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(ALGORITHMS)), max_size=3)


def entries_of(record):
    entry_id, day, status, hashes = record
    return [
        entry(entry_id, algorithm, b"" if status == "deleted" else value, status, day)
        for algorithm, value in sorted(hashes.items())
    ]


def rows_of(listed):
    """Return the rows of a file that holds these records, each a list of entries."""
    flat = [one for record in listed for one in record]
    numbers = [number for number, record in enumerate(listed) for _ in record]
    places = [range(len(flat)), numbers, [True] * len(flat)]
    arrays = [pa.array(place, kind) for place, (_, kind) in zip(places, PLACE, strict=True)]
    return pa.Table.from_arrays([*table_of_entries(flat).columns, *arrays], schema=ROWS)


def refused_of(keys):
    columns = zip(*keys, strict=True) if keys else [(), ()]
    ids, algorithms = (pa.array(column, pa.string()) for column in columns)
    lines = pa.array([0] * len(keys), pa.int64())
    return pa.Table.from_arrays([pa.repeat("m", len(keys)), ids, algorithms, lines], schema=SCHEMA)


def merged_plainly(earlier, listed, refused):
    """Take the records one after the other; the latest of an id stands for all its hashes."""
    before = {one.entry_id: [other for other in earlier if other.entry_id == one.entry_id] for one in earlier}
    standing = {entry_id: (known, True) for entry_id, known in before.items()}
    for record in listed:
        known, _ = standing.get(record[0].entry_id, ([], False))
        times = (known[0].modified_at if known else None, record[0].modified_at)
        if None in times or times[0] <= times[1]:
            standing[record[0].entry_id] = (record, False)
    kept = [one for known, _ in standing.values() for one in known if one.status != "deleted"]
    spared = [
        one
        for entry_id, known in before.items()
        for one in known
        if not standing[entry_id][1] and (one.entry_id, one.algorithm) in refused
    ]
    kept += [
        one
        for one in spared
        if not any(
            (one.entry_id, one.algorithm) == (o.entry_id, o.algorithm) for o in standing[one.entry_id][0]
        )
    ]
    return sorted(kept, key=lambda one: (one.entry_id, one.algorithm))


def merge(earlier, listed, refused=()):
    before = earlier_rows(
        table_of_entries(sorted(earlier, key=lambda one: (one.member, one.entry_id, one.algorithm)))
    )
    return merge_records(pa.concat_tables([before, rows_of(listed)]), refused_of(refused))


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.dictionaries(st.sampled_from("ab"), records), st.lists(records, max_size=5), refusals)
def test_the_latest_record_of_an_id_stands_for_all_its_hashes(known, listed, refused):
    earlier = [
        replace(one, entry_id=entry_id, status="active", value=one.value or b"9")
        for entry_id, record in known.items()
        for one in entries_of(record)
    ]
    files = [entries_of(record) for record in listed]
    merged = merge(earlier, files, refused)
    assert list(records_of(HashEntry, merged.table)) == merged_plainly(earlier, files, refused)
    accepted = sum(map(len, files))
    assert 0 <= merged.standing <= accepted
    assert merged.duplicates + merged.replaced <= accepted - merged.standing


def test_a_hash_that_an_updated_record_no_longer_names_is_no_longer_an_entry():
    earlier = [entry("a", "md5", b"1", day=1), entry("a", "pdq", b"2", day=1)]
    merged = merge(earlier, [[entry("a", "pdq", b"2", day=2)]])
    assert [one.algorithm for one in records_of(HashEntry, merged.table)] == ["pdq"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_tombstone_ends_all_hashes_of_its_record_and_an_older_state_brings_none_back(order):
    live, end = [entry("a", "md5", b"1", day=1)], [entry("a", "md5", b"", "deleted", day=2)]
    earlier = [entry("a", "sha1", b"3", day=1)]
    merged = merge(earlier, [live, end][::order])
    assert (len(merged.table), len(merged.ended)) == (0, 1)


def test_a_record_that_comes_back_after_its_end_is_an_entry_again():
    merged = merge([], [[entry("a", "md5", b"", "deleted", day=2)], [entry("a", "md5", b"1", day=3)]])
    assert len(merged.table) == 1


def test_a_withdrawn_record_leaves_no_value_behind_although_it_names_one():
    merged = merge([entry("a", "pdq", b"2", day=1)], [[entry("a", "pdq", b"2", "withdrawn", day=2)]])
    assert (len(merged.table), merged.ended.to_pylist()[0]["algorithm"]) == (0, "pdq")


def test_a_hash_that_cannot_be_read_leaves_the_earlier_one_as_it_was():
    earlier = [entry("a", "md5", b"1", day=1), entry("a", "pdq", b"2", day=1)]
    merged = merge(earlier, [[entry("a", "pdq", b"3", day=2)]], refused=[("a", "md5")])
    assert [one.value for one in records_of(HashEntry, merged.table)] == [b"1", b"3"]


def test_one_id_of_two_members_is_two_records():
    earlier = [entry("a", "md5", b"1", day=1, member="m"), entry("a", "md5", b"2", day=1, member="n")]
    merged = merge(earlier, [[entry("a", "md5", b"", "deleted", day=2, member="n")]])
    assert [one.member for one in records_of(HashEntry, merged.table)] == ["m"]
