from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import HashListError
from scanner.hashlist.entries import table_of_entries, values_of
from scanner.hashlist.postings import Words, encoded, sort_entries
from scanner.hashlist.ranges import PREFIXES, entries_within, ranges, survey
from scanner.hashlist.snapshot import make_active
from scanner.hashlist.stream import checked_entries, chosen_entries
from scanner.hashlist.writing import put_snapshot
from scanner.records import HashEntry
from scanner.workspace import Workspace, parquet_bytes
from tests.unit.hashlist import lists
from tests.unit.hashlist.lists import merge_entries

AT = datetime(2026, 9, 1, 2, tzinfo=UTC)
COLUMNS = ("list", "snapshot", "member", "entry_id", "classification", "scheme", "status", "tags")


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch):
    monkeypatch.setattr("scanner.hashlist.writing.GROUP_ROWS", 4)


def snapshot(workspace, name, entries):
    table = merge_entries(table_of_entries(entries)).table
    return make_active(workspace, name, put_snapshot(workspace, name, table, {}), AT)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.dictionaries(st.integers(0, PREFIXES - 1), st.integers(1, 9), max_size=12), st.integers(1, 20))
def test_ranges_hold_everything_once_in_order_and_are_full_but_never_too_full(held, most):
    counts = np.zeros(PREFIXES, np.int64)
    counts[[*held]] = [*held.values()]
    cut = list(ranges(counts, most))
    assert [prefix for piece in cut for prefix in piece if counts[prefix]] == sorted(held)
    sizes = [int(counts[piece.start : piece.stop].sum()) for piece in cut]
    for piece, size in zip(cut, sizes, strict=True):
        assert 0 < size <= most or np.count_nonzero(counts[piece.start : piece.stop]) == 1
    for size, following in zip(sizes, cut[1:], strict=False):
        assert (
            size
            + counts[following.start : following.stop][
                np.flatnonzero(counts[following.start : following.stop])[0]
            ]
            > most
        )


values = {
    "md5": st.tuples(st.sampled_from([b"aa", b"ab", b"b\0", b"\xff\xff"]), st.sampled_from([b"0", b"1"])).map(
        lambda parts: parts[0] + parts[1] * 14
    ),
    "pdq": st.integers(0, 3).map(lambda number: lists.value("pdq", number)),
}
listed = st.one_of(
    [
        st.builds(
            HashEntry,
            list=st.sampled_from(["a", "b"]),
            member=st.sampled_from(["", "m", "é"]),
            entry_id=st.sampled_from(["1", "2", "10"]),
            algorithm=st.just(algorithm),
            value=value,
            classification=st.sampled_from([None, "A", "B", "C"]),
            scheme=st.sampled_from([None, "s"]),
            status=st.sampled_from(["active", "disputed", "withdrawn", "deleted"]),
            tags=st.lists(st.sampled_from(["x", "yy"]), max_size=2).map(tuple),
        )
        for algorithm, value in values.items()
    ]
)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.lists(listed, min_size=1, max_size=24), st.integers(1, 6))
def test_shards_made_one_by_one_hold_what_sorting_all_entries_at_once_gives(tmp_path_factory, entries, most):
    workspace = Workspace(tmp_path_factory.mktemp("lists") / "workspace").create()
    names = sorted({entry.list for entry in entries})
    snapshots = [snapshot(workspace, name, [e for e in entries if e.list == name]) for name in names]
    digests = {one.list: one.digest for one in snapshots}
    kept = {(e.list, e.member, e.entry_id, e.algorithm): e for e in entries}.values()
    found = survey(snapshots)
    matched = [e for e in kept if e.status in ("active", "disputed")]
    assert {*found.counts} == {entry.algorithm for entry in matched}
    assert found.words.members == tuple(sorted({e.member for e in matched}))
    assert found.words.classifications == tuple(sorted({e.classification for e in matched} - {None}))
    for algorithm, counts in found.counts.items():
        expected = sorted(
            (e.value, e.list, e.member.encode(), e.entry_id) for e in matched if e.algorithm == algorithm
        )
        rows = []
        for piece in ranges(counts, most):
            shard = entries_within(snapshots, algorithm, piece, found.words)
            postings = shard.postings.to_pylist()
            assert len(postings) == counts[piece.start : piece.stop].sum()
            for number, value in enumerate(shard.values):
                start, stop = shard.offsets[number : number + 2]
                assert start < stop
                rows += [(value.tobytes(), posting) for posting in postings[start:stop]]
        assert [
            (value, row["list"], row["member"].encode(), row["entry_id"]) for value, row in rows
        ] == expected
        by_key = {(e.list, e.member, e.entry_id): e for e in matched if e.algorithm == algorithm}
        for value, row in rows:
            entry = by_key[row["list"], row["member"], row["entry_id"]]
            assert (value, row) == (
                entry.value,
                {name: getattr(entry, name) for name in COLUMNS if name not in ("snapshot", "tags")}
                | {"snapshot": digests[entry.list], "tags": [*entry.tags], "told": entry.member},
            )


