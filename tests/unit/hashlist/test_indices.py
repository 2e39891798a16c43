import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import HashListError
from scanner.hashlist import indices
from scanner.hashlist.bands import permutation, plan
from scanner.hashlist.entries import table_of_entries
from scanner.hashlist.indices import open_indices, write_indices
from scanner.hashlist.snapshot import make_active
from scanner.hashlist.table import build_table, open_table
from scanner.hashlist.writing import put_snapshot
from scanner.match import hamming_join
from scanner.match.banded import banded_pairs
from scanner.match.hamming import Bounds
from scanner.records import HashEntry
from tests.unit.hashlist import lists
from tests.unit.hashlist.lists import merge_entries
from tests.unit.hashlist.test_table import AT, DISTANCES, edit

FILES = ["rows.npy", "starts.npy"]
EACH = 150
"""Entries of each algorithm."""


@pytest.fixture
def banded(monkeypatch):
    """Give small tables the bands of large ones."""
    monkeypatch.setattr(indices, "plan", lambda bits, distance, values: plan(bits, distance, 100_000))


@pytest.fixture
def table(workspace, banded):
    entries = [
        HashEntry("iwf", "", f"e{n}", algorithm, lists.value(algorithm, n))
        for algorithm in ("md5", "pdq", "phash")
        for n in range(EACH)
    ]
    digest = put_snapshot(workspace, "iwf", merge_entries(table_of_entries(entries)).table, {})
    return build_table(workspace, [make_active(workspace, "iwf", digest, AT)], DISTANCES, 60)


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.sampled_from([(8, 4), (8, 3), (32, 31)]), st.integers(1, 300), st.integers(0, 9))
def test_an_index_holds_every_row_once_by_the_bits_of_its_band(tmp_path_factory, kind, count, seed):
    (width, max_distance), random = kind, np.random.default_rng(seed)
    values = random.integers(0, 256, (count, width), np.uint8)
    stem = tmp_path_factory.mktemp("shard") / "00000"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indices, "plan", lambda bits, distance, number: plan(bits, distance, 100_000))
        header = write_indices(stem, values, max_distance)
    opened = open_indices(stem, header["bands"], count, 8 * width, max_distance)
    assert [index.band for index in opened] == list(plan(8 * width, max_distance, 100_000))
    bits = np.unpackbits(values, axis=1, bitorder="little")[:, permutation(8 * width)].astype(np.int64)
    for index in opened:
        band = index.band
        bucket = bits[:, band.first : band.first + band.width] @ (1 << np.arange(band.width))
        assert sorted(index.rows.tolist()) == list(range(count))
        assert index.rows.tolist() == sorted(range(count), key=lambda row: (bucket[row], row))
        sizes = np.bincount(bucket, minlength=1 << band.width)
        assert np.diff(index.starts.astype(np.int64)).tolist() == sizes.tolist()


def test_the_indices_of_a_table_are_mapped_and_lead_to_what_a_scan_finds(table):
    for name in ("pdq", "phash"):
        assert len(table.algorithms[name].shards) >= 3
        for shard in table.algorithms[name].shards:
            bits, limit = 8 * shard.values.shape[1], DISTANCES[name]
            assert [index.band for index in shard.indices] == list(plan(bits, limit, 100_000))
            assert all(
                isinstance(part, np.memmap) for index in shard.indices for part in (index.starts, index.rows)
            )
            queries = np.stack(
                [
                    np.frombuffer(lists.near(value.tobytes(), n % 40, n), np.uint8)
                    for n, value in enumerate(shard.values)
                ]
            )
            words = [np.ascontiguousarray(rows).view(np.uint64) for rows in (queries, shard.values)]
            found = banded_pairs(*words, bits, shard.indices, limit, Bounds(10_000, 10_000))[:3]
            expected = hamming_join(queries, np.asarray(shard.values), limit)
            assert len(expected[0])
            assert [part.tolist() for part in found] == [part.tolist() for part in expected]


