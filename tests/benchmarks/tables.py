"""The only place where benchmarks make large hash tables: of balanced values, as PDQ has them."""

import time
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from numba import njit

from scanner.config import Matching
from scanner.hashlist.snapshot import make_active
from scanner.hashlist.table import build_table
from scanner.hashlist.writing import put_snapshot
from scanner.match.distances import max_distances
from scanner.records import HashEntry, schema_of

BITS, RADIUS = 256, 31
AT = datetime(2026, 3, 1, tzinfo=UTC)


@njit
def _balance(words, bits):
    """Flip random bits that are in excess until half of them are set: every such value is equally likely."""
    for row in range(words.shape[0]):
        ones = 0
        for bit in range(bits):
            ones += words[row, bit >> 6] >> np.uint64(bit & 63) & np.uint64(1)
        while 2 * ones != bits:
            bit = np.random.randint(bits)
            mask = np.uint64(1) << np.uint64(bit & 63)
            if (words[row, bit >> 6] & mask != 0) == (2 * ones > bits):
                words[row, bit >> 6] ^= mask
                ones += 1 if words[row, bit >> 6] & mask else -1


@njit
def _seed(seed):
    np.random.seed(seed)


def balanced(count, seed, bits=BITS):
    """Return values with half of their bits set, uint8[count, bits / 8]."""
    _seed(seed)
    values = np.frombuffer(np.random.default_rng(seed).bytes(count * bits // 8), np.uint64).copy()
    _balance(values.reshape(count, -1), bits)
    return values.view(np.uint8).reshape(count, -1)


def moved(values, distances, seed):
    """Return values with so many bits flipped."""
    bits, random = np.unpackbits(values, axis=1), np.random.default_rng(seed)
    for row, distance in zip(bits, distances, strict=True):
        row[random.choice(bits.shape[1], distance, replace=False)] ^= 1
    return np.packbits(bits, axis=1)


def words(values):
    """Return fixed-size values as the column of a table."""
    return pa.Array.from_buffers(
        pa.binary(values.shape[1]), len(values), [None, pa.py_buffer(np.ascontiguousarray(values))]
    ).cast(pa.binary())


def entries_of(values, name="list", algorithm="pdq", first=0):
    """Return the entries of a list: one for each value, numbered from `first` on."""
    count, schema = len(values), schema_of(HashEntry)
    same = {"list": name, "member": "m", "algorithm": algorithm, "classification": "A", "status": "active"}
    columns = {key: pa.repeat(pa.scalar(word), count) for key, word in same.items()}
    columns |= {
        "value": words(values),
        "entry_id": pa.array(np.char.mod("e%09d", np.arange(first, first + count))),
    }
    columns["tags"] = pa.array(np.zeros(count + 1, np.int32))
    columns["tags"] = pa.ListArray.from_arrays(columns["tags"], pa.array([], pa.string()))
    arrays = [
        columns[field.name].cast(field.type) if field.name in columns else pa.nulls(count, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def put_list(workspace, values, name="list", algorithm="pdq", first=0):
    """Put a list of these values into a workspace."""
    digest = put_snapshot(workspace, name, entries_of(values, name, algorithm, first), {})
    return make_active(workspace, name, digest, AT)


def built(workspace, snapshots):
    """Build the table of some lists; return it, the seconds, and its bytes without entries and offsets."""
    start = time.perf_counter()
    table = build_table(workspace, snapshots, max_distances(Matching()))
    seconds = time.perf_counter() - start
    files = [path for path in table.path.rglob("*.npy") if not path.name.endswith("offsets.npy")]
    return table, seconds, sum(path.stat().st_size for path in files)
