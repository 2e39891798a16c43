"""Reading exactly the listed versions from real S3 servers, with both clients."""

import gzip
import hashlib
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from scanner.config import Fetch
from scanner.fetch import Source, fetch, source_of
from scanner.fetch.canonical import is_canonical
from scanner.records import ObjectRef, Outcome
from scanner.target import place_of
from tests import servers
from tests.unit.fetch.bodies import body_of, patient

SETTINGS = Fetch(single_get_bytes=1 << 20, sniff_bytes=65536)
HOSTILE = [
    "plain",
    "dir/a b",
    "trail ",
    " lead",
    "a/ /b",
    "100%",
    "%41",
    "a%2Fb",
    "a+b",
    "a#b",
    "a?b",
    "a&b=c;d",
    "tilde~x",
    "[x]{y}|^`<>\"'",
    "*:,@$!(=)",
    "...",
    "..b/.c",
    "ünï",
    "u\u0308n",
    "日本/語.jpg",
    "😀",
    "nb\u00a0sp",
    "zw\u200bx",
    "\u202ertl",
    "\u2028line",
    "\ufeffbom",
    "x" * 200,
]
ALTERED = ["a//b", "/lead", "trail/", "a/../b", "a/./b", "back\\slash", "tab\t", "bell\x07", "\x7f", "\x85"]
"""Keys that SeaweedFS stores under other names, or not at all."""

NUMBERS = itertools.count()


@dataclass(frozen=True)
class Bucket:
    """A bucket of a real server, a client to fill it with, and the source under test."""

    server: servers.Server
    name: str
    client: Any
    source: Source

    def put(self, key: str, body: bytes, **options: Any) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=body, **options)

    def listed(self, prefix: str) -> list[ObjectRef]:
        """Return the versions below a prefix as the server's own listing names them, oldest first.

        What was never versioned is listed without versions, since SeaweedFS names other ETags there than
        it serves: none for empty objects, and those of its own chunks for large ones.
        """
        call, entries = "list_objects_v2", "Contents"
        if "Status" in self.client.get_bucket_versioning(Bucket=self.name):
            call, entries = "list_object_versions", "Versions"
        pages = self.client.get_paginator(call).paginate(Bucket=self.name, Prefix=prefix)
        found = [entry for page in pages for entry in page.get(entries, [])]
        return [self._ref(entry) for entry in reversed(found)]

    def _ref(self, entry: dict) -> ObjectRef:
        version_id = entry.get("VersionId", "null")
        return ObjectRef(
            store="aws",
            bucket=self.name,
            key=entry["Key"],
            version_id=None if version_id == "null" else version_id,
            etag=entry["ETag"].strip('"'),
            size=entry["Size"],
            last_modified=entry["LastModified"],
            is_latest=entry.get("IsLatest", True),
        )

    def put_and_list(self, key: str, body: bytes, **options: Any) -> ObjectRef:
        self.put(key, body, **options)
        (ref,) = self.listed(key)
        return ref


def bucket_at(server, versioned=False) -> Bucket:
    name = server.new_bucket(versioned)
    return Bucket(server, name, server.client(), source_at(server, name))


def source_at(server, name) -> Source:
    return source_of(place_of(server.target(name)), SETTINGS)


