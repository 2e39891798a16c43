"""How reading S3 bears faults: a small real server sends them, nobody waits for the pauses."""

import dataclasses
import hashlib
import ipaddress
import itertools
import logging
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scanner.config import Fetch
from scanner.fetch import fetch, source_of
from scanner.fetch.canonical import is_canonical
from scanner.records import Outcome
from scanner.target import place_of
from tests import faults
from tests.faults import NOTHING, SLOW_DOWN, Fault
from tests.unit.fetch.bodies import body_of, patient

SETTINGS = Fetch(single_get_bytes=100_000, sniff_bytes=4096, attempts=3, timeout_seconds=0.3)
VIDEO = body_of("video", 3_000_000)
PICTURE = body_of("picture", 50_000)
CLIENTS = ["boto3", "obstore"]


@pytest.fixture(scope="module")
def running_server():
    with faults.serving() as state:
        yield state


@pytest.fixture
def server(running_server):
    running_server.forget()
    return running_server


@pytest.fixture(scope="module")
def trusting_source(running_server, aws_environment):
    """A source whose obstore has passed its trial, so that scripted faults meet the test's own reads."""
    running_server.forget()
    return trusting_source_at(running_server)


NUMBERS = itertools.count()


@pytest.fixture(params=CLIENTS)
def key(request):
    """A key of its own for each test, that boto3 alone reads or that obstore reads."""
    return f"not//canonical {next(NUMBERS)}" if request.param == "boto3" else f"canonical {next(NUMBERS)}"


def source_at(server, **target):
    return source_of(place_of(server.target(**target)), SETTINGS)


def trusting_source_at(server, **target):
    """Return a source whose obstore has passed its trial, so that scripted faults meet the test's reads."""
    source = source_at(server, **target)
    read(source, server.put("first", b"first"))
    server.requests.clear()
    return source


def read(source, ref, settings=SETTINGS, attempts=3):
    return fetch(ref, source, settings, patient(attempts)[0])


def assert_whole(content, body):
    assert content.outcome is None
    assert content.digests.md5 == hashlib.md5(body).digest()
    assert content.digests.sha256 == hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        (Fault(404, "NoSuchKey"), Outcome.GONE, "NoSuchKey"),
        (Fault(404, None), Outcome.GONE, "404"),
        (Fault(404, "NoSuchBucket"), Outcome.FAILED, "NoSuchBucket"),
        (
            Fault(405, "MethodNotAllowed", (("x-amz-delete-marker", "true"),)),
            Outcome.GONE,
            "MethodNotAllowed",
        ),
        (Fault(412, "PreconditionFailed"), Outcome.CHANGED, "PreconditionFailed"),
        (Fault(403, "AccessDenied"), Outcome.DENIED, "AccessDenied"),
        (Fault(401, "Unauthorized"), Outcome.DENIED, "Unauthorized"),
        (Fault(403, "InvalidObjectState"), Outcome.ARCHIVED, "InvalidObjectState"),
        (Fault(400, "InvalidRequest"), Outcome.FAILED, "InvalidRequest"),
        (Fault(409, "OperationAborted"), Outcome.FAILED, "OperationAborted"),
        (Fault(416, "InvalidRange"), Outcome.CHANGED, "InvalidRange"),
        (Fault(501, "NotImplemented"), Outcome.FAILED, "NotImplemented"),
    ],
)
def test_a_refusal_is_an_outcome_at_once_whichever_client_reads(
    server, trusting_source, key, fault, outcome, reason
):
    server.always = fault

    content = read(trusting_source, server.put(key, PICTURE))

    assert (content.outcome, content.reason) == (outcome, reason)
    assert (content.data, content.digests, content.bytes_read) == (None, None, 0)
    twice = outcome in (Outcome.GONE, Outcome.CHANGED)  # it might be a null version by now
    assert server.clients() == ([] if "//" in key else ["obstore"]) + ["boto3"] * (2 if twice else 1)
    assert [asked[":path"].endswith("versionId=null") for asked in server.requests[-2:]].count(True) == twice


