"""Buckets as real servers list them, page by page, and servers that answer as badly as real ones do."""

import itertools
import os
import socket
import threading
from datetime import UTC
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from scanner.config import Select, Target
from scanner.errors import StoreError
from scanner.inventory import frozen_parts, list_parts, read_part, reconcile
from scanner.inventory.s3 import list_bucket
from scanner.retry import Retry
from scanner.s3 import client_of
from scanner.target import place_of
from tests.servers import STRANGER

RETRY = Retry(4, 0.25, 1.0, sleep=lambda seconds: None)

EVERY_SERVER = [
    "a+b",
    "100%",
    "a%2Bb",
    "a%20b",
    "a b",
    "tab\tkey",
    "ü/é",
    "日本/😀",
    "a&b<c>\"d'",
    "?q=1#f",
    "x/",
    "*",
]
MOTO_KEYS = [*EVERY_SERVER, "a//b", "/lead", "//", "a/../b", "..", "./a", "a\\b", "k" * 1024, "ü" * 512]
SEAWEEDFS_KEYS = [*EVERY_SERVER, "new\nline", "cr\rkey"]


def items_of(target, page_objects=1000, resume=None):
    client = client_to(target.endpoint_url, os.environ.get("AWS_ACCESS_KEY_ID"))
    return list(list_bucket(place_of(target), client, RETRY, resume, page_objects))


@cache
def client_to(endpoint_url, access_key):
    """Making a client takes longer than most of these tests."""
    return client_of(Target(url="s3://any", endpoint_url=endpoint_url, region="us-east-1"))


def rows(items):
    return [item.listed for item in items if item.listed]


def refs_of(target, page_objects=1000):
    return [item.listed.object for item in items_of(target, page_objects) if item.listed]


@pytest.fixture(params=["seaweedfs", "moto"], scope="module")
def server(request):
    return request.getfixturevalue(request.param)


def fill(server, bucket):
    """Put six keys, one of them before there were versions, and delete two; return all versions.

    No key is also the beginning of a folder's name: SeaweedFS pages these wrongly (see below).
    """
    client = server.client()
    client.put_object(Bucket=bucket, Key="a/1", Body=b"before versions")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put = [("a/1", None, 15)]
    for n, key in enumerate(["a/1", "a/1", "a/2", "b/1", "b/1", "b/1", "c", "d"], start=1):
        version = client.put_object(Bucket=bucket, Key=key, Body=b"x" * n)["VersionId"]
        put.append((key, version, n))
    for key in ("b/1", "d"):
        client.delete_object(Bucket=bucket, Key=key)
    put.append(("b/1", client.put_object(Bucket=bucket, Key="b/1", Body=b"again")["VersionId"], 5))
    return put


@pytest.fixture(scope="module")
def filled(server):
    bucket = server.new_bucket()
    return server, bucket, fill(server, bucket)


def test_every_version_is_listed_and_delete_markers_are_counted_apart(filled):
    server, bucket, put = filled
    items = items_of(server.target(bucket))
    refs = [item.listed.object for item in items if item.listed]
    assert sorted((ref.key, ref.version_id or "", ref.size) for ref in refs) == sorted(
        (key, version or "", size) for key, version, size in put
    )
    assert sum(item.listed is None for item in items) == 2
    assert {ref.key for ref in refs if ref.is_latest} == {"a/1", "a/2", "b/1", "c"}


def test_a_version_is_described_as_the_store_knows_it(filled):
    server, bucket, _ = filled
    (ref,) = [ref for ref in refs_of(server.target(bucket)) if ref.key == "c"]
    answer = server.client().head_object(Bucket=bucket, Key="c")
    assert (ref.store, ref.bucket, ref.version_id) == ("aws", bucket, answer["VersionId"])
    assert ref.etag == answer["ETag"].strip('"')
    assert ref.last_modified.tzinfo is UTC
    assert abs((ref.last_modified - answer["LastModified"]).total_seconds()) < 1
    assert ref.storage_class == "STANDARD"


@pytest.mark.parametrize("page_objects", [1, 2, 3, 5])
def test_the_size_of_a_page_changes_nothing(filled, page_objects):
    server, bucket, _ = filled
    whole, paged = items_of(server.target(bucket)), items_of(server.target(bucket), page_objects)
    assert rows(paged) == rows(whole)
    assert len(paged) == len(whole)


