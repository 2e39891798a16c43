"""The only place that makes the demo's hash list: a canonical CSV of the known pictures' fingerprints."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scanner.demo.store import DemoStore, Known
from scanner.fingerprint import fingerprint
from scanner.workspace import replace

COLUMNS = ("entry_id", "member", "algorithm", "value", "classification", "scheme", "status", "modified_at")

MODIFIED = "2026-01-01T00:00:00Z"


def make_list(path: Path, store: DemoStore) -> int:
    """Write the list of a made store's known files as CSV, mode 0600; return the number of its rows.

    One entry matches nothing, and one is withdrawn.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = [*_rows(store), *_absent()]
    writer.writerows(rows)
    replace(path, text.getvalue().encode())
    return len(rows)


def _rows(store: DemoStore) -> Iterator[tuple[str, ...]]:
    for entry in store.known:
        yield from _entry(store, entry, "active")
    yield from _entry(store, store.withdrawn, "withdrawn")


def _entry(store: DemoStore, entry: Known, status: str) -> Iterator[tuple[str, ...]]:
    taken = fingerprint(store.path(entry.key).read_bytes())
    for algorithm in entry.algorithms:
        value = getattr(taken, algorithm)
        yield _row(entry.entry_id, algorithm, value, entry.classification, status)


def _absent() -> Iterator[tuple[str, ...]]:
    random = np.random.default_rng(0)
    half = np.repeat([0, 1], 128)  # every PDQ value of a real picture has as many ones as zeros
    values = {
        "md5": random.bytes(16),
        "sha1": random.bytes(20),
        "pdq": np.packbits(random.permutation(half)).tobytes(),
    }
    for algorithm, value in values.items():
        yield _row("demo-absent", algorithm, value, "A", "active")


def _row(entry_id: str, algorithm: str, value: bytes, classification: str, status: str) -> tuple[str, ...]:
    return (entry_id, "demo", algorithm, value.hex(), classification, "demo", status, MODIFIED)
