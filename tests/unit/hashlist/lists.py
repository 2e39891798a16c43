"""Made hash lists: random values that look as real ones do, and belong to nothing."""

import base64
import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scanner.hashlist.merging import ROWS, merge_rows
from scanner.records import ALGORITHM_BYTES, PERCEPTUAL


def value(algorithm, seed):
    """Return one value; perceptual ones have exactly half of their bits set."""
    random = np.random.default_rng([len(algorithm), seed])
    width = ALGORITHM_BYTES[algorithm]
    if algorithm in PERCEPTUAL:
        return np.packbits(random.permutation(np.arange(8 * width) % 2)).tobytes()
    return random.bytes(width)


def near(original, bits, seed=0):
    """Return a value at exactly so many bits from another one."""
    random = np.random.default_rng(seed)
    flipped = np.unpackbits(np.frombuffer(original, np.uint8))
    flipped[random.choice(len(flipped), bits, replace=False)] ^= 1
    return np.packbits(flipped).tobytes()


def rows(algorithm, count, start=0, **columns):
    """Return rows of a list as a file would hold them."""
    return [
        {"entry_id": f"e{n:06}", "algorithm": algorithm, "value": value(algorithm, n).hex(), **columns}
        for n in range(start, start + count)
    ]


def write_csv(path, listed):
    names = list(dict.fromkeys(name for row in listed for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(listed)
    return path


def write_jsonl(path, listed):
    path.write_text("".join(json.dumps(row) + "\n" for row in listed))
    return path


def write_parquet(path, listed):
    names = dict.fromkeys(name for row in listed for name in row)
    pq.write_table(pa.table({name: [row.get(name) for row in listed] for name in names}), path)
    return path


def spellings(raw):
    """Return every way in which a value could leak."""
    encoded = base64.b64encode(raw).decode()
    return {raw.hex(), raw.hex().upper(), encoded, encoded.rstrip("="), repr(raw)}


def numbered(entries, first=0):
    """Return entries as the rows of a file, each a record of its own."""
    row = pa.array(range(first, first + len(entries)), pa.int64())
    own = pa.array([True] * len(entries), pa.bool_())
    return pa.Table.from_arrays([*entries.columns, row, row, own], schema=ROWS)


def merge_entries(entries):
    """Return what becomes of entries that are the rows of a file in this order."""
    return merge_rows(numbered(entries))
