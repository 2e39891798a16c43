"""Objects per second of a whole scan from SeaweedFS, beside the same job as one would first write it."""

import csv
import itertools
import time

import pytest

from tests.benchmarks import plain_peer
from tests.line import hashsweep, write_list
from tests.photographs import encoded, photographs

COPIES = 11
HEADING = f"{'':<64} {'objects/s':>10} {'':>6} {'start-up':>9} {'then objects/s':>15} {'':>6} {'found':>6}"


@pytest.fixture(scope="module")
def bucket(seaweedfs, tmp_path_factory):
    """A bucket of 1,200 JPEGs: 100 photographs, each at several qualities; and one of a single JPEG."""
    cache = tmp_path_factory.mktemp("photographs")
    pictures = photographs(cache, 100)
    name = seaweedfs.new_bucket()
    client = seaweedfs.client()
    total = 0
    for path in pictures:
        for copy in range(COPIES + 1):
            body = encoded(path, "JPEG", quality=95 - 5 * copy)
            total += len(body)
            client.put_object(Bucket=name, Key=f"{path.stem}/{copy}.jpg", Body=body)
    single = seaweedfs.new_bucket()
    client.put_object(Bucket=single, Key="one.jpg", Body=encoded(pictures[0], "JPEG"))
    return name, single, pictures, total


OURS = {
    "hashsweep --scheduler none (MD5, SHA-1, SHA-256, PDQ, pHash)": ["--scheduler", "none"],
    "hashsweep, 2 workers (MD5, SHA-1, SHA-256, PDQ, pHash)": ["--workers", "2"],
}


def timed(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def test_a_whole_scan_beside_a_plain_dask_script(bucket, seaweedfs, tmp_path):
    name, single, pictures, total = bucket
    objects = (COPIES + 1) * len(pictures)
    listed = write_list(
        tmp_path / "list.csv", [path.read_bytes() for path in pictures[::4]], ["sha256", "pdq"]
    )
    with listed.open() as file:
        pdq = [row["value"] for row in csv.DictReader(file) if row["algorithm"] == "pdq"]
    access = {
        "endpoint_url": seaweedfs.endpoint_url,
        "aws_access_key_id": seaweedfs.access_key,
        "aws_secret_access_key": seaweedfs.secret_key,
        "region_name": seaweedfs.region,
    }
    settings = tmp_path / "settings.toml"
    settings.write_text("[run]\npart_objects = 50\n")
    workspaces = itertools.count()

    def peer(where):
        return len(plain_peer.scan(access, where, pdq, 2))

    def ours(where, *options):
        workspace = tmp_path / f"workspace-{next(workspaces)}"
        hashsweep("lists", "import", "bench", listed, "-w", workspace)
        target = [f"s3://{where}", "--endpoint-url", seaweedfs.endpoint_url, "-c", settings, "-w", workspace]
        seconds, done = timed(lambda: hashsweep("scan", *target, *options, "--json"))
        return seconds, done.json["counts"]["findings"]

    seconds, found = timed(lambda: peer(name))
    rows = [
        (
            "Dask + boto3 + threatexchange, 2 workers (MD5, PDQ)",
            seconds,
            timed(lambda: peer(single))[0],
            found,
        )
    ]
    for label, options in OURS.items():
        seconds, found = ours(name, *options)
        rows.append((label, seconds, ours(single, *options)[0], found))
    print(f"\n{objects:,} JPEGs, {total / 1e6:.0f} MB, from SeaweedFS on the same two cores\n{HEADING}")
    base = objects / rows[0][1], objects / (rows[0][1] - rows[0][2])
    for label, seconds, start, count in rows:
        whole, then = objects / seconds, objects / (seconds - start)
        ratios = f"{whole / base[0]:5.1f}x {start:7.1f} s {then:15.1f} {then / base[1]:5.1f}x"
        print(f"{label:<64} {whole:10.1f} {ratios} {count:6}")
    assert rows[1][3] == rows[2][3] >= rows[0][3]