def test_a_listing_taken_up_behind_any_version_yields_the_rest(filled):
    server, bucket, _ = filled
    target = server.target(bucket)
    items = items_of(target)
    for n, item in enumerate(items):
        if item.listed:  # moto writes its delete markers behind everything else
            assert rows(items_of(target, 3, item.resume)) == rows(items[n + 1 :])


def test_current_objects_alone_are_listed_when_the_target_wants_no_versions(filled):
    server, bucket, _ = filled
    target = server.target(bucket, versions=False)
    items = items_of(target, 2)
    assert [item.listed.object.key for item in items] == ["a/1", "a/2", "b/1", "c"]
    assert all(item.listed.object.version_id is None and item.listed.object.is_latest for item in items)
    for n, item in enumerate(items):
        assert items_of(target, 2, item.resume) == items[n + 1 :]


def test_a_prefix_is_taken_as_it_is(filled):
    server, bucket, _ = filled
    assert {ref.key for ref in refs_of(server.target(bucket, "a/"))} == {"a/1", "a/2"}
    assert refs_of(server.target(bucket, "A")) == []


@pytest.mark.parametrize("status", [None, "Enabled", "Suspended"])
def test_what_was_put_before_there_were_versions_has_none(server, status):
    bucket = server.new_bucket()
    server.client().put_object(Bucket=bucket, Key="a", Body=b"x")
    if status is not None:
        server.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
    (item,) = items_of(server.target(bucket))
    ref = item.listed.object
    assert (ref.version_id, ref.is_latest, ref.size) == (None, True, 1)
    assert item.resume[0] == ("unversioned" if status is None else "versions")


def test_how_a_bucket_was_listed_tells_a_whole_one_from_one_of_which_only_the_current_was_wanted(
    server, tmp_path
):
    bucket = server.new_bucket()
    for key in "abc":
        server.client().put_object(Bucket=bucket, Key=key, Body=b"x")
    told = {}
    for versions in (True, False):
        target = server.target(bucket, versions=versions)
        parts = parts_of(place_of(target), tmp_path / str(versions), client_of(target))
        told[versions] = reconcile(parts)[0]
    assert (told[True].listing, told[False].listing) == ("unversioned", "current")
    assert told[True].objects == told[False].objects == 3


def test_the_objects_of_a_bucket_that_never_had_versions_have_the_etags_they_are_read_with(seaweedfs):
    """SeaweedFS 4.48 names others in its listing of versions: of empty, large and multipart objects."""
    bucket = seaweedfs.new_bucket()
    client = seaweedfs.client()
    for key, size in {"empty": 0, "small": 1, "large": 6 << 20}.items():
        client.put_object(Bucket=bucket, Key=key, Body=bytes(size))
    upload = {"Bucket": bucket, "Key": "multipart"}
    upload["UploadId"] = client.create_multipart_upload(**upload)["UploadId"]
    parts = [
        {"PartNumber": n, "ETag": client.upload_part(**upload, PartNumber=n, Body=bytes(size))["ETag"]}
        for n, size in enumerate((5 << 20, 1 << 20), start=1)
    ]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    refs = refs_of(seaweedfs.target(bucket))
    assert {ref.key: ref.size for ref in refs} == {
        "empty": 0,
        "small": 1,
        "large": 6 << 20,
        "multipart": 6 << 20,
    }
    for ref in refs:
        assert ref.etag == client.head_object(Bucket=bucket, Key=ref.key)["ETag"].strip('"')
        assert client.get_object(Bucket=bucket, Key=ref.key, IfMatch=f'"{ref.etag}"')["Body"].read(1) == (
            b"\0" if ref.size else b""
        )


def test_an_empty_bucket_has_nothing_to_list(server):
    bucket = server.new_bucket()
    assert items_of(server.target(bucket)) == []
    assert items_of(server.target(bucket, versions=False)) == []


