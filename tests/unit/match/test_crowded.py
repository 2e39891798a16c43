"""The nearest entries of queries that very many values lie near are those of brute force."""

import numpy as np
import pytest

from scanner.match import crowded
from scanner.match.crowded import crowded_entries
from scanner.match.nearest import nearest
from tests.unit.match.test_near import crowd, expected


@pytest.mark.parametrize("algorithm", ["pdq", "phash"])
@pytest.mark.parametrize("per_list", [1, 2, 5, 1000])
@pytest.mark.parametrize("shard_values", [30, 1000])
@pytest.mark.parametrize("chunk", [7, 1 << 20])
def test_of_each_kind_the_nearest_and_first_entries_stay(
    monkeypatch, algorithm, per_list, shard_values, chunk
):
    monkeypatch.setattr(crowded, "CHUNK_ROWS", chunk)
    monkeypatch.setattr(crowded, "ROOM", 20)  # some queries at a time
    table, queries = crowd(algorithm, 90, 12, shard_values)
    found = nearest([crowded_entries(queries, shard, 4, per_list) for shard in table.shards], per_list)
    columns = (found.query.tolist(), found.entry.tolist(), found.distance.tolist())
    assert (sorted(zip(*columns, strict=True)), found.left_out.tolist()) == expected(
        table, queries, 4, per_list
    )


def test_nothing_near_is_nothing_found():
    table, _ = crowd("pdq", 9, 1)
    (shard,) = table.shards
    found = crowded_entries(np.zeros((3, 32), np.uint8), shard, 4, 2)
    assert (found.query.size, found.left_out.tolist()) == (0, [0, 0, 0])
