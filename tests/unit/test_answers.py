"""Answers at rest: what all shards say of all blocks, in one file, found again by query."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.answers import Joined, gather, near_queries, put_answers, read_joined
from scanner.errors import WorkspaceError
from scanner.match.near import near_entries
from scanner.match.nearest import Near, nearest
from tests.unit.hashlist import lists
from tests.unit.match.test_join import entry, table_of
from tests.unit.match.test_near import rows_of

CENTRES = [lists.value("pdq", n) for n in range(6)]
NEAR = sorted({lists.near(CENTRES[n % 6], n % 4, n) for n in range(150)})[:60]


def as_rows(queries, near):
    asked = [queries[query].tobytes() for query in near.query.tolist()]
    rows = zip(asked, near.entry.tolist(), near.kind.tolist(), near.distance.tolist(), strict=True)
    left_out = {queries[n].tobytes(): int(count) for n, count in enumerate(near.left_out) if count}
    return sorted(rows), left_out


@settings(max_examples=20, derandomize=True, deadline=None)
@given(
    numbers=st.lists(st.integers(0, 59), min_size=1, max_size=40, unique=True),
    cuts=st.lists(st.integers(0, 40), max_size=3),
    asked=st.lists(st.integers(0, 59), max_size=30, unique=True),
    shard_values=st.integers(2, 15),
    per_list=st.integers(1, 4),
)
def test_answers_are_found_again_as_they_were_given(
    tmp_path_factory, numbers, cuts, asked, shard_values, per_list
):
    folder = tmp_path_factory.mktemp("answers")
    known = [
        entry("pdq", lists.near(CENTRES[n % 5], n % 3, n + 60), f"e{n:02}", f"l{n % 2}") for n in range(40)
    ]
    table = table_of(*known, shard_values=shard_values).algorithms["pdq"]
    queries = rows_of([NEAR[n] for n in sorted(numbers)], 32)
    bounds = sorted({0, len(queries), *(min(cut, len(queries)) for cut in cuts)})
    blocks = []
    for start, stop in itertools.pairwise(bounds):
        block = queries[start:stop]
        files = [folder / f"{start}-{number}.arrow" for number in range(len(table.shards))]
        for file, shard in zip(files, table.shards, strict=True):
            near, candidates = near_entries(block, shard, 8, per_list)
            put_answers(file, "pdq", block, near, Joined(len(block), candidates))
            assert read_joined(file) == Joined(len(block), candidates)
        blocks.append(files)
    every = [near_entries(queries, shard, 8, per_list)[0] for shard in table.shards]
    gather(blocks, "pdq", per_list, folder / "all.arrow")
    expected, left_out = as_rows(queries, nearest(every, per_list))
    some = rows_of([NEAR[n] for n in sorted(asked)], 32)
    rows, crowded = as_rows(some, near_queries(folder / "all.arrow", "pdq", some))
    wanted = {NEAR[n] for n in asked}
    assert rows == [row for row in expected if row[0] in wanted]
    assert crowded == {query: count for query, count in left_out.items() if query in wanted}


def test_no_query_has_no_answer(tmp_path):
    gather([], "md5", 3, tmp_path / "none.arrow")
    near = near_queries(tmp_path / "none.arrow", "md5", rows_of([], 16))
    assert (len(near.query), len(near.left_out)) == (0, 0)


@pytest.mark.parametrize("damage", [None, b"", b"ARROW1 no more"])
def test_answers_that_are_gone_or_damaged_are_refused_with_the_file(tmp_path, damage):
    file = tmp_path / "some.arrow"
    empty = np.empty(0, np.int64)
    near = Near(empty, empty, empty, empty, empty)
    put_answers(file, "pdq", rows_of([], 32), near, Joined(0, 0))
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    with pytest.raises(WorkspaceError, match=r"some\.arrow: (missing|not the answers of a run)"):
        read_joined(file)
    with pytest.raises(WorkspaceError, match=r"some\.arrow: (missing|not the answers of a run)"):
        near_queries(file, "pdq", rows_of([], 32))