@pytest.mark.parametrize("kind", ["versions", "unversioned", "current"])
@pytest.mark.parametrize(("name", "keys"), [("moto", MOTO_KEYS), ("seaweedfs", SEAWEEDFS_KEYS)])
def test_hostile_keys_come_out_exactly(request, name, keys, kind):
    server = request.getfixturevalue(name)
    bucket = server.new_bucket(versioned=kind == "versions")
    client = server.client()
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    items = items_of(server.target(bucket, versions=kind != "current"))
    assert sorted(item.listed.object.key for item in items) == sorted(keys)
    assert {item.resume[0] for item in items} == {kind}


def beside_a_folder(server, versioned):
    bucket = server.new_bucket(versioned=versioned)
    for key in ("a-b", "a/1", "a/2", "a/3"):
        server.client().put_object(Bucket=bucket, Key=key, Body=b"x")
    return bucket


@pytest.mark.xfail(
    strict=True, reason="SeaweedFS 4.48 pages versions folder by folder, but sorts each page by key"
)
def test_seaweedfs_lists_every_version_of_a_key_that_sorts_before_the_folder_beside_it(seaweedfs):
    target = seaweedfs.target(beside_a_folder(seaweedfs, versioned=True))
    assert {ref.key for ref in refs_of(target, 2)} == {"a-b", "a/1", "a/2", "a/3"}


@pytest.mark.parametrize("versions", [True, False])
def test_a_bucket_that_never_had_versions_is_listed_whole_and_taken_up_behind_any_object(seaweedfs, versions):
    target = seaweedfs.target(beside_a_folder(seaweedfs, versioned=False), versions=versions)
    items = items_of(target, 2)
    assert {item.listed.object.key for item in items} == {"a-b", "a/1", "a/2", "a/3"}
    for n, item in enumerate(items):
        assert items_of(target, 2, item.resume) == items[n + 1 :]


def parts_of(place, folder, client, part_objects=2, **rules):
    return list_parts(place, 0, folder, Select(**rules), part_objects, RETRY, client)


@pytest.fixture(scope="module")
def filled_seaweedfs(seaweedfs):
    bucket = seaweedfs.new_bucket()
    return seaweedfs, bucket, fill(seaweedfs, bucket)


def test_a_killed_listing_of_a_bucket_goes_on_to_the_same_files(filled_seaweedfs, tmp_path):
    server, bucket, put = filled_seaweedfs
    place, client = place_of(server.target(bucket)), client_of(server.target(bucket))
    whole = list(parts_of(place, tmp_path / "whole", client))
    assert len(whole) > 2
    for kept in range(1, len(whole)):
        resumed = tmp_path / str(kept)
        list(itertools.islice(parts_of(place, resumed, client), kept))
        parts = list(parts_of(place, resumed, client))
        assert [part.digest for part in parts] == [part.digest for part in whole]
    totals = reconcile(frozen_parts(tmp_path / "whole", 0))[0]
    assert (totals.objects, totals.delete_markers, totals.finished) == (len(put), 2, True)
    assert (totals.bytes, totals.listing) == (sum(size for _, _, size in put), "versions")
    assert sum(len(read_part(part.path)) for part in whole) == len(put)


def test_a_client_is_made_from_the_target_where_none_is_given(filled, tmp_path):
    server, bucket, put = filled
    parts = list(parts_of(place_of(server.target(bucket)), tmp_path, None, part_objects=100))
    assert sum(part.rows for part in parts) == len(put)


def test_a_bucket_that_does_not_exist_is_said(server):
    with pytest.raises(StoreError, match=r"s3://no-such-bucket/: no such bucket; check its name"):
        items_of(server.target("no-such-bucket"))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("reader", "wrong-secret"), "the secret key does not belong to the access key"),
        (("nobody-knows-me", "wrong-secret"), "the store does not know this access key"),
    ],
)
def test_wrong_credentials_are_said_and_never_repeated(seaweedfs, monkeypatch, keys, message):
    bucket = seaweedfs.new_bucket()
    seaweedfs.identity(keys).login(monkeypatch)
    with pytest.raises(StoreError, match=message) as raised:
        items_of(seaweedfs.target(bucket))
    assert "profile" in str(raised.value)
    assert keys[1] not in str(raised.value)
    assert "nobody-knows-me" not in str(raised.value)