@pytest.fixture
def listing(workspace):
    entries = [HashEntry("iwf", "", f"e{n}", "md5", lists.value("md5", n)) for n in range(10)]
    return snapshot(workspace, "iwf", entries)


def test_entries_come_by_groups_that_need_not_be_in_memory_at_once(listing):
    assert [len(table) for table in checked_entries(listing)] == [4, 4, 2]


def test_groups_without_a_chosen_entry_are_passed_over(listing):
    def choose(table):
        assert table.column_names == ["entry_id"]
        return np.array([name in ("e1", "e9") for name in table.column("entry_id").to_pylist()])

    found = [table.to_pylist() for table in chosen_entries(listing, ["entry_id"], choose, ["value"])]
    assert found == [[{"value": lists.value("md5", n)}] for n in (1, 9)]


READERS = [
    lambda snapshot: list(checked_entries(snapshot)),
    lambda snapshot: list(
        chosen_entries(snapshot, ["value"], lambda table: np.ones(len(table), bool), ["value"])
    ),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "missing"),
        (b"", "not a readable Parquet file"),
        (b"PAR1", "not a readable Parquet file"),
        (parquet_bytes(pa.table({"a": [1]})), "not the entries of a list of this version"),
    ],
)
def test_entries_that_cannot_be_read_are_an_error_with_the_way_out(listing, read, content, message):
    path = listing.path / "entries.parquet"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(HashListError, match=f"{message}.*hashsweep lists import NAME FILE") as error:
        read(listing)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("read", READERS)
def test_values_that_decayed_are_an_error(listing, read):
    path = listing.path / "entries.parquet"
    content = path.read_bytes()
    place = content.index(lists.value("md5", 5))
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(HashListError, match="not a readable Parquet file"):
        read(listing)


def test_entries_that_were_changed_are_an_error_once_all_are_read(listing):
    table = pa.concat_tables(checked_entries(listing))
    pq.write_table(
        table.slice(1), listing.path / "entries.parquet", row_group_size=4, write_page_checksum=True
    )
    found = checked_entries(listing)
    assert [len(next(found)) for _ in range(3)] == [4, 4, 1]
    with pytest.raises(HashListError, match="not what was imported"):
        next(found)


@pytest.mark.parametrize("change", [{"classification": "B"}, {"status": "withdrawn"}])
def test_an_entry_with_a_word_that_no_index_means_is_never_left_without_it(change):
    row = {"classification": "A"} | change
    table = encoded(table_of_entries([HashEntry("iwf", "", "e", "md5", lists.value("md5", 1), **row)]))
    values = values_of(table.column("value"), 16)
    with pytest.raises(ValueError, match="a word that is not among those of its column"):
        sort_entries(values, table, np.zeros(1, np.int32), [("iwf", "0")], Words(("A",), ()))


def test_members_of_a_list_with_too_many_of_them_are_not_told_apart(workspace, monkeypatch):
    monkeypatch.setattr("scanner.hashlist.ranges.MOST_MEMBERS", 2)
    rows = [
        HashEntry(name, f"m{n}", "e", "md5", lists.value("md5", n))
        for name, count in (("few", 2), ("many", 3))
        for n in range(count)
    ]
    snapshots = [snapshot(workspace, name, [e for e in rows if e.list == name]) for name in ("few", "many")]
    found = survey(snapshots)
    assert found.words.members == ("m0", "m1")
    told = entries_within(snapshots, "md5", range(PREFIXES), found.words).postings.select(["member", "told"])
    assert {tuple(row.values()) for row in told.to_pylist()} == {("m0", "m0"), ("m1", "m1"), ("m2", None)}