def test_values_that_match_exactly_have_no_index(table):
    assert not list(table.path.glob("md5/*.rows.npy"))
    assert all(shard.indices == () for shard in table.algorithms["md5"].shards)


def test_there_is_no_index_where_a_scan_costs_less(workspace):
    entries = [HashEntry("iwf", "", f"e{n}", "pdq", lists.value("pdq", n)) for n in range(50)]
    digest = put_snapshot(workspace, "iwf", merge_entries(table_of_entries(entries)).table, {})
    table = build_table(workspace, [make_active(workspace, "iwf", digest, AT)], DISTANCES)
    (shard,) = table.algorithms["pdq"].shards
    assert (shard.indices, shard.max_distance) == ((), 31)
    assert {path.name for path in (table.path / "pdq").iterdir()} == {
        "00000.values.npy", "00000.offsets.npy", "00000.postings.arrow",
    }  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "short", "long", "empty"])
def test_an_index_of_another_size_is_found_when_a_table_is_opened(table, name, damage):
    file = table.path / "pdq" / f"00001.{name}"
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes({"short": content[:-1], "long": content + b"x", "empty": b""}[damage])
    with pytest.raises(HashListError, match="remove the table's folder") as error:
        open_table(table.path)
    assert f"00001.{name}" in str(error.value)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_bit_of_an_index_is_found_when_a_table_is_verified(table, name):
    table.verify()
    file = table.path / "pdq" / f"00000.{name}"
    content = bytearray(file.read_bytes())
    content[-40] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(HashListError, match=rf"00000\.{name} is not what was built"):
        table.verify()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *((name, lambda array: array.astype(np.int64)) for name in FILES),
        *((name, lambda array: array.reshape(1, -1)) for name in FILES),
        *((name, lambda array: array[:-1]) for name in FILES),
        ("rows.npy", np.asfortranarray),
    ],
)
def test_an_index_of_another_type_or_shape_is_an_error(table, name, change):
    file = table.path / "phash" / f"00000.{name}"
    np.save(file, change(np.load(file)))
    size = {"bytes": file.stat().st_size}
    edit(table.path, lambda header: header["algorithms"]["phash"]["shards"][0]["files"][name].update(size))
    with pytest.raises(HashListError, match=rf"00000\.{name} does not .*; remove the table's folder"):
        open_table(table.path)


@pytest.mark.parametrize("place", [0, 1 << 13])
def test_starts_that_do_not_lead_to_all_rows_are_an_error(table, place):
    file = table.path / "phash" / "00000.starts.npy"
    starts = np.load(file)
    starts[place] += 1
    np.save(file, starts)
    with pytest.raises(HashListError, match=r"00000\.starts\.npy does not lead to \d+ rows"):
        open_table(table.path)


def test_an_index_of_another_shard_is_an_error(table):
    for name in FILES:
        shutil.copy(table.path / "pdq" / f"00001.{name}", table.path / "pdq" / f"00000.{name}")
    with pytest.raises(HashListError, match="remove the table's folder"):
        open_table(table.path).verify()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda bands: bands.pop(), "would miss values within 4 bits"),
        (lambda bands: bands[0].__setitem__(2, -1), "would miss"),
        (lambda bands: bands[1].__setitem__(0, 12), "would miss"),
        (lambda bands: bands[4].__setitem__(1, 13), "would miss"),
        (lambda bands: bands[4].__setitem__(2, 99), "would miss"),
        (lambda bands: bands.insert(0, [0, 0, 5]), "would miss"),
        (lambda bands: bands.__setitem__(slice(None), [[0, 25, 4]]), "would miss"),
        (lambda bands: bands[0].pop(), "damaged"),
        (lambda bands: bands[0].__setitem__(1, "13"), "damaged"),
        (lambda bands: bands.append(None), "damaged"),
        (lambda bands: bands.append([64, 1, 0]), "would miss"),
    ],
)
def test_bands_that_would_not_find_every_value_are_an_error(table, change, message):
    edit(table.path, lambda header: change(header["algorithms"]["phash"]["shards"][0]["bands"]))
    with pytest.raises(HashListError, match=message):
        open_table(table.path)