def test_denied_versions_are_an_error_that_names_the_permission_and_never_a_shorter_listing(
    seaweedfs, monkeypatch
):
    bucket, unversioned = seaweedfs.new_bucket(versioned=True), seaweedfs.new_bucket()
    for name in (bucket, unversioned):
        seaweedfs.client().put_object(Bucket=name, Key="a", Body=b"x")
    seaweedfs.identity(STRANGER).login(monkeypatch)
    with pytest.raises(StoreError, match=r"grant s3:ListBucketVersions .* or set `versions = false`"):
        items_of(seaweedfs.target(bucket))
    for target in (seaweedfs.target(bucket, versions=False), seaweedfs.target(unversioned)):
        with pytest.raises(StoreError, match=r"grant s3:ListBucket on the bucket \(AccessDenied\)$"):
            items_of(target)


def test_missing_credentials_are_said(moto, monkeypatch):
    bucket = moto.new_bucket()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(StoreError, match="no credentials found; check the target's profile"):
        items_of(moto.target(bucket))


def test_a_store_that_cannot_be_reached_is_said_with_its_address():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    target = Target(url="s3://bucket", endpoint_url=f"http://{address}", region="us-east-1")
    with pytest.raises(StoreError, match=f"{address} cannot be reached; check `endpoint_url`"):
        items_of(target)


def test_an_impossible_bucket_name_is_said():
    target = Target(url="s3://no bucket", endpoint_url="http://127.0.0.1:1", region="us-east-1")
    with pytest.raises(StoreError, match="boto3 refuses this address"):
        items_of(target)


class Scripted(BaseHTTPRequestHandler):
    """Answers with what the server's scripts say, and keeps the queries and headers it was asked with."""

    def do_GET(self):
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query, True).items()}
        state = "versioning" in query
        asked = self.server.asked_for_state if state else self.server.asked
        asked.append((query, dict(self.headers)))
        status, body = (self.server.state if state else self.server.script)(query, len(asked))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def scripted_server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def answering(scripted_server):
    """Let the server answer listings as a script says, and return the target and the list of what is asked.

    What is asked about versioning is kept apart, in the server's `asked_for_state`.
    """

    def answer(script, state=lambda *_: (200, state_of("Enabled")), **settings):
        scripted_server.script, scripted_server.asked = script, []
        scripted_server.state, scripted_server.asked_for_state = state, []
        address = f"http://127.0.0.1:{scripted_server.server_port}"
        target = Target(url="s3://bucket", endpoint_url=address, region="us-east-1", **settings)
        return target, scripted_server.asked

    return answer


def state_of(status):
    inner = f"<Status>{status}</Status>" if status else ""
    return f"<VersioningConfiguration>{inner}</VersioningConfiguration>"


def error(status, code=""):
    return status, f"<Error><Code>{code}</Code><Message>secret text</Message></Error>"


def entry(key, element="Contents", version="", latest="true"):
    version = f"<VersionId>{version}</VersionId>" if version else ""
    state = f"<IsLatest>{latest}</IsLatest>" if element != "Contents" else ""
    size = "<Size>1</Size><ETag>&quot;e&quot;</ETag>" if element != "DeleteMarker" else ""
    return (
        f"<{element}><Key>{key}</Key>{version}{state}"
        f"<LastModified>2026-01-01T00:00:00Z</LastModified>{size}</{element}>"
    )


def page(root, *entries, truncated=False, **marks):
    marks = "".join(f"<{name}>{value}</{name}>" for name, value in marks.items())
    return (
        200,
        f"<{root}><IsTruncated>{str(truncated).lower()}</IsTruncated>{marks}{''.join(entries)}</{root}>",
    )


def both(query, _):
    """Answer both listings, with a key by which they can be told apart."""
    if "versions" in query:
        return page("ListVersionsResult", entry("version", "Version", "1"))
    return page("ListBucketResult", entry("object"))