@pytest.fixture(scope="module", params=["seaweedfs", "moto"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def bucket(server):
    return bucket_at(server)


@pytest.fixture(scope="module")
def versioned(server):
    return bucket_at(server, versioned=True)


@pytest.fixture(scope="module")
def seaweedfs_bucket(seaweedfs):
    return bucket_at(seaweedfs)


@pytest.fixture(scope="module")
def moto_bucket(moto):
    return bucket_at(moto)


@pytest.fixture(params=["boto3", "obstore"])
def key(request):
    """A key of its own for each test, that boto3 alone reads or that obstore reads."""
    number = next(NUMBERS)
    return f"{number} tab\tin name.jpg" if request.param == "boto3" else f"{number}/canonical name.jpg"


def read(source, ref):
    return fetch(ref, source, SETTINGS, patient()[0])


def raw(source, ref, start=0, stop=None):
    with source.open(ref, start, stop) as stream:
        return b"".join(stream)


def assert_whole(content, body):
    assert content.outcome is None
    assert content.digests.md5 == hashlib.md5(body).digest()
    assert content.digests.sha1 == hashlib.sha1(body).digest()
    assert content.digests.sha256 == hashlib.sha256(body).digest()


def test_every_listed_version_is_read_as_itself(versioned, key):
    bodies = [body_of("picture", 1000 + n, seed=n) for n in range(3)]
    for body in bodies:
        versioned.put(key, body)

    refs = versioned.listed(key)

    assert [ref.is_latest for ref in refs] == [False, False, True]
    assert sorted(read(versioned.source, ref).data for ref in refs) == sorted(bodies)


def test_the_null_version_is_read_after_newer_ones_hid_it(server):
    bucket = bucket_at(server)
    keys = ["canonical", "tab\tin name"]
    alone = {key: bucket.put_and_list(key, b"null version") for key in keys}
    on = {"Status": "Enabled"}
    bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=on)
    for key in keys:
        assert read(bucket.source, alone[key]).data == b"null version"
        bucket.put(key, b"newer version")

    for key in keys:
        (hidden,) = [ref for ref in bucket.listed(key) if not ref.is_latest]
        assert hidden.version_id is None
        assert read(bucket.source, hidden).data == b"null version"
        assert read(bucket.source, alone[key]).data == b"null version", "listed before it was hidden"
        bucket.client.delete_object(Bucket=bucket.name, Key=key)
        assert read(bucket.source, alone[key]).data == b"null version", "behind a delete marker too"


@pytest.mark.parametrize("size", [1000, 3 << 20])
def test_an_object_that_was_replaced_since_it_was_listed_is_changed(bucket, key, size):
    ref = bucket.put_and_list(key, body_of("picture", size))
    assert read(bucket.source, ref).outcome is None

    bucket.put(key, body_of("picture", size, seed=1))

    content = read(bucket.source, ref)
    assert (content.outcome, content.digests, content.data) == (Outcome.CHANGED, None, None)


def test_a_deleted_object_is_gone(bucket, key):
    ref = bucket.put_and_list(key, b"body")
    assert read(bucket.source, ref).outcome is None

    bucket.client.delete_object(Bucket=bucket.name, Key=key)

    assert read(bucket.source, ref).outcome is Outcome.GONE


def test_a_version_behind_a_delete_marker_is_read_until_it_is_deleted_itself(versioned, key):
    versioned.put(key, b"body")
    versioned.client.delete_object(Bucket=versioned.name, Key=key)
    (ref,) = versioned.listed(key)
    assert read(versioned.source, ref).data == b"body"

    versioned.client.delete_object(Bucket=versioned.name, Key=key, VersionId=ref.version_id)

    assert read(versioned.source, ref).outcome is Outcome.GONE


def test_a_bucket_that_is_not_there_makes_the_run_incomplete_and_no_object_gone(moto_bucket, key):
    ref = moto_bucket.put_and_list(key, b"body")

    content = read(source_at(moto_bucket.server, "bucket-not-there"), ref)

    assert (content.outcome, content.reason) == (Outcome.FAILED, "NoSuchBucket")


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (servers.READER, None),
        ((servers.READER[0], "a wrong secret"), "SignatureDoesNotMatch"),
        (("nobody", "no-secret"), "InvalidAccessKeyId"),
    ],
)
def test_whom_the_store_does_not_know_is_denied_and_a_reader_needs_no_more(
    seaweedfs_bucket, monkeypatch, key, identity, reason
):
    ref = seaweedfs_bucket.put_and_list(key, b"body")
    seaweedfs_bucket.server.identity(identity).login(monkeypatch)

    content = read(source_at(seaweedfs_bucket.server, seaweedfs_bucket.name), ref)

    assert (content.outcome, content.reason) == (Outcome.DENIED if reason else None, reason)


