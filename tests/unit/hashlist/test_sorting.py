"""Rows that do not fit into memory: sorted in runs on disk, read side by side."""

import stat

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import HashListError, WorkspaceError
from scanner.hashlist import sides, sorting
from scanner.hashlist.sides import RECORD, side_by_side
from scanner.hashlist.sorting import SortedRows

SCHEMA = pa.schema([("member", pa.string()), ("entry_id", pa.string()), ("n", pa.int64())])

rows = st.lists(st.tuples(st.sampled_from(["", "m", "é"]), st.sampled_from("abcz"), st.integers(0, 9)))


def table_of(listed):
    columns = zip(*listed, strict=True) if listed else [()] * 3
    return pa.Table.from_arrays(
        [pa.array(column, kind.type) for column, kind in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def rows_of(table):
    return [tuple(row.values()) for row in table.to_pylist()]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(rows, max_size=6), st.integers(1, 9), st.integers(1, 4))
def test_sorted_runs_hold_every_row_once_each_run_in_order(tmp_path_factory, batches, run_rows, batch_rows):
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "RUN_ROWS", run_rows)
        patch.setattr(sorting, "BATCH_ROWS", batch_rows)
        with SortedRows(folder, SCHEMA, SCHEMA.names) as kept:
            for batch in batches:
                kept.add(table_of(batch))
            runs = [[row for table in side for row in rows_of(table)] for side in kept.sides()]
    assert all(run == sorted(run, key=lambda row: (row[0].encode(), row[1], row[2])) for run in runs)
    assert sorted(row for run in runs for row in run) == sorted(row for batch in batches for row in batch)
    assert list(folder.iterdir()) == []


def test_runs_are_private_files_that_go_when_the_work_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(sorting, "RUN_ROWS", 1)
    with SortedRows(tmp_path, SCHEMA, RECORD) as kept:
        kept.add(table_of([("m", "a", 1)]))
        (path,) = tmp_path.iterdir()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []


def test_rows_of_much_text_are_put_and_read_in_smaller_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(sorting, "RUN_BYTES", 50_000)
    monkeypatch.setattr(sorting, "BATCH_BYTES", 10_000)
    with SortedRows(tmp_path, SCHEMA, RECORD) as kept:
        for number in range(20):
            kept.add(table_of([("m" * 5000, "a", number)]))
        read = [[len(table) for table in side] for side in kept.sides()]
    assert sum(map(sum, read)) == 20
    assert len(read) >= 2
    assert max(map(max, read)) <= 2


def test_a_folder_that_cannot_be_written_is_an_error_with_its_cause(tmp_path, monkeypatch):
    monkeypatch.setattr(sorting, "RUN_ROWS", 1)
    with (
        pytest.raises(WorkspaceError, match="cannot be written: No such file"),
        SortedRows(tmp_path / "gone", SCHEMA, RECORD) as kept,
    ):
        kept.add(table_of([("m", "a", 1)]))


def pieces(listed, size):
    ordered = sorted(listed, key=lambda row: (row[0].encode(), row[1], row[2]))
    return iter([table_of(ordered[at : at + size]) for at in range(0, len(ordered), size)])


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(rows, min_size=1, max_size=4), st.integers(1, 5))
def test_every_record_comes_whole_once_and_in_order_from_all_sides(listed, size):
    empty = [SCHEMA.empty_table()] * len(listed)
    ranges = list(side_by_side([pieces(one, size) for one in listed], empty))
    names = [{row[:2] for table in tables for row in rows_of(table)} for tables in ranges]
    flat = [name for some in names for name in sorted(some, key=lambda name: (name[0].encode(), name[1]))]
    assert flat == sorted({row[:2] for one in listed for row in one}, key=lambda n: (n[0].encode(), n[1]))
    for number, one in enumerate(listed):
        read = [row for tables in ranges for row in rows_of(tables[number])]
        assert read == sorted(one, key=lambda row: (row[0].encode(), row[1], row[2]))


def test_sides_are_read_no_further_than_the_next_range_asks():
    read = []

    def noted(side):
        for number in range(50):
            read.append(side)
            yield table_of([("m", f"{number:03}", number)])

    ranges = side_by_side([noted("a"), noted("b")], [SCHEMA.empty_table()] * 2)
    for _ in range(10):
        next(ranges)
    assert 10 <= read.count("a") <= 13
    assert 10 <= read.count("b") <= 13


def test_one_entry_of_endless_rows_is_refused_before_memory_ends(monkeypatch):
    monkeypatch.setattr(sides, "MAX_ROWS", 50)
    endless = iter(lambda: table_of([("m", "a", 1)] * 20), None)
    with pytest.raises(HashListError, match="more than 50 rows speak of one entry"):
        next(side_by_side([endless], [SCHEMA.empty_table()]))
