"""The only place where findings are brought into the order of a manifest, however many there are."""

import contextlib
import heapq
import tempfile
from collections.abc import Iterable, Iterator
from io import BufferedRandom
from itertools import groupby, islice
from pathlib import Path

import pyarrow as pa

from scanner.findings.form import united
from scanner.records import Finding, records_of, schema_of, table_of

RUN_ROWS = 25_000
"""Findings sorted in memory at once; further ones go to disk, 25,000 to an open file."""

_BATCH_ROWS = 500


def in_order(findings: Iterable[Finding], folder: Path, run_rows: int = RUN_ROWS) -> Iterator[Finding]:
    """Yield findings by identity, one for each object version.

    Memory holds `run_rows` findings, and 500 for each sorted run of as many that waits in an unnamed
    file under `folder`: a million findings for every 40 open files.
    """
    source = iter(findings)
    with contextlib.ExitStack() as stack:
        run = _sorted(islice(source, run_rows))
        runs: list[Iterable[Finding]] = []
        while following := _sorted(islice(source, run_rows)):
            runs.append(_read(_spool(run, stack.enter_context(unnamed_file(folder)))))
            run = following
        merged = heapq.merge(*runs, run, key=_identity)
        for _, same in groupby(merged, key=_identity):
            first, *others = same
            yield united([first, *others]) if others else first


def unnamed_file(folder: Path) -> BufferedRandom:
    """Return a private file without a name, which leaves nothing behind, whatever happens."""
    return tempfile.TemporaryFile(dir=folder)


def _identity(finding: Finding) -> tuple[str, str, bytes, str, str]:
    return finding.object.identity


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=_identity)


def _spool(run: list[Finding], file: BufferedRandom) -> BufferedRandom:
    with pa.ipc.new_stream(file, schema_of(Finding)) as stream:
        for start in range(0, len(run), _BATCH_ROWS):
            stream.write_table(table_of(Finding, run[start : start + _BATCH_ROWS]))
    file.seek(0)
    return file


def _read(file: BufferedRandom) -> Iterator[Finding]:
    for batch in pa.ipc.open_stream(file):
        yield from records_of(Finding, pa.Table.from_batches([batch]))