@pytest.mark.parametrize(
    "fault",
    [
        SLOW_DOWN,
        Fault(500, "InternalError"),
        Fault(502, None),
        Fault(429, "TooManyRequests"),
        Fault(400, "RequestTimeout"),
        Fault(stop_after=0),
        Fault(stop_after=20_000),
        Fault(stop_after=0, ending="reset"),
        Fault(stop_after=20_000, ending="reset"),
        Fault(stop_after=20_000, ending="stall"),
    ],
)
def test_a_passing_fault_costs_an_attempt_and_nothing_else(server, trusting_source, key, fault):
    server.faults.extend([fault, fault])
    retry, pauses = patient(attempts=3)

    content = fetch(server.put(key, PICTURE), trusting_source, SETTINGS, retry)

    assert_whole(content, PICTURE)
    assert content.data == PICTURE
    assert pauses == [1.0, 2.0]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (SLOW_DOWN, "SlowDown after 3 attempts"),
        (Fault(500, None), "500 after 3 attempts"),
        (Fault(stop_after=0, ending="stall"), "ReadTimeoutError after 3 attempts"),
    ],
)
def test_a_lasting_fault_fails_with_its_code_and_without_key_or_address(
    server, trusting_source, key, fault, reason
):
    server.always = fault

    content = read(trusting_source, server.put(key, PICTURE))

    assert (content.outcome, content.reason) == (Outcome.FAILED, reason)


def test_what_obstore_stumbles_over_is_read_by_boto3_and_the_next_object_by_obstore_again(
    server, trusting_source
):
    server.faults.append(SLOW_DOWN)

    assert_whole(read(trusting_source, server.put("a", PICTURE)), PICTURE)
    assert_whole(read(trusting_source, server.put("b", PICTURE)), PICTURE)
    assert_whole(read(trusting_source, server.put("a", PICTURE)), PICTURE)

    assert server.clients() == ["obstore", "boto3", "obstore", "obstore"]


def test_a_store_that_names_a_pause_gets_it(server):
    source = source_at(server)
    server.faults.append(Fault(429, "TooManyRequests", (("Retry-After", "7"),)))
    retry, pauses = patient()

    assert_whole(fetch(server.put("a//b", PICTURE), source, SETTINGS, retry), PICTURE)
    assert pauses == [7.0]


@pytest.mark.parametrize("stop_after", [0, 20_000])
def test_silence_ends_a_read_after_the_configured_time(server, trusting_source, key, stop_after):
    server.faults.append(Fault(stop_after=stop_after, ending="stall"))
    started = time.monotonic()

    assert_whole(read(trusting_source, server.put(key, PICTURE)), PICTURE)
    assert 0.2 < time.monotonic() - started < 5.0


def dripping(server):
    """Return a clock on which 20 seconds pass with each byte that drips, and none of ours."""

    def clock():
        server.drops.release()
        return 20.0 * server.dripped

    return clock


def has_hung_up(server):
    """Let bytes drip until one of them meets a closed connection."""
    server.drops.release(1_000_000)
    return server.hung_up.wait(5)


@pytest.mark.parametrize("body", [PICTURE, VIDEO])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_store_that_drips_is_given_up_and_hung_up_on(server, trusting_source, key, body, chunked):
    # obstore reads no body without a length; what it refuses at once is boto3's
    server.faults.extend([Fault(chunked=True, client="obstore")] if chunked and "//" not in key else [])
    server.always = Fault(stop_after=1000, ending="drip", chunked=chunked)
    settings = SETTINGS.model_copy(update={"least_bytes_per_second": 1000})

    content = fetch(server.put(key, body), trusting_source, settings, patient()[0], clock=dripping(server))

    seconds = f"{0.3 + len(body) / 1000:g}"
    assert (content.outcome, content.reason) == (Outcome.TIMED_OUT, f"reading took more than {seconds} s")
    assert (content.data, content.digests) == (None, None)
    assert server.clients() == (
        ["boto3"] if "//" in key else ["obstore", "boto3"] if chunked else ["obstore"]
    )
    assert 900 < content.bytes_read < 1300
    assert has_hung_up(server)


def test_a_store_that_drips_on_the_trial_of_obstore_is_given_up_too(server):
    server.always = Fault(stop_after=1000, ending="drip")
    source = source_of(place_of(server.target()), SETTINGS, clock=dripping(server))

    content = read(source, server.put("a", PICTURE))

    assert (content.outcome, content.reason) == (Outcome.TIMED_OUT, "reading took more than 5.3 s")
    assert has_hung_up(server)


def test_an_obstore_that_drips_in_its_trial_costs_the_object_nothing(server):
    server.faults.extend([NOTHING, Fault(stop_after=1000, ending="drip", client="obstore")])
    source = source_of(place_of(server.target()), SETTINGS, clock=dripping(server))

    assert_whole(read(source, server.put("a", PICTURE)), PICTURE)
    assert server.clients() == ["boto3", "obstore", "boto3"]
    assert has_hung_up(server)