@pytest.mark.parametrize(
    "body",
    [
        state_of(None),
        "<VersioningConfiguration/>",
        '<?xml version="1.0" encoding="UTF-8"?>\n<VersioningConfiguration xmlns="http://s3/2006-03-01/" />\n',
        '<s3:VersioningConfiguration xmlns:s3="http://s3/">\n</s3:VersioningConfiguration>',
        '<GetBucketVersioningResponse xmlns="http://s3/2006-03-01/"/>',
    ],
)
def test_a_bucket_that_says_it_never_had_versions_has_its_objects_listed(answering, scripted_server, body):
    target, asked = answering(both, lambda *_: (200, body))
    (item,) = items_of(target)
    assert item.resume == ("unversioned", "object")
    assert (len(scripted_server.asked_for_state), len(asked)) == (1, 1)


@pytest.mark.parametrize(
    "answer",
    [
        (200, state_of("Enabled")),
        (200, state_of("Suspended")),
        (200, state_of("Disabled")),
        (200, "<VersioningConfiguration><Status/></VersioningConfiguration>"),
        (200, "<VersioningConfiguration><status>Enabled</status></VersioningConfiguration>"),
        (200, "<VersioningConfiguration><MfaDelete>Disabled</MfaDelete></VersioningConfiguration>"),
        (200, ""),
        (200, "not XML"),
        (200, "<VersioningConfiguration>"),
        (200, "<html/>"),
        (200, "<html><VersioningConfiguration/></html>"),
        page("ListBucketResult", entry("a")),
        page("ListBucketResult"),
        (200, error(403, "AccessDenied")[1]),
        error(403, "AccessDenied"),
        error(404, "NoSuchBucketVersioning"),
        error(400, "XNotImplemented"),
        error(405, "MethodNotAllowed"),
        error(501, "NotImplemented"),
        error(503, "SlowDown"),
        (500, ""),
    ],
)
def test_any_other_answer_about_versioning_has_versions_listed(answering, answer):
    target, asked = answering(both, lambda *_: answer)
    (item,) = items_of(target)
    assert item.resume == ("versions", "version", "1")
    assert len(asked) == 1


def test_denied_versions_are_an_error_even_where_the_state_of_versioning_is_denied_too(answering):
    def denied(query, count):
        return both(query, count) if "list-type" in query else error(403, "AccessDenied")

    target, asked = answering(denied, denied)
    with pytest.raises(StoreError, match="grant s3:ListBucketVersions"):
        items_of(target)
    assert len(asked) == 1


def test_the_question_about_versioning_is_asked_again_when_it_fails_for_a_moment(answering, scripted_server):
    broken = {1: error(503, "SlowDown"), 2: (200, "<VersioningConf"), 3: error(500, "InternalError")}
    target, _ = answering(both, lambda _, count: broken.get(count) or (200, state_of(None)))
    assert items_of(target)[0].resume[0] == "unversioned"
    assert len(scripted_server.asked_for_state) == 4


def test_the_question_about_versioning_names_the_owner_that_is_expected(answering, scripted_server):
    target, _ = answering(both, expected_owner="123456789012", requester_pays=True)
    items_of(target)
    ((_, headers),) = scripted_server.asked_for_state
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["x-amz-expected-bucket-owner"] == "123456789012"


@pytest.mark.parametrize("settings", [{"versions": True}, {"versions": False}])
@pytest.mark.parametrize("resume", [("versions", "a", "1"), ("unversioned", "a"), ("current", "a")])
def test_a_listing_goes_on_as_it_began_whatever_became_of_the_bucket(
    answering, scripted_server, settings, resume
):
    target, asked = answering(both, **settings)
    (item,) = items_of(target, resume=resume)
    assert item.resume[0] == resume[0]
    assert asked[0][0]["key-marker" if resume[0] == "versions" else "start-after"] == "a"
    assert (len(asked), scripted_server.asked_for_state) == (1, [])


def test_current_objects_alone_are_listed_without_a_question_about_versioning(answering, scripted_server):
    target, _ = answering(both, versions=False)
    assert items_of(target)[0].resume == ("current", "object")
    assert scripted_server.asked_for_state == []