def test_an_object_that_a_policy_forbids_is_denied_and_the_others_are_read(seaweedfs, monkeypatch, key):
    bucket = bucket_at(seaweedfs)
    allowed, forbidden = bucket.put_and_list("allowed", b"body"), bucket.put_and_list(key, b"body")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject"}
    statement = {**deny, "Resource": f"arn:aws:s3:::{bucket.name}/{key[:2]}*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=policy)
    seaweedfs.identity(servers.READER).login(monkeypatch)
    source = source_at(seaweedfs, bucket.name)

    assert read(source, allowed).data == b"body"
    content = read(source, forbidden)
    assert (content.outcome, content.reason) == (Outcome.DENIED, "AccessDenied")


def test_an_object_of_several_parts_is_read_on_its_own_etag(bucket, key):
    parts = [body_of("video", 5 << 20), body_of("other", 1000)]
    at = {"Bucket": bucket.name, "Key": key}
    upload = {**at, "UploadId": bucket.client.create_multipart_upload(**at)["UploadId"]}
    named = [
        {"PartNumber": n, "ETag": bucket.client.upload_part(**upload, PartNumber=n, Body=part)["ETag"]}
        for n, part in enumerate(parts, 1)
    ]
    bucket.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": named})
    (ref,) = bucket.listed(key)
    assert ref.etag.endswith("-2")

    assert_whole(read(bucket.source, ref), b"".join(parts))


def test_a_large_object_without_media_costs_no_more_than_its_first_bytes(bucket, key):
    ref = bucket.put_and_list(key, bytes(20 << 20))

    content = read(bucket.source, ref)

    assert (content.outcome, content.bytes_read) == (Outcome.NOT_MEDIA, 65536)


def test_a_large_video_is_digested_and_not_kept(bucket, key):
    body = body_of("video", (8 << 20) + 7)

    content = read(bucket.source, bucket.put_and_list(key, body))

    assert_whole(content, body)
    assert (content.data, content.bytes_read) == (None, len(body))


def test_an_empty_object_is_read(bucket, key):
    assert_whole(read(bucket.source, bucket.put_and_list(key, b"")), b"")


def test_what_was_stored_compressed_is_read_as_it_is_stored(bucket, key):
    body = gzip.compress(b"text " * 1000, mtime=0)

    content = read(bucket.source, bucket.put_and_list(key, body, ContentEncoding="gzip"))

    assert_whole(content, body)


def test_no_object_escapes_by_its_name(moto):
    bucket = bucket_at(moto)
    for name in HOSTILE + ALTERED:
        bucket.put(name, name.encode())

    read_under = {ref.key: read(bucket.source, ref).data for ref in bucket.listed("")}

    assert read_under == {name: name.encode() for name in HOSTILE + ALTERED}


def test_both_clients_read_the_same_bytes_of_every_canonical_key(server):
    bucket = bucket_at(server)
    for name in HOSTILE:
        bucket.put(name, name.encode())
    plain = source_at(server, bucket.name)
    plain._trials = 0  # as if obstore had been given up
    refs = bucket.listed("")
    raw(bucket.source, refs[0])
    asked_by_boto3 = []
    events = bucket.source._client.meta.events
    events.register("before-send.s3.GetObject", lambda **_: asked_by_boto3.append(1))

    for ref in refs:
        assert is_canonical(ref.key)
        assert raw(bucket.source, ref) == raw(plain, ref) == ref.key.encode()
        assert raw(bucket.source, ref, 1, 3) == raw(plain, ref, 1, 3) == ref.key.encode()[1:3]

    assert len(refs) == len(HOSTILE)
    assert not asked_by_boto3


def test_many_threads_share_one_source(server):
    bucket = bucket_at(server)
    bodies = {f"{n}" + "\t" * (n % 2): body_of("picture", 10_000 + n, seed=n) for n in range(40)}
    for name, body in bodies.items():
        bucket.put(name, body)

    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(lambda ref: read(bucket.source, ref), bucket.listed("")))

    assert sorted(content.data for content in contents) == sorted(bodies.values())
