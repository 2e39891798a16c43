"""The made list says what the made store holds, in the canonical form, and keeps it to its owner."""

import csv
import datetime as dt
import hashlib
import stat

import numpy as np
import pdqhash
import pytest
from PIL import Image

from scanner.config import ListPolicy
from scanner.demo.hashlist import make_list
from scanner.hashlist.importer import import_list
from scanner.hashlist.snapshot import active_snapshots
from scanner.records import ALGORITHM_BYTES
from scanner.workspace import Workspace


@pytest.fixture(scope="module")
def made(demo_store, tmp_path_factory):
    path = tmp_path_factory.mktemp("list") / "demo-list.csv"
    return path, make_list(path, demo_store)


@pytest.fixture(scope="module")
def rows(made):
    with made[0].open(newline="") as file:
        return list(csv.DictReader(file))


def test_it_is_private_and_counts_its_rows(made, rows):
    path, count = made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert count == len(rows) > 70


def test_every_known_file_has_an_entry_of_each_of_its_algorithms(demo_store, rows):
    listed = {(row["entry_id"], row["algorithm"]) for row in rows if row["status"] == "active"}
    wanted = {(entry.entry_id, algorithm) for entry in demo_store.known for algorithm in entry.algorithms}
    assert wanted <= listed
    assert {entry for entry, _ in listed - wanted} == {"demo-absent"}


def test_digests_are_those_of_the_files_and_pdq_that_of_the_reference(demo_store, rows):
    values = {(row["entry_id"], row["algorithm"]): row["value"] for row in rows}
    checked = 0
    for entry in (*demo_store.known, demo_store.withdrawn):
        data = demo_store.path(entry.key).read_bytes()
        for algorithm in entry.algorithms:
            value = values[entry.entry_id, algorithm]
            assert len(value) == 2 * ALGORITHM_BYTES[algorithm]
            if algorithm in ("md5", "sha1", "sha256"):
                assert value == hashlib.new(algorithm, data).hexdigest()
        if "pdq" in entry.algorithms and checked < 5:
            checked += 1
            with Image.open(demo_store.path(entry.key)) as image:
                bits = pdqhash.compute(np.asarray(image.convert("RGB")))[0]
            assert values[entry.entry_id, "pdq"] == np.packbits(bits).tobytes().hex()


def test_entries_have_classes_a_member_and_one_of_them_is_withdrawn(rows):
    assert {row["classification"] for row in rows} == {"A", "B"}
    assert {row["member"] for row in rows} == {"demo"}
    assert {row["entry_id"] for row in rows if row["status"] == "withdrawn"} == {"demo-withdrawn"}


def test_one_entry_matches_nothing(demo_store, rows):
    absent = {row["value"] for row in rows if row["entry_id"] == "demo-absent"}
    there = {
        hashlib.md5(path.read_bytes()).hexdigest()
        for path in demo_store.root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    assert len(absent) == 3
    assert absent & there == set()


def test_making_it_again_makes_the_same(made, demo_store, tmp_path):
    make_list(tmp_path / "again.csv", demo_store)
    assert (tmp_path / "again.csv").read_bytes() == made[0].read_bytes()


def test_it_imports_without_a_refusal(made, tmp_path):
    workspace = Workspace(tmp_path / "workspace").create()
    moment = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
    report = import_list(workspace, "demo", made[0], ListPolicy(illegal=("A",)), None, moment)
    assert (report.reading.rows, report.reading.refused, report.content.duplicates) == (made[1], 0, 0)
    assert report.content.weights.unusual == 0
    assert report.snapshot.counts["status"] == {"active": made[1] - 3, "withdrawn": 3}
    assert active_snapshots(workspace) == [report.snapshot]