@pytest.mark.parametrize(
    "refused",
    [
        error(501, "NotImplemented"),
        error(405, "MethodNotAllowed"),
        error(400, "NotImplemented"),
        error(400, "XNotImplemented"),
        (501, ""),
        page("ListBucketResult", entry("a")),
    ],
    ids=["501", "405", "400", "400 X", "501 without a body", "a plain listing instead"],
)
def test_a_store_without_a_call_for_versions_has_its_current_objects_listed(answering, refused):
    def script(query, _):
        return refused if "versions" in query else page("ListBucketResult", entry("a"), entry("b"))

    target, asked = answering(script)
    items = items_of(target)
    assert [item.listed.object.key for item in items] == ["a", "b"]
    assert {item.resume[0] for item in items} == {"current"}
    assert len(asked) == 2


def test_a_store_that_stops_listing_versions_halfway_is_an_error(answering):
    def script(query, _):
        if "key-marker" in query:
            return error(501, "NotImplemented")
        return page("ListVersionsResult", entry("a", "Version", "1"), truncated=True, NextKeyMarker="a")

    target, _ = answering(script)
    with pytest.raises(StoreError, match="versions = false"):
        items_of(target)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (error(403, "AccessDenied"), "grant s3:ListBucketVersions"),
        (error(403, ""), "grant s3:ListBucketVersions"),
        (error(403, "RequestTimeTooSkewed"), "clock differs"),
        (error(400, "ExpiredToken"), "log in again"),
        (error(400, "IllegalLocationConstraintException"), "another region; set the target's `region`"),
        (error(400, "InvalidArgument"), r"refuses to list \(InvalidArgument, status 400\)"),
    ],
)
def test_a_refusal_is_explained_and_never_followed_by_a_shorter_listing(answering, answer, message):
    target, asked = answering(lambda *_: answer)
    with pytest.raises(StoreError, match=message) as raised:
        items_of(target)
    assert all("versions" in query for query, _ in asked)
    assert str(raised.value).startswith("s3://bucket/: ")
    assert "secret text" not in str(raised.value)


def test_a_denial_names_the_owner_that_was_expected(answering):
    settings = {"expected_owner": "123456789012", "requester_pays": True}
    target, asked = answering(lambda *_: error(403, "AccessDenied"), **settings)
    with pytest.raises(StoreError, match="must belong to expected_owner 123456789012"):
        items_of(target)
    headers = {name.lower(): value for name, value in asked[0][1].items()}
    assert headers["x-amz-expected-bucket-owner"] == "123456789012"
    assert headers["x-amz-request-payer"] == "requester"


def test_a_page_that_fails_for_a_moment_is_asked_again(answering):
    def script(_, count):
        broken = {
            1: error(503, "SlowDown"),
            2: (200, "<ListVersionsResult><Ver"),
            3: error(500, "InternalError"),
        }
        return broken.get(count) or page("ListVersionsResult", entry("a", "Version", "1"))

    target, asked = answering(script)
    assert len(items_of(target)) == 1
    assert len(asked) == 4


NO_PAGES = {
    "nothing": "",
    "the page of a proxy": "<html><body>Please log in</body></html>",
    "another document": "<x/>",
    "an error": "<Error><Code>InternalError</Code></Error>",
}


@pytest.mark.parametrize("body", NO_PAGES.values(), ids=NO_PAGES)
@pytest.mark.parametrize("root", ["ListVersionsResult", "ListBucketResult"])
def test_an_answer_that_is_no_page_never_ends_a_listing(answering, root, body):
    versions = root == "ListVersionsResult"

    def script(query, count):
        if count == 2:
            return 200, body.format(root=root)
        rest = {"truncated": True, "NextKeyMarker": "a", "NextContinuationToken": "a"}
        first = "key-marker" not in query and "continuation-token" not in query
        named = entry("a" if first else "b", "Version", "1") if versions else entry("a" if first else "b")
        return page(root, named, **(rest if first else {}))

    target, asked = answering(script, versions=versions)
    assert [item.resume[1] for item in items_of(target)] == ["a", "b"]
    assert len(asked) == 3


def test_a_store_that_keeps_answering_something_else_is_an_error(answering):
    target, asked = answering(lambda *_: (200, "<html/>"))
    with pytest.raises(StoreError, match="no page of a listing; is it an S3 store"):
        items_of(target)
    assert len(asked) == 4