@pytest.mark.parametrize("ending", ["close", "reset", "stall"])
def test_a_broken_video_goes_on_where_it_stopped_with_the_right_digests(server, trusting_source, key, ending):
    server.faults.extend([NOTHING, Fault(stop_after=2_500_000, ending=ending), Fault(stop_after=300_000)])

    content = read(trusting_source, server.put(key, VIDEO))

    assert_whole(content, VIDEO)
    assert content.data is None
    starts = [int(asked["range"].removeprefix("bytes=").split("-")[0]) for asked in server.requests]
    assert starts == sorted(starts)
    assert starts[:2] == [0, 4096]
    assert ending == "reset" or starts[2] >= 1 << 20  # a reset throws away what lies in the sockets
    assert all(asked["if-match"] == faults.etag_of(VIDEO) for asked in server.requests)
    assert content.bytes_read == len(VIDEO)


@pytest.mark.parametrize("replaced", [True, False])
def test_what_had_no_version_is_read_as_the_null_version_once_another_one_hides_it(
    server, trusting_source, key, replaced
):
    ref = server.put(key, VIDEO, version_id="null")
    if replaced:
        server.put(key, b"a later upload")

    content = read(trusting_source, dataclasses.replace(ref, version_id=None))

    assert_whole(content, VIDEO)


@pytest.mark.parametrize("status", [400, 403, 500, 501])
def test_a_store_that_does_not_understand_the_null_version_leaves_the_object_gone(
    server, trusting_source, key, status
):
    ref = server.put(key, VIDEO)
    first = [] if "//" in key else [Fault(404, "NoSuchKey")]  # to obstore
    server.faults.extend([*first, Fault(404, "NoSuchKey"), Fault(status, "InternalError")])

    content = read(trusting_source, ref)

    assert (content.outcome, content.reason) == (Outcome.GONE, "NoSuchKey")
    assert not server.faults


def test_an_object_that_is_replaced_between_two_attempts_is_changed(server, trusting_source, key):
    ref = server.put(key, VIDEO)
    server.faults.extend([NOTHING, Fault(stop_after=2_500_000)])

    class Replacing:
        def open(self, ref, start=0, stop=None):
            if start > 4096:
                server.put(key, body_of("video", len(VIDEO), seed=1))
            return trusting_source.open(ref, start, stop)

    content = read(Replacing(), ref)

    assert (content.outcome, content.reason, content.digests) == (Outcome.CHANGED, "PreconditionFailed", None)


@pytest.mark.parametrize("kind", ["picture", "video", "other"])
def test_a_store_that_ignores_ranges_is_read_right_and_every_received_byte_counts(
    server, trusting_source, key, kind
):
    server.always = Fault(ignores_range=True)
    body = body_of(kind, 500_000)

    content = read(trusting_source, server.put(key, body))

    if kind == "other":
        assert (content.outcome, content.bytes_read) == (Outcome.NOT_MEDIA, 4096)
    else:
        assert_whole(content, body)
        assert content.data == (body if kind == "picture" else None)
        assert content.bytes_read == 4096 + len(body)


def test_a_resumed_read_of_a_store_that_ignores_ranges_hashes_no_byte_twice(server, trusting_source, key):
    server.faults.extend([NOTHING, Fault(stop_after=2_500_000)])
    server.always = Fault(ignores_range=True)

    content = read(trusting_source, server.put(key, VIDEO))

    assert_whole(content, VIDEO)
    assert content.bytes_read > len(VIDEO)


@pytest.mark.parametrize("body", [PICTURE, VIDEO])
def test_a_store_that_ignores_conditions_cannot_pass_off_another_version(server, trusting_source, key, body):
    ref = server.put(key, body)
    server.put(key, body[:-1] + b"x")
    server.always = Fault(ignores_if_match=True)

    content = read(trusting_source, ref)

    assert (content.outcome, content.reason) == (Outcome.CHANGED, "ETag differs from the listing")
    assert content.digests is None


@pytest.mark.parametrize("body", [PICTURE, VIDEO, b""])
def test_without_etags_the_size_tells_that_an_object_changed(server, trusting_source, key, body):
    ref = server.put(key, body, etag="")
    assert_whole(read(trusting_source, ref), body)
    assert all("if-match" not in asked for asked in server.requests)

    server.put(key, body + b"more")

    assert read(trusting_source, ref).outcome is Outcome.CHANGED


def test_a_body_without_a_length_is_read_to_the_listed_one(server, trusting_source, key):
    server.always = Fault(chunked=True)

    assert_whole(read(trusting_source, server.put(key, VIDEO)), VIDEO)


