"""Queries at rest: each distinct value once, in blocks that hold all of them between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import WorkspaceError
from scanner.queries import AskWork, ask, blocks, queries_file, queries_of
from scanner.slices import put_fingerprints
from tests.unit.hashlist import lists
from tests.unit.match.test_join import PDQ, scanned

VALUES = [lists.value("pdq", n) for n in range(40)]


def work(tmp_path, *parts, name="some"):
    """Put parts of fingerprints; return the work that asks for them."""
    files = []
    for number, rows in enumerate(parts):
        files.append(tmp_path / f"{name}{number}.parquet")
        put_fingerprints(files[-1], rows)
    return AskWork(name, tmp_path, tuple(files), tmp_path / name)


def pictures(numbers):
    return [scanned(f"key {n}", pdq=VALUES[n], pdq_quality=90) for n in numbers]


def read(file):
    return [row.tobytes() for row in np.load(file)]


def test_what_a_bucket_holds_many_times_is_asked_for_once(tmp_path):
    some = work(tmp_path, pictures([3] * 50), pictures([3, 1, 3]))
    counts = ask(some, ["pdq"], 50)
    assert read(queries_file(some.output, "pdq")) == sorted([VALUES[1], VALUES[3]])
    assert counts["pdq"].sum() == 2


def test_only_what_may_match_asks_and_only_of_the_algorithms_that_have_entries(tmp_path):
    rows = [
        scanned("good", pdq=VALUES[0], pdq_quality=50, md5=bytes(15) + b"1"),
        scanned("flat", pdq=VALUES[1], pdq_quality=49),
        scanned("degenerate", pdq=b"\0" * 32, pdq_quality=100),
        scanned("none"),
    ]
    some = work(tmp_path, rows)
    counts = ask(some, ["pdq", "sha1"], 50)
    assert {name: int(counted.sum()) for name, counted in counts.items()} == {"pdq": 1, "sha1": 0}
    assert not queries_file(some.output, "md5").exists()


def test_queries_that_are_there_are_not_asked_again(tmp_path):
    some = work(tmp_path, pictures(range(9)))
    before = ask(some, ["pdq"], 50)
    for file in some.fingerprints:
        file.unlink()
    assert (ask(some, ["pdq"], 50)["pdq"] == before["pdq"]).all()


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    groups=st.lists(st.lists(st.integers(0, 39), min_size=1, max_size=30), min_size=1, max_size=4),
    most=st.integers(1, 50),
)
def test_blocks_hold_every_query_once_and_no_more_than_they_say(tmp_path_factory, groups, most):
    folder = tmp_path_factory.mktemp("queries")
    counts, files = np.zeros(4096, np.int64), []
    for number, group in enumerate(groups):
        some = work(folder, pictures(group), name=f"group{number}")
        counts += ask(some, ["pdq"], 50)["pdq"]
        files.append(queries_file(some.output, "pdq"))
    found = []
    for block in blocks({"pdq": counts}, most):
        queries = queries_of(files, "pdq", block.prefixes)
        found += [row.tobytes() for row in queries]
        assert len(queries) <= block.queries
        assert block.queries <= most or len({row.tobytes().hex()[:3] for row in queries}) == 1
    assert found == sorted({VALUES[n] for group in groups for n in group})


def test_fingerprints_of_an_older_version_ask_for_what_they_have(tmp_path):
    import pyarrow.parquet as pq

    some = work(tmp_path, pictures([1]), [scanned("other", pdq=PDQ, pdq_quality=90)])
    older = pq.read_table(some.fingerprints[0]).drop_columns(["dhash", "whash"])
    pq.write_table(older, some.fingerprints[0])
    counts = ask(some, ["pdq", "dhash"], 50)
    assert (int(counts["pdq"].sum()), int(counts["dhash"].sum())) == (2, 0)


@pytest.mark.parametrize("damage", [b"", b"no array", None])
def test_files_that_are_no_queries_are_refused(tmp_path, damage):
    some = work(tmp_path, pictures([1]))
    ask(some, ["pdq"], 50)
    file = queries_file(some.output, "pdq")
    if damage is None:
        np.save(file, np.zeros((3, 31), np.uint8))
    else:
        file.write_bytes(damage)
    with pytest.raises(WorkspaceError, match=f"{file.name}: not the queries of a run"):
        ask(some, ["pdq"], 50)
