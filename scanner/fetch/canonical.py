"""The only place where obstore reads: keys that it cannot misread, from where boto3 itself reads.

obstore costs a tenth of boto3's CPU time, but it rewrites or refuses some keys, and it resolves
endpoints by rules of its own. So it is told what boto3's own request said, and gets canonical keys only.
"""

import re
from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import boto3
import obstore
from botocore.awsrequest import AWSPreparedRequest
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

from scanner.fetch.answer import Answer, Ask
from scanner.s3 import session_of
from scanner.target import Place
from scanner.version import VERSION

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from obstore.store import ClientConfig

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=.+/\d{8}/([^/,]+)/s3/aws4_request,")
_CREDENTIALS_LIFE = timedelta(minutes=5)  # botocore renews credentials that have 10 minutes left or less
_FOREVER = timedelta(days=30)  # how long a read may take depends on its object (pace.py)


@dataclass(frozen=True)
class Sent:
    """Where boto3 sent a request to, and the region that it signed it for (None: not signed like S3)."""

    url: str
    region: str | None

    @classmethod
    def by(cls, request: AWSPreparedRequest) -> "Sent":
        """Return what is to be kept of a request; its signature is not."""
        authorization = request.headers.get("Authorization", b"")
        text = authorization.decode() if isinstance(authorization, bytes) else str(authorization)
        signed = _SIGNED.match(text)
        return cls(str(request.url).partition("?")[0], signed[1] if signed else None)


def is_canonical(key: str) -> bool:
    """Tell whether obstore asks for a key as it is, neither refusing it nor altering it."""
    segments = [segment for segment in key.split("/") if segment not in ("", ".", "..")]
    return bool(segments) and key == "/".join(segments) and _CONTROL.search(key) is None


def store_of(sent: Sent, key: str, place: Place, timeout_seconds: float) -> S3Store | None:
    """Return an obstore that asks where boto3 asked for `key`; None when it cannot ask as boto3 did.

    Whatever obstore would otherwise take from AWS_* variables by rules of its own is named here.
    """
    path = "/" + quote(key, safe="/~")
    if sent.region is None or not sent.url.endswith(path):
        return None
    session = session_of(place.target)
    return S3Store(
        place.bucket,
        aws_endpoint_url_s3=sent.url.removesuffix(path),
        virtual_hosted_style_request=True,  # the bucket is in the endpoint, wherever boto3 put it
        region=sent.region,
        request_payer=place.target.requester_pays,
        skip_signature=False,
        s3_express=False,
        unsigned_payload=False,
        client_options=_client_options(session, sent.url, timeout_seconds),
        retry_config={"max_retries": 0},
        credential_provider=Boto3CredentialProvider(session, ttl=_CREDENTIALS_LIFE),
    )


def _client_options(session: boto3.Session, url: str, timeout_seconds: float) -> "ClientConfig":
    options: ClientConfig = {
        "allow_http": url.startswith("http://"),
        "allow_invalid_certificates": False,
        "connect_timeout": timedelta(seconds=min(timeout_seconds, 10.0)),
        "read_timeout": timedelta(seconds=timeout_seconds),
        "timeout": _FOREVER,
        "user_agent": f"hashsweep/{VERSION}",
    }
    authorities = session._session.get_config_variable("ca_bundle")
    if authorities and not options["allow_http"]:
        options["root_certificate"] = Path(authorities).read_bytes()
    return options


def answer(store: S3Store, ask: Ask) -> Answer:
    """Send one request with obstore; raise what obstore raises."""
    options: GetOptions = {}  # obstore's types allow None for what is not asked for, obstore does not
    if ask.version_id:
        options["version"] = ask.version_id
    if ask.if_match:
        options["if_match"] = ask.if_match
    if ask.ranged:
        options["range"] = (ask.start, ask.stop)
    result = obstore.get(store, ask.ref.key, options=options)
    start, stop = result.range
    meta = result.meta
    chunks = _chunks(result)
    return Answer(start, stop, meta["size"], meta["e_tag"], chunks, chunks.close)


def _chunks(result: "GetResult") -> Generator[bytes]:
    """Yield bytes as they arrive; closing this lets go of the body, and so of its connection."""
    yield from result.stream(min_chunk_size=1)  # a full chunk of a trickle would never come
