"""The only place for the results of rows of an inventory part: which file holds them, put and read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from scanner.config import Config, digest_of
from scanner.fingerprint import DECODERS, methods_of
from scanner.inventory import Part
from scanner.records import Fingerprint, Match, records_of, schema_of, table_of
from scanner.version import VERSION
from scanner.workspace import parquet_bytes, put_once, read_parquet

pc: Any = pyarrow.compute  # its type stubs do not know chunked arrays

_OMITTED = b"hashsweep.matches_omitted"


@dataclass(frozen=True)
class Slice:
    """Rows [start, stop) of one inventory part, the unit of work; `output` is where their rows belong.

    A slice's output is put once. Its name depends on the listed objects and on every setting that
    changes a fingerprint, so that a finished part serves any later run that asks the same.
    """

    target: int
    number: int
    inventory: Path
    start: int
    stop: int
    output: Path

    @property
    def name(self) -> str:
        """A name for logs and tasks; it carries no key."""
        return f"{self.target:03d}-{self.number:06d}[{self.start}:{self.stop}]"

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.stop - self.start

    def halves(self) -> tuple["Slice", "Slice"]:
        """Split a slice of two rows or more, each half with an output of its own."""
        middle = (self.start + self.stop) // 2
        return self._piece(self.start, middle), self._piece(middle, self.stop)

    def _piece(self, start: int, stop: int) -> "Slice":
        stem = self.output.name.partition(".")[0]
        return replace(
            self, start=start, stop=stop, output=self.output.with_name(f"{stem}.{start}-{stop}.parquet")
        )


def slice_of(part: Part, folder: Path, config: Config) -> Slice:
    """Return the slice of a whole inventory part, with its output under `folder`."""
    settings = {
        "inventory": part.digest,
        "methods": [*methods_of(config.media), DECODERS],
        "version": VERSION,
        **config.fingerprint_settings(),
    }
    output = folder / f"{digest_of(settings)[:32]}.parquet"
    return Slice(part.target, part.number, part.path, 0, part.rows, output)


def put_fingerprints(output: Path, rows: Sequence[Fingerprint]) -> None:
    """Put the fingerprints of a slice, once."""
    put_once(output, parquet_bytes(table_of(Fingerprint, rows)))


def read_fingerprints(output: Path) -> list[Fingerprint]:
    """Return the fingerprints of a slice, in the order of its inventory."""
    return list(records_of(Fingerprint, read_parquet(output)))


def assemble(whole: Slice, pieces: Sequence[Slice]) -> None:
    """Put the output of a slice together from the outputs of its pieces."""
    tables = [read_parquet(piece.output) for piece in sorted(pieces, key=lambda piece: piece.start)]
    joined = pa.concat_tables(tables).cast(schema_of(Fingerprint)).combine_chunks()
    put_once(whole.output, parquet_bytes(joined))
    for piece in pieces:
        piece.output.unlink(missing_ok=True)


@dataclass(frozen=True)
class Matched:
    """The matches of one slice, and how many entries were left out per finding."""

    matches: tuple[Match, ...]
    omitted: dict[str, int]


def put_matches(output: Path, matches: pa.Table, omitted: dict[str, int]) -> None:
    """Put the matches of a slice, once; `omitted` counts by finding id what the join left out."""
    said = {_OMITTED: json.dumps(omitted, sort_keys=True).encode()}
    metadata = {**(schema_of(Match).metadata or {}), **said}
    put_once(output, parquet_bytes(matches.replace_schema_metadata(metadata)))


def read_match_table(output: Path) -> tuple[pa.Table, dict[str, int]]:
    """Return the matches of a slice as they were put."""
    table = read_parquet(output)
    omitted = json.loads((table.schema.metadata or {}).get(_OMITTED, b"{}"))
    return table.replace_schema_metadata(schema_of(Match).metadata), omitted


def read_matches(output: Path) -> Matched:
    """Return the matches of a slice."""
    table, omitted = read_match_table(output)
    return Matched(tuple(records_of(Match, table)), omitted)


def objects_matched(output: Path) -> int:
    """Return how many objects of a slice have matches."""
    table, _ = read_match_table(output)
    return int(pc.count_distinct(table.column("finding_id")).as_py())
