"""How fast and in what memory lists of clearing houses become snapshots.

The lower bound is reading the file: a parser that makes rows of it and nothing else. Sizes are a tenth of the
real ones; BENCH_LISTS=10 measures 5 million entries and 2 GB, in half an hour.
"""

import os
import time
from datetime import UTC, datetime

import pytest

from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats import read_rows
from scanner.hashlist.importer import import_list
from scanner.list_policy import ListPolicy
from scanner.workspace import Workspace
from tests.benchmarks.listed import write_ncmec, write_vics
from tests.benchmarks.memory import measured

TIMES = int(os.environ.get("BENCH_LISTS", "1"))
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def imported(folder, file, name):
    """Import a file; return the seconds, and the report's figures."""
    start = time.perf_counter()
    report = import_list(Workspace(folder).create(), "l", file, ListPolicy(), name, NOW)
    return time.perf_counter() - start, report.to_dict()


def read(file, name):
    """Make rows of a file and drop them; return the seconds."""
    start = time.perf_counter()
    for _ in read_rows(file, name, FileColumns({})):
        pass
    return time.perf_counter() - start


@pytest.mark.parametrize("name", ["ncmec", "vics"])
def test_a_list_at_its_size_is_imported_in_bounded_memory(tmp_path, name):
    file = tmp_path / "list"
    if name == "ncmec":
        records = 500_000 * TIMES
        write_ncmec(file, records)
    else:
        records = write_vics(file, 200_000_000 * TIMES)
    bound, _ = measured(read, file, name)
    (seconds, said), peak = measured(imported, tmp_path / "w", file, name)
    size, entries = file.stat().st_size / 1e6, said["counts"]["entries"]
    assert said["rows"] == said["counts"]["entries"] + said["merged"] + said["refused"]
    print(
        f"\n{name}: {records:,} records, {size:,.0f} MB, {entries:,} entries in {seconds:.0f} s: "
        f"{records / seconds:,.0f} records, {entries / seconds:,.0f} entries and {size / seconds:.1f} MB a "
        f"second; reading alone {bound:.0f} s; {peak:.2f} GB"
    )
    assert peak < 1.0
