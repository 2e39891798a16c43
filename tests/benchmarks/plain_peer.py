"""The yardstick: the same job as a team would first write it, with Dask, boto3 and python-threatexchange."""

import hashlib
import io

import boto3
from dask.distributed import Client, LocalCluster
from PIL import Image
from threatexchange.signal_type.pdq.signal import PdqSignal


def scan_one(access: dict, bucket: str, key: str) -> tuple[str, str, str]:
    """Read one object and hash it: PDQ by threatexchange, and MD5."""
    client = boto3.client("s3", **access)
    body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    md5 = hashlib.md5(body).hexdigest()
    try:
        Image.open(io.BytesIO(body)).verify()
        pdq = PdqSignal.hash_from_bytes(body)
    except (OSError, SyntaxError):
        pdq = ""
    return key, md5, pdq


def scan(access: dict, bucket: str, known_pdq: list[str], workers: int) -> set[str]:
    """Return the keys within 31 bits of a known PDQ: a task per object, the index on the driver."""
    client = boto3.client("s3", **access)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    index = PdqSignal.get_index_cls().build([(value, value) for value in known_pdq])
    found = set()
    with (
        LocalCluster(workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster) as dask,
    ):
        futures = [dask.submit(scan_one, access, bucket, key, pure=False) for key in keys]
        for key, _, pdq in dask.gather(futures):
            if pdq and index.query(pdq):
                found.add(key)
    return found
