"""The only place where S3 clients are made: boto3's own configuration, plus what a target names."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore import exceptions
from botocore.config import Config as BotoConfig
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
)

from scanner.config import Target
from scanner.errors import ConfigError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_ADVICE: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.ProfileNotFound, "profile {profile!r} is not in your AWS configuration"),
    (exceptions.NoRegionError, "no region; set `region` of the target, or AWS_DEFAULT_REGION"),
    (exceptions.InvalidRegionError, "the region is no name of a region; correct `region` or AWS_REGION"),
    (exceptions.PartialCredentialsError, "credentials of {provider} lack {cred_var}; complete or unset them"),
    (exceptions.ConfigParseError, "{path} is not a configuration file that boto3 can read; correct it"),
    (exceptions.ConfigNotFound, "{path}: no such file; correct AWS_CONFIG_FILE or make it"),
    (
        exceptions.InfiniteLoopConfigError,
        "profile {source_profile!r} leads back to itself; correct `source_profile` in your AWS configuration",
    ),
    (
        exceptions.BotoCoreError,
        "boto3 cannot use your AWS configuration ({kind}); `aws sts get-caller-identity` should work first",
    ),
    (
        ValueError,
        "boto3 cannot use the endpoint or the region; check `endpoint_url`, `region` and AWS_ENDPOINT_URL*",
    ),
)
"""What to do about an error of boto3; its own text is not repeated, for secrets may be in it."""


@contextlib.contextmanager
def _configured(target: Target) -> Iterator[None]:
    """Turn whatever boto3 says of its configuration into a ConfigError that says what to do."""
    try:
        yield
    except (exceptions.BotoCoreError, ValueError) as error:
        advice = next(advice for kind, advice in _ADVICE if isinstance(error, kind))
        facts = {**getattr(error, "kwargs", {}), "kind": type(error).__name__}
        raise ConfigError(f"{target.url}: {advice.format(**facts)}") from None


def session_of(target: Target) -> boto3.Session:
    """Return a boto3 session for a target: its profile, and its role assumed afresh before it expires.

    Raises ConfigError when boto3 cannot use what the target and the AWS configuration say.
    """
    with _configured(target):
        session = boto3.Session(profile_name=target.profile, region_name=target.region)
        return session if target.role_arn is None else _assumed(session, target)


def _assumed(session: boto3.Session, target: Target) -> boto3.Session:
    source = session.get_credentials()
    if source is None:
        raise ConfigError(f"{target.url}: no credentials to assume {target.role_arn} with")
    extra: dict[str, Any] = {"RoleSessionName": "hashsweep-scan"}
    if target.external_id is not None:
        extra["ExternalId"] = target.external_id.get_secret_value()
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session._session.create_client,
        source_credentials=source,
        role_arn=str(target.role_arn),
        extra_args=extra,
    )
    assumed = botocore.session.Session()
    assumed._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
        fetcher.fetch_credentials, "assume-role"
    )
    assumed.set_config_variable("region", target.region or session.region_name)
    return boto3.Session(botocore_session=assumed)


def client_of(target: Target, timeout_seconds: float = 60.0, pool: int = 16) -> "S3Client":
    """Return an S3 client that leaves retrying to its caller and addresses buckets as boto3 would.

    Raises ConfigError as `session_of` does.
    """
    config = BotoConfig(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=min(timeout_seconds, 10.0),
        read_timeout=timeout_seconds,
        max_pool_connections=pool,
        user_agent_extra="hashsweep",
        response_checksum_validation="when_required",  # ranges carry whole-object checksums on some stores
    )
    session = session_of(target)
    with _configured(target):
        return session.client("s3", endpoint_url=target.endpoint_url, config=config)
