"""The only place where what a store answers to a listing becomes a message that says what to do."""

from urllib.parse import urlsplit

from botocore import exceptions
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from scanner.errors import StoreError
from scanner.retry import transient
from scanner.target import Place

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "Forbidden", "403"})
UNSUPPORTED = frozenset({"NotImplemented", "XNotImplemented", "MethodNotAllowed", "UnsupportedOperation"})

_CREDENTIALS = "check the target's profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_REGION = "the bucket lies in another region; set the target's `region`"
_SESSION = "the session has expired or is not valid; log in again"

ADVICE = {
    "NoSuchBucket": "no such bucket; check its name and the target's `endpoint_url`",
    "404": "no such bucket; check its name and the target's `endpoint_url`",
    "InvalidBucketName": "not a bucket name of this store; check the target's `url`",
    "InvalidAccessKeyId": f"the store does not know this access key; {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"the secret key does not belong to the access key; {_CREDENTIALS}",
    "ExpiredToken": _SESSION,
    "InvalidToken": _SESSION,
    "TokenRefreshRequired": _SESSION,
    "RequestTimeTooSkewed": "this machine's clock differs from the store's; set it",
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "PermanentRedirect": _REGION,
    "301": _REGION,
}
"""What to do about an error code of S3; the store's own text is not repeated, it may name keys and users."""


_UNANSWERED: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (exceptions.SSLError,),
        "the certificate of {host} is not trusted; set AWS_CA_BUNDLE to its issuer",
    ),
    (
        (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyConnectionError),
        "{host} cannot be reached; check `endpoint_url`, network and proxy",
    ),
    (
        (exceptions.NoCredentialsError, exceptions.PartialCredentialsError),
        f"no credentials found; {_CREDENTIALS}",
    ),
    (
        (ResponseParserError,),
        "what {host} answers is no page of a listing; is it an S3 store, and is no proxy in trouble between?",
    ),
    (
        (exceptions.ParamValidationError,),
        "boto3 refuses this address; check the bucket's name and `expected_owner`",
    ),
)


class NoVersions(StoreError):
    """The store has no call that lists versions."""


def refusal(place: Place, endpoint_url: str, error: Exception, attempts: int, versions: bool) -> StoreError:
    """Return the StoreError for an error of a listing call, without credentials in its text.

    `versions` tells which of the two listing calls was made, `attempts` how often at most. NoVersions is
    returned where the store says that it cannot list versions at all.
    """
    if isinstance(error, ClientError) and not transient(error):
        return _answered(place, error, versions)
    for kinds, advice in _UNANSWERED:
        if isinstance(error, kinds):
            host = urlsplit(endpoint_url).netloc.rpartition("@")[2]
            return StoreError(f"{place}: {advice.format(host=host)}")
    name = _code(error) if isinstance(error, ClientError) else type(error).__name__
    if transient(error):
        return StoreError(f"{place}: the listing failed {attempts} times ({name}); try again later")
    return StoreError(f"{place}: boto3 cannot list it ({name}); check the AWS configuration and credentials")


def _answered(place: Place, error: ClientError, versions: bool) -> StoreError:
    code = _code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if error.operation_name == "AssumeRole":
        role = place.target.role_arn
        return StoreError(
            f"{place}: {role} cannot be assumed ({code}); check its trust policy and `external_id`"
        )
    if versions and (status in (405, 501) or code in UNSUPPORTED):
        return NoVersions(f"{place}: the store has no call that lists versions; set `versions = false`")
    if code in ADVICE:
        return StoreError(f"{place}: {ADVICE[code]} ({code})")
    if code in DENIED or status == 403:
        return StoreError(f"{place}: {_permission(place, versions)} ({code})")
    return StoreError(f"{place}: the store refuses to list ({code}, status {status}); ask its operator")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "no code"))


def _permission(place: Place, versions: bool) -> str:
    action = "s3:ListBucketVersions" if versions else "s3:ListBucket"
    advice = f"listing is denied; grant {action} on the bucket"
    if versions:
        advice += ", or set `versions = false` to scan current objects only"
    if place.target.expected_owner is not None:
        advice += f"; the bucket must belong to expected_owner {place.target.expected_owner}"
    return advice
