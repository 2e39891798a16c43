"""What is tried again, how long the pauses are, and who has the last word."""

import http.client
import ssl

import botocore.exceptions
import botocore.parsers
import obstore.exceptions
import pytest
import urllib3.exceptions
from botocore.exceptions import ClientError

from scanner.retry import Retry, transient


def client_error(status, code="", **headers):
    answer = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    return ClientError(answer, "GetObject")


def obstore_error(status, body=""):
    return obstore.exceptions.GenericError(
        "Generic S3 error: Error performing GET http://127.0.0.1/b/k in 1ms - "
        f"Server returned non-2xx status code: {status} Reason: {body}"
    )


class Server:
    """Answers with the given errors one after the other, then with "ok"."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "ok"


def retry(attempts=4, random=lambda: 1.0, slept=None, maximum=20.0):
    slept = [] if slept is None else slept
    return Retry(attempts, 0.25, maximum, slept.append, random)


@pytest.mark.parametrize(
    "error",
    [
        client_error(500, "InternalError"),
        client_error(200, "InternalError"),
        client_error(502),
        client_error(503, "SlowDown"),
        client_error(504),
        client_error(429, "TooManyRequests"),
        client_error(400, "RequestTimeout"),
        client_error(403, "RequestLimitExceeded"),
        botocore.exceptions.ConnectTimeoutError(endpoint_url="http://127.0.0.1"),
        botocore.exceptions.ReadTimeoutError(endpoint_url="http://127.0.0.1"),
        botocore.exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1"),
        botocore.exceptions.ConnectionClosedError(endpoint_url="http://127.0.0.1"),
        botocore.exceptions.ResponseStreamingError(error="cut"),
        botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        botocore.parsers.ResponseParserError("cut"),
        urllib3.exceptions.ProtocolError("cut"),
        urllib3.exceptions.IncompleteRead(1, 2),
        http.client.IncompleteRead(b"x", 2),
        ConnectionResetError(),
        BrokenPipeError(),
        TimeoutError(),
        obstore_error(500),
        obstore_error(503, "<Error><Code>SlowDown</Code></Error>"),
        obstore_error(400, "<Error><Code>RequestTimeout</Code></Error>"),
        obstore.exceptions.GenericError("Generic S3 error: HTTP error: error sending request"),
    ],
    ids=repr,
)
def test_throttling_server_faults_and_broken_connections_are_transient(error):
    assert transient(error)


@pytest.mark.parametrize(
    "error",
    [
        client_error(400, "InvalidArgument"),
        client_error(403, "AccessDenied"),
        client_error(404, "NoSuchKey"),
        client_error(412, "PreconditionFailed"),
        client_error(501, "NotImplemented"),
        botocore.exceptions.SSLError(
            endpoint_url="https://127.0.0.1", error="[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"
        ),
        botocore.exceptions.NoCredentialsError(),
        urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("CERTIFICATE_VERIFY_FAILED")),
        obstore_error(400, "<Error><Code>InvalidArgument</Code></Error>"),
        obstore_error(416),
        obstore_error(501),
        obstore.exceptions.PermissionDeniedError("no"),
        FileNotFoundError(),
        PermissionError(),
        ValueError("status code: 503"),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
def test_answers_that_will_not_change_are_not_transient(error):
    assert not transient(error)


def test_pauses_double_up_to_the_maximum_and_are_one_fewer_than_the_attempts():
    assert list(retry(attempts=6, maximum=2.0).delays()) == [0.25, 0.5, 1.0, 2.0, 2.0]


def test_pauses_are_jittered_over_their_whole_range():
    assert list(retry(random=lambda: 0.0).delays()) == [0.0, 0.0, 0.0]
    assert list(retry(random=lambda: 0.5).delays()) == [0.125, 0.25, 0.5]


def test_a_very_patient_retry_does_not_overflow():
    assert list(retry(attempts=2000).delays())[-1] == 20.0


def test_a_call_that_recovers_returns_its_answer_after_the_pauses():
    slept = []
    server = Server(client_error(503, "SlowDown"), ConnectionResetError())
    assert retry(slept=slept).call(server) == "ok"
    assert server.calls == 3
    assert slept == [0.25, 0.5]


def test_a_call_that_never_recovers_raises_its_last_error():
    errors = [client_error(500, str(n)) for n in range(9)]
    server = Server(*errors)
    with pytest.raises(ClientError) as raised:
        retry().call(server)
    assert raised.value is errors[3]
    assert server.calls == 4


@pytest.mark.parametrize(
    "error", [client_error(403, "AccessDenied"), FileNotFoundError(), obstore_error(400)]
)
def test_an_answer_that_will_not_change_is_raised_at_once(error):
    slept = []
    server = Server(error)
    with pytest.raises(type(error)):
        retry(slept=slept).call(server)
    assert server.calls == 1
    assert slept == []


@pytest.mark.parametrize(
    ("asked", "pause"),
    [("3", 3.0), ("0", 0.25), ("900", 20.0), ("Mon, 23 Nov 2026 00:00:00 GMT", 0.25), ("-1", 0.25)],
)
def test_retry_after_is_honoured_in_seconds_and_bounded(asked, pause):
    slept = []
    retry(slept=slept).call(Server(client_error(503, "SlowDown", **{"retry-after": asked})))
    assert slept == [pause]


def test_a_single_attempt_never_pauses():
    slept = []
    with pytest.raises(TimeoutError):
        retry(attempts=1, slept=slept).call(Server(TimeoutError()))
    assert slept == []
