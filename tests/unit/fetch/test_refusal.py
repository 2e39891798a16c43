import botocore.exceptions
import obstore.exceptions
import pytest
import urllib3.exceptions
from botocore.exceptions import ClientError

from scanner.fetch.refusal import TROUBLE, understood
from scanner.fetch.source import Interrupted, Unreadable
from scanner.records import Outcome


def client_error(status, code, headers=None):
    answer = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}},
    }
    return ClientError(answer, "GetObject")


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (404, "NoSuchKey", Outcome.GONE),
        (404, "NoSuchVersion", Outcome.GONE),
        (404, "404", Outcome.GONE),
        (404, "NoSuchBucket", Outcome.FAILED),
        (412, "PreconditionFailed", Outcome.CHANGED),
        (412, "412", Outcome.CHANGED),
        (416, "InvalidRange", Outcome.CHANGED),
        (403, "AccessDenied", Outcome.DENIED),
        (403, "InvalidAccessKeyId", Outcome.DENIED),
        (403, "SignatureDoesNotMatch", Outcome.DENIED),
        (403, "403", Outcome.DENIED),
        (401, "Unauthorized", Outcome.DENIED),
        (403, "InvalidObjectState", Outcome.ARCHIVED),
        (400, "InvalidRequest", Outcome.FAILED),
        (400, "ExpiredToken", Outcome.FAILED),
        (405, "MethodNotAllowed", Outcome.FAILED),
        (301, "PermanentRedirect", Outcome.FAILED),
        (501, "NotImplemented", Outcome.FAILED),
    ],
)
def test_an_answer_of_the_store_becomes_an_outcome_that_names_its_code(status, code, outcome):
    trouble = understood(client_error(status, code))

    assert isinstance(trouble, Unreadable)
    assert (trouble.outcome, trouble.reason) == (outcome, code)


def test_a_refused_method_on_a_delete_marker_means_gone():
    trouble = understood(client_error(405, "MethodNotAllowed", {"x-amz-delete-marker": "true"}))

    assert trouble.outcome is Outcome.GONE


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (client_error(503, "SlowDown"), "SlowDown"),
        (client_error(500, "InternalError"), "InternalError"),
        (client_error(429, "429"), "429"),
        (client_error(400, "RequestTimeout"), "RequestTimeout"),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="http://secret?key"), "ReadTimeoutError"),
        (
            botocore.exceptions.EndpointConnectionError(endpoint_url="http://secret"),
            "EndpointConnectionError",
        ),
        (urllib3.exceptions.ProtocolError("secret"), "ProtocolError"),
        (obstore.exceptions.GenericError("secret"), "GenericError"),
        (ConnectionResetError("secret"), "ConnectionResetError"),
    ],
)
def test_what_may_pass_is_an_interruption_named_by_code_or_type_alone(error, reason):
    trouble = understood(error)

    assert isinstance(trouble, Interrupted)
    assert (trouble.reason, str(trouble)) == (reason, reason)
    assert isinstance(error, TROUBLE)


def test_the_pause_that_a_store_asks_for_is_kept():
    assert understood(client_error(429, "TooMany", {"retry-after": "7"})).after == 7.0


@pytest.mark.parametrize(
    "error",
    [
        botocore.exceptions.NoCredentialsError(),
        botocore.exceptions.ParamValidationError(report="secret"),
        UnicodeEncodeError("utf-8", "secret", 0, 1, "secret"),
        FileNotFoundError("secret"),
    ],
)
def test_what_a_client_refuses_to_send_has_failed_by_the_name_of_its_error(error):
    trouble = understood(error)

    assert isinstance(trouble, Unreadable)
    assert (trouble.outcome, trouble.reason) == (Outcome.FAILED, type(error).__name__)
    assert isinstance(error, TROUBLE)


@pytest.mark.parametrize("code", ["", "two words", "<b>", "https://secret?token=x", "x" * 65])
def test_text_that_is_no_code_never_becomes_a_reason(code):
    assert understood(client_error(400, code)).reason == "ClientError"


@pytest.mark.parametrize("trouble", [Unreadable(Outcome.GONE, "x"), Interrupted("x", 3.0)])
def test_what_is_understood_already_stays_as_it_is(trouble):
    assert understood(trouble) is trouble
