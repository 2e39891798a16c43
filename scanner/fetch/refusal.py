"""The only place that says what a store's error means for one object version."""

import re
from typing import Any

import botocore.exceptions
import obstore.exceptions
import urllib3.exceptions
from botocore.exceptions import ClientError

from scanner.fetch.source import Interrupted, Unreadable
from scanner.records import Outcome
from scanner.retry import retry_after, transient

TROUBLE = (
    ClientError,
    botocore.exceptions.BotoCoreError,
    urllib3.exceptions.HTTPError,
    obstore.exceptions.BaseError,
    OSError,
    ValueError,  # a key or a path that a client refuses to send
)
"""Everything that the two S3 clients raise."""

_BY_CODE = {
    "NoSuchKey": Outcome.GONE,
    "NoSuchVersion": Outcome.GONE,
    "NoSuchBucket": Outcome.FAILED,
    "PreconditionFailed": Outcome.CHANGED,
    "InvalidRange": Outcome.CHANGED,  # the listed size is no longer there
    "InvalidObjectState": Outcome.ARCHIVED,  # also sent with status 403
}
_BY_STATUS = {
    401: Outcome.DENIED,
    403: Outcome.DENIED,
    404: Outcome.GONE,
    412: Outcome.CHANGED,
    416: Outcome.CHANGED,
}


def understood(error: Exception) -> Unreadable | Interrupted:
    """Return what an error of a client means; the reason is a code, never text that a store made up."""
    if isinstance(error, Unreadable | Interrupted):
        return error
    if transient(error):
        return Interrupted(_name(error), retry_after(error))
    if isinstance(error, ClientError):
        return Unreadable(_outcome(error), _name(error))
    return Unreadable(Outcome.FAILED, _name(error))


def _outcome(error: ClientError) -> Outcome:
    code = str(error.response.get("Error", {}).get("Code", ""))
    answer: Any = error.response.get("ResponseMetadata", {})
    status = int(answer.get("HTTPStatusCode", 0))
    if status == 405 and answer.get("HTTPHeaders", {}).get("x-amz-delete-marker") == "true":
        return Outcome.GONE
    return _BY_CODE.get(code) or _BY_STATUS.get(status, Outcome.FAILED)


def _name(error: Exception) -> str:
    """Name an error by its S3 code or its type; its message may hold the key, the endpoint or more."""
    if isinstance(error, ClientError):
        code = re.match(r"\w{1,64}$", str(error.response.get("Error", {}).get("Code", "")), re.ASCII)
        return code[0] if code else "ClientError"
    return type(error).__name__