@pytest.mark.parametrize("now", [PICTURE + b"more", PICTURE[:-4]])
def test_a_body_without_a_length_that_is_not_as_long_as_listed_is_changed(server, trusting_source, key, now):
    ref = server.put(key, PICTURE, etag="")
    server.put(key, now)
    server.always = Fault(chunked=True)

    content = read(trusting_source, ref)

    assert (content.outcome, content.digests) == (Outcome.CHANGED, None)


def test_an_empty_object_is_read_by_a_request_without_a_range(server, trusting_source, key):

    content = read(trusting_source, server.put(key, b""))

    assert_whole(content, b"")
    assert content.data == b""
    assert "range" not in server.requests[0]
    assert server.requests[0]["if-match"] == faults.etag_of(b"")


def test_the_version_is_named_and_null_where_it_is_not_the_newest(server, trusting_source, key):
    old = server.put(key, b"old", version_id="v1")
    null = server.put(key, b"null", version_id="null")
    new = server.put(key, b"new", version_id=None)

    def without_id(ref, **fields):
        return type(ref)(**{**vars(ref), "version_id": None, **fields})

    assert read(trusting_source, old).data == b"old"
    assert read(trusting_source, without_id(null, is_latest=False)).data == b"null"
    assert read(trusting_source, new).data == b"new"
    asked = [asked[":path"].partition("?")[2] for asked in server.requests]
    assert asked == ["versionId=v1", "versionId=null", ""]


def test_whoever_pays_is_said_in_every_request(server):
    source = source_at(server, requester_pays=True)

    assert read(source, server.put("canonical", b"a")).data == b"a"
    assert read(source, server.put("not//canonical", b"b")).data == b"b"

    assert set(server.clients()) == set(CLIENTS)
    assert {asked.get("x-amz-request-payer") for asked in server.requests} == {"requester"}


def test_the_expected_owner_is_said_in_every_request_so_obstore_sends_none(server):
    source = source_at(server, expected_owner="123456789012")

    assert read(source, server.put("canonical", b"a")).data == b"a"

    assert server.clients() == ["boto3"]
    assert server.requests[0]["x-amz-expected-bucket-owner"] == "123456789012"


def test_neither_header_is_sent_unasked(server, monkeypatch):
    monkeypatch.setenv("AWS_REQUEST_PAYER", "requester")  # a variable of obstore that boto3 does not know
    source = source_at(server)
    read(source, server.put("canonical", b"a"))

    assert set(server.clients()) == set(CLIENTS)
    assert not any("payer" in name or "owner" in name for asked in server.requests for name in asked)


