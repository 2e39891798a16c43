"""The only place that decides which errors are worth another attempt, and how long to wait before it."""

import http.client
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import botocore.exceptions
import botocore.parsers
import obstore.exceptions
import urllib3.exceptions
from botocore.exceptions import ClientError

T = TypeVar("T")

TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses after which the same request may succeed; 501 and 505 are answers, not accidents."""

TRANSIENT_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "InternalError",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",  # S3 sends it with status 400
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""S3 error codes that ask for patience, whatever status they come with."""

_CONNECTION = (
    ConnectionError,
    TimeoutError,
    http.client.IncompleteRead,
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.TimeoutError,
    urllib3.exceptions.SSLError,
    botocore.exceptions.ConnectionError,
    botocore.exceptions.HTTPClientError,
    botocore.exceptions.IncompleteReadError,
    botocore.parsers.ResponseParserError,  # an answer that was cut short
)
_CANDIDATES = (*_CONNECTION, ClientError, obstore.exceptions.GenericError)
_STATUS = re.compile(r"status code: (\d{3})\b")
_CODE = re.compile(r"<Code>(\w+)</Code>")


@dataclass(frozen=True)
class Retry:
    """How often and how patiently a request is repeated; clock and randomness come in as arguments."""

    attempts: int
    backoff_seconds: float
    max_backoff_seconds: float
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def delays(self) -> Iterator[float]:
        """Yield the `attempts` - 1 pauses between attempts, in seconds: exponential, with full jitter."""
        for n in range(self.attempts - 1):
            yield self.random() * min(self.max_backoff_seconds, self.backoff_seconds * 2 ** min(n, 60))

    def call(self, function: Callable[[], T]) -> T:
        """Return what the function returns, repeating it after transient errors; raise the last error."""
        for delay in self.delays():
            try:
                return function()
            except _CANDIDATES as error:
                if not transient(error):
                    raise
                self.sleep(max(delay, min(retry_after(error), self.max_backoff_seconds)))
        return function()


def transient(error: BaseException) -> bool:
    """Tell whether the same request may succeed a moment later: throttling, 5xx, and broken connections."""
    if isinstance(error, ClientError):
        return _code(error) in TRANSIENT_CODES or _status(error) in TRANSIENT_STATUS
    if isinstance(error, obstore.exceptions.GenericError):
        return _transient_text(str(error))
    return isinstance(error, _CONNECTION) and "CERTIFICATE_VERIFY_FAILED" not in str(error)


def retry_after(error: BaseException) -> float:
    """Return the seconds that a store asked to wait with Retry-After, or 0.0 (dates are not followed)."""
    if not isinstance(error, ClientError):
        return 0.0
    asked = _metadata(error).get("HTTPHeaders", {}).get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdigit() else 0.0


def _transient_text(text: str) -> bool:
    """Judge an error of obstore, which keeps the status and the body of the answer in its text alone."""
    status = _STATUS.search(text)
    code = _CODE.search(text)
    if code is not None and code[1] in TRANSIENT_CODES:
        return True
    return status is None or int(status[1]) in TRANSIENT_STATUS


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(_metadata(error).get("HTTPStatusCode", 0))


def _metadata(error: ClientError) -> dict[str, Any]:
    return dict(error.response.get("ResponseMetadata", {}))
