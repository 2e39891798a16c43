"""What is said when a store refuses: who, what to do, and nothing that is a secret."""

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

from scanner.config import Target
from scanner.inventory.refusal import NoVersions, refusal
from scanner.target import place_of

ENDPOINT = "https://key:secret@store.example:9000"
PLACE = place_of(Target(url="s3://bucket/prefix", role_arn="arn:aws:iam::123456789012:role/scan"))


def refused(error, versions=True):
    return refusal(PLACE, ENDPOINT, error, 3, versions)


def answer(status, code, operation="ListObjectVersions"):
    answered = {
        "Error": {"Code": code, "Message": "User arn:aws:iam::123456789012:user/alice with AKIAEXAMPLE"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answered, operation)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            exceptions.SSLError(endpoint_url=ENDPOINT, error="CERTIFICATE_VERIFY_FAILED"),
            "the certificate of store.example:9000 is not trusted; set AWS_CA_BUNDLE to its issuer",
        ),
        (
            exceptions.ConnectTimeoutError(endpoint_url=ENDPOINT),
            "store.example:9000 cannot be reached; check `endpoint_url`, network and proxy",
        ),
        (
            exceptions.ProxyConnectionError(proxy_url=ENDPOINT),
            "store.example:9000 cannot be reached; check `endpoint_url`, network and proxy",
        ),
        (
            exceptions.ReadTimeoutError(endpoint_url=ENDPOINT),
            "the listing failed 3 times (ReadTimeoutError); try again later",
        ),
        (
            exceptions.UnauthorizedSSOTokenError(),
            "boto3 cannot list it (UnauthorizedSSOTokenError); check the AWS configuration and credentials",
        ),
        (
            answer(403, "AccessDenied", "AssumeRole"),
            "arn:aws:iam::123456789012:role/scan cannot be assumed (AccessDenied); "
            "check its trust policy and `external_id`",
        ),
        (
            answer(404, "NoSuchBucket"),
            "no such bucket; check its name and the target's `endpoint_url` (NoSuchBucket)",
        ),
        (answer(503, "SlowDown"), "the listing failed 3 times (SlowDown); try again later"),
    ],
    ids=str,
)
def test_a_refusal_names_the_target_and_the_way_out_and_repeats_no_text_of_the_store(error, message):
    assert str(refused(error)) == f"s3://bucket/prefix: {message}"


def test_only_the_call_for_versions_can_be_missing():
    assert isinstance(refused(answer(501, "NotImplemented")), NoVersions)
    current = refused(answer(501, "NotImplemented"), versions=False)
    assert not isinstance(current, NoVersions)
    assert "the store refuses to list (NotImplemented, status 501)" in str(current)