def test_obstore_asks_where_boto3_asks_whatever_its_own_variables_say(server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_S3_EXPRESS", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    source = trusting_source_at(server, region="ap-south-1")

    assert read(source, server.put("canonical", PICTURE)).data == PICTURE

    assert server.clients() == ["obstore"]
    assert "/ap-south-1/s3/aws4_request" in server.requests[0]["authorization"]


def test_an_endpoint_below_a_path_is_asked_there_by_both_clients(server):
    source = source_at(server, endpoint_url=f"{server.endpoint_url}/gateway")
    server.stored["/gateway/bucket/canonical"] = {None: PICTURE}

    assert read(source, server.put("canonical", PICTURE)).data == PICTURE

    assert server.clients() == ["boto3", "obstore", "obstore"]
    assert all(asked[":path"].startswith("/gateway/bucket/") for asked in server.requests)


def test_the_first_object_is_read_through_both_clients_and_the_next_ones_by_obstore(server):
    source = source_at(server)

    assert read(source, server.put("a", PICTURE)).data == PICTURE
    assert server.clients() == ["boto3", "obstore", "obstore"]
    assert read(source, server.put("b", PICTURE)).data == PICTURE
    assert server.clients() == ["boto3", "obstore", "obstore", "obstore"]


def test_an_obstore_that_reads_other_bytes_is_given_up_with_a_warning_that_names_no_key(server, caplog):
    source = source_at(server)
    server.always = Fault(body=PICTURE[::-1], client="obstore")

    with caplog.at_level(logging.WARNING):
        for name in ("secret-a", "secret-b"):
            assert read(source, server.put(name, PICTURE)).data == PICTURE

    assert server.clients() == ["boto3", "obstore", "boto3", "boto3"]
    (record,) = caplog.records
    assert "s3://bucket/: read with boto3 alone" in record.getMessage()
    assert "reads other bytes" in record.getMessage()
    assert "secret" not in record.getMessage()


def test_an_obstore_that_alone_fails_three_times_is_given_up_with_a_warning(server, caplog):
    source = source_at(server)
    server.always = Fault(403, "AccessDenied", client="obstore")

    with caplog.at_level(logging.WARNING):
        for n in range(5):
            assert read(source, server.put(f"secret-{n}", PICTURE)).data == PICTURE

    assert server.clients().count("obstore") == 3
    (record,) = caplog.records
    assert "failed (PermissionDeniedError)" in record.getMessage()
    assert "secret" not in record.getMessage()


def test_an_empty_first_object_leaves_the_trial_to_the_next_one(server):
    source = source_at(server)

    assert read(source, server.put("a", b"")).data == b""
    assert server.clients() == ["boto3"]
    assert read(source, server.put("b", PICTURE)).data == PICTURE
    assert server.clients() == ["boto3", "boto3", "obstore", "obstore"]


def test_an_obstore_that_stumbles_in_its_trial_gets_another_one(server, caplog):
    source = source_at(server)
    server.faults.extend([NOTHING, SLOW_DOWN])

    for name in ("a", "b"):
        assert read(source, server.put(name, PICTURE)).data == PICTURE

    assert server.clients() == ["boto3", "obstore", "boto3", "boto3", "obstore", "obstore"]
    assert not caplog.records


def test_a_first_object_that_boto3_cannot_read_says_nothing_about_obstore(server, caplog):
    source = source_at(server)
    refused = server.put("refused", PICTURE)
    server.faults.append(Fault(403, "AccessDenied"))

    assert read(source, refused).outcome is Outcome.DENIED
    assert read(source, server.put("b", PICTURE)).data == PICTURE

    assert server.clients() == ["boto3", "boto3", "obstore", "obstore"]
    assert not caplog.records


def test_a_store_that_ignores_ranges_in_the_trial_is_left_to_boto3(server, caplog):
    source = source_at(server)
    server.always = Fault(ignores_range=True)

    for n in range(4):
        assert read(source, server.put(f"{n}", PICTURE)).data == PICTURE

    assert server.clients()[-1] == "boto3"
    assert "GenericError" in caplog.text


@pytest.mark.parametrize(
    "key", ["a/../../other/secret", "a/./b", "//a", "new\nline", "tab\t", "trail/", "ünï", "a?b#c"]
)
def test_hostile_keys_are_asked_for_as_they_are(server, trusting_source, key):
    assert read(trusting_source, server.put(key, PICTURE)).data == PICTURE
    assert server.clients() == ["obstore" if is_canonical(key) else "boto3"]


def test_without_credentials_nothing_is_read_and_the_reason_says_so(server, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    content = read(source_at(server), server.put("a", PICTURE))

    assert (content.outcome, content.reason) == (Outcome.FAILED, "NoCredentialsError")


def test_a_server_that_is_not_there_fails_with_the_name_of_the_error(server):
    ref = server.put("a", PICTURE)
    source = source_at(server, endpoint_url="http://127.0.0.1:9")

    content = read(source, ref)

    assert (content.outcome, content.reason) == (Outcome.FAILED, "EndpointConnectionError after 3 attempts")


def test_connections_are_used_again(server, trusting_source, key):
    for _ in range(5):
        read(trusting_source, server.put(key, VIDEO))

    ports = {asked[":client"] for asked in server.requests}

    # obstore gives a connection back in the background, now and then after the next request went out
    assert (len(server.requests), len(ports) < 5) == (10, True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A PEM file with a certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime.now(UTC) - timedelta(days=1))
    builder = builder.not_valid_after(datetime.now(UTC) + timedelta(days=1)).add_extension(address, False)
    encoding, secret = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(encoding, secret, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(encoding)
    )
    return path


def test_a_store_with_an_authority_of_its_own_is_trusted_by_both_clients_alike(certificate, monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with faults.serving(certificate) as server:
        assert read(source_at(server), server.put("a", PICTURE)).data == PICTURE
        assert server.clients() == ["boto3", "obstore", "obstore"]


def test_a_store_that_cannot_prove_who_it_is_is_not_read_and_not_asked_again(certificate, monkeypatch):
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    with faults.serving(certificate) as server:
        retry, pauses = patient()
        content = fetch(server.put("a", PICTURE), source_at(server), SETTINGS, retry)

    assert (content.outcome, content.reason, pauses) == (Outcome.FAILED, "SSLError", [])
