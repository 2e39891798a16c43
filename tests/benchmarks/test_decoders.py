"""How much faster one worker is with two decoders than with one, on two cores."""

import time
from dataclasses import replace

import pytest

from scanner.config import Run
from scanner.slices import read_fingerprints
from scanner.worker import Spec, Worker
from scanner.workspace import Workspace
from tests.photographs import encoded, photographs
from tests.unit.sweeps import Room

COPIES = 3
ROUNDS = 3


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Return a run over 120 photographs as JPEGs of up to 1,600 pixels, listed in one part."""
    root = tmp_path_factory.mktemp("decoders")
    paths = photographs(root / "photographs", 40)
    store = {
        f"{path.stem}-{n}.jpg": encoded(path, "JPEG", quality=90 - n) for path in paths for n in range(COPIES)
    }
    room = Room(root, Workspace(root / "workspace").create(), store)
    room.import_pictures()
    return room.start(run=Run(part_objects=1000))


def seconds(sweep, decoders):
    """Return the least time of some rounds; decoders are started and warm before."""
    (part,) = sweep.listing
    work, taken = sweep.slice_of(part), []
    with Worker(Spec(sweep.config, sweep.table.path), decoders) as worker:
        for n in range(ROUNDS):
            one = replace(work, output=work.output.with_name(f"{decoders}-{n}.parquet"))
            start = time.perf_counter()
            worker.fingerprint(one)
            taken.append(time.perf_counter() - start)
    return min(taken), [row.pdq for row in read_fingerprints(one.output)]


def test_two_decoders_of_one_worker_beside_one(sweep):
    (one, seen), (two, seen_too) = seconds(sweep, 1), seconds(sweep, 2)
    count = len(seen)
    print(f"\n{count} JPEGs from a directory, one worker on two cores")
    for decoders, taken in ((1, one), (2, two)):
        print(
            f"  {decoders} decoder{'s' * (decoders > 1):1} {count / taken:8.1f} objects/s {one / taken:6.2f}x"
        )
    assert seen == seen_too
