"""The only place where benchmarks make fingerprints at rest, as a scan leaves them, without pictures."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scanner.join_work import Part, join_block, match_parts
from scanner.queries import ask
from scanner.records import Fingerprint, ObjectRef, Outcome, schema_of, table_of
from scanner.slices import objects_matched
from tests.benchmarks.tables import AT, words

_ONE = table_of(
    Fingerprint, [Fingerprint(ObjectRef("s3", "b", "k", None, "e", 1, AT), Outcome.HASHED, pdq_quality=100)]
)


def put_parts(folder, values, rows, earlier=None):
    """Put the fingerprints of objects with these PDQs, so many rows a part; return the parts.

    `earlier` are the matches that every part is to have had.
    """
    folder.mkdir(exist_ok=True)
    parts = []
    for start in range(0, len(values), rows):
        some = values[start : start + rows]
        numbers = np.arange(start, start + len(some))
        columns = {
            "key": pa.array(np.char.mod("accounts/%09d.jpg", numbers)),
            "etag": pa.array(np.char.mod("%032x", numbers)),
            "sha256": words(np.roll(some, 1, axis=1)),
            "pdq": words(some),
        }
        arrays = [
            columns[field.name] if field.name in columns else pa.repeat(_ONE[field.name][0], len(some))
            for field in schema_of(Fingerprint)
        ]
        name = f"{start:09}.parquet"
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema_of(Fingerprint)), folder / name)
        parts.append(Part(len(some), folder / name, folder / f"matches-{name}", earlier))
    return parts


class Alone:
    """The phases of a join in this process, without decoders."""

    def __init__(self, table, matching):
        self.table, self.matching = table, matching

    def ask(self, work):
        for one in work:
            yield one, ask(one, [*self.table.algorithms], self.matching.min_pdq_quality)

    def join(self, work):
        for one in work:
            yield one, join_block(one, self.table, self.matching)

    def match(self, work):
        for one in work:
            match_parts(one, lambda _: self.table, self.matching)
            yield one, sum(objects_matched(part.output) for part in one.parts)


class Quiet:
    """A reporter that adds up what joins said, and prints nothing."""

    def __init__(self):
        self.queries = self.candidates = self.findings = 0

    def joined(self, block, queries, candidates):
        del block
        self.queries, self.candidates = self.queries + queries, self.candidates + candidates

    def matched(self, objects, findings):
        del objects
        self.findings += findings