UNUSUAL = {
    "a word in capitals": "<{root}><IsTruncated>True</IsTruncated>{entry}</{root}>",
    "a word with attributes": "<{root}><IsTruncated a='b'> true </IsTruncated>{entry}</{root}>",
    "no word whether more follows": "<{root}>{entry}</{root}>",
    "a long beginning": "<?xml version='1.0'?><!--" + " " * 2000 + "--><{root}>{entry}</{root}>",
}


@pytest.mark.parametrize("body", UNUSUAL.values(), ids=UNUSUAL)
@pytest.mark.parametrize("root", ["ListVersionsResult", "ListBucketVersionsResult", "ListBucketResult"])
def test_an_unusual_page_is_read_and_what_may_follow_is_asked_for(answering, root, body):
    versions = "Versions" in root

    def script(query, count):
        if count == 1:
            one = entry("a", "Version", "1") if versions else entry("a")
            return 200, body.format(root=root, entry=one)
        if count == 2:
            return page(root, entry("b", "Version", "1") if versions else entry("b"))
        raise AssertionError

    target, asked = answering(script, versions=versions)
    assert [item.resume[1] for item in items_of(target)] == ["a", "b"]
    assert len(asked) == 2


@pytest.mark.parametrize("root", ["ListVersionsResult", "ListBucketResult"])
def test_a_page_that_names_nothing_and_says_nothing_of_more_is_the_last(answering, root):
    target, asked = answering(lambda *_: (200, f"<{root}></{root}>"), versions=root == "ListVersionsResult")
    assert items_of(target) == []
    assert len(asked) == 1


def test_a_page_that_keeps_failing_is_an_error_that_counts_the_attempts(answering):
    target, asked = answering(lambda *_: error(503, "SlowDown"))
    with pytest.raises(StoreError, match=r"the listing failed 4 times \(SlowDown\); try again later"):
        items_of(target)
    assert len(asked) == 4


@pytest.mark.parametrize("versions", [True, False])
def test_a_store_that_repeats_its_page_for_ever_is_an_error(answering, versions):
    def script(query, _):
        if "versions" in query:
            return page("ListVersionsResult", entry("a", "Version", "1"), truncated=True)
        return page("ListBucketResult", entry("a"), truncated=True)

    target, asked = answering(script, versions=versions)
    with pytest.raises(StoreError, match="the same page of its listing again and again"):
        items_of(target)
    assert len(asked) == 2


def test_a_page_that_is_cut_off_without_a_mark_is_followed_by_what_comes_behind_its_last_key(answering):
    def script(query, _):
        if query.get("key-marker") == "b" and query["version-id-marker"] == "2":
            return page("ListVersionsResult", entry("c", "Version", "3"))
        entries = entry("a", "Version", "1"), entry("b", "DeleteMarker", "2")
        return page("ListVersionsResult", *entries, truncated=True)

    target, _ = answering(script)
    assert [item.resume[1] for item in items_of(target)] == ["a", "b", "c"]


def test_versions_and_markers_keep_the_order_of_the_store(answering):
    entries = [
        entry("a", "DeleteMarker", "2"),
        entry("a", "Version", "1", "false"),
        entry("b", "Version", "3"),
        entry("b", "DeleteMarker", "2", "false"),
        entry("b", "Version", "1", "false"),
    ]
    target, _ = answering(lambda *_: page("ListVersionsResult", *entries))
    assert ["".join(item.resume[1:]) for item in items_of(target)] == ["a2", "a1", "b3", "b2", "b1"]


def test_names_with_angles_in_them_are_not_mistaken_for_entries(answering):
    entries = [entry("&lt;Version&gt;", "Version", "1"), entry("&lt;DeleteMarker>", "DeleteMarker", "1")]
    target, _ = answering(lambda *_: page("ListVersionsResult", *entries))
    assert [item.resume[1] for item in items_of(target)] == ["<Version>", "<DeleteMarker>"]


def test_entries_whose_order_cannot_be_told_are_all_listed(answering):
    comment = "<!-- <Version> -->"
    entries = [
        entry("a", "DeleteMarker", "2"),
        comment,
        entry("a", "Version", "1"),
        entry("b", "Version", "1"),
    ]
    target, _ = answering(lambda *_: page("ListVersionsResult", *entries))
    assert ["".join(item.resume[1:]) for item in items_of(target)] == ["a1", "b1", "a2"]
