"""The only place where settings are defined, read and explained: TOML file, environment, flags.

Later wins: defaults, the file, `HASHSWEEP_*` variables, flags of the command line.
"""

import hashlib
import json
import os
import re
import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import pydantic
from pydantic import AwareDatetime, ByteSize, Field, SecretStr
from pydantic_core import PydanticCustomError

from scanner.errors import ConfigError
from scanner.list_policy import ListPolicy
from scanner.misconfigured import Origin, explained
from scanner.records import PERCEPTUAL, SCHEMA_VERSION
from scanner.section import Bytes, Count, Few, Hours, PdqBits, PhashBits, Seconds, Section, Share

PREFIX = "HASHSWEEP_"
RESERVED = frozenset({"HASHSWEEP_CONFIG", "HASHSWEEP_REDACTION_KEY", "HASHSWEEP_CACHE"})
"""Variables of ours that are not settings: the file's own path, a secret, and the kernel cache folder."""

DEEPEST = 10
"""More tables within tables than any setting has."""

Also = Literal["dhash", "whash"]

ENDPOINT = (
    "must be http://HOST:PORT or https://HOST:PORT, without a user, password or query; "
    "credentials come from your AWS configuration (a profile, AWS_* variables)"
)
"""What is said of another endpoint; the address itself is not repeated, for a password may be in it."""


class Target(Section):
    """One place to scan and how to reach it; credentials come from boto3's own chain."""

    url: str
    store: str | None = Field(
        None, description="stable name of the store in identities; aws or file unless set"
    )
    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: SecretStr | None = None
    expected_owner: str | None = None
    requester_pays: bool = False
    versions: bool = Field(True, description="list every version; false lists the current ones only")

    @pydantic.field_validator("endpoint_url")
    @classmethod
    def _endpoint(cls, url: str | None) -> str | None:
        if url is not None and not _is_plain_endpoint(url):
            raise PydanticCustomError("endpoint", "{words}", {"words": ENDPOINT})
        return url


def _is_plain_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
    return plain and not set(url) & set("@?#\\") and url.isprintable() and " " not in url


class Select(Section):
    """Which of the listed objects are read; the others are counted as excluded."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_bytes: Bytes = ByteSize(0)
    max_bytes: Bytes | None = None
    modified_since: AwareDatetime | None = None  # a date without a zone could not be compared
    sample: Count | None = Field(
        None, description="stop listing each target after so many objects, for a taste"
    )


class Fetch(Section):
    """How bytes are read."""

    read_all: bool = False
    single_get_bytes: Bytes = ByteSize(8 << 20)
    sniff_bytes: Annotated[Bytes, Field(ge=4096)] = ByteSize(64 << 10)
    max_picture_bytes: Bytes = ByteSize(256 << 20)
    max_object_bytes: Bytes = ByteSize(5 << 40)
    in_flight: Few = 8
    in_flight_bytes: Annotated[Bytes, Field(ge=1)] = ByteSize(512 << 20)
    attempts: Few = 6
    backoff_seconds: Seconds = 0.25
    max_backoff_seconds: Seconds = 20.0
    timeout_seconds: Seconds = 60.0
    least_bytes_per_second: Annotated[Bytes, Field(ge=1)] = Field(
        ByteSize(10_000), description="an object may take timeout_seconds and its bytes at this rate"
    )


class Media(Section):
    """Caps of the decoder; what exceeds one gets an outcome, never a guess."""

    max_pixels: Count = 100_000_000
    max_frames: Few = 16
    pdq: Literal["full", "luma"] = Field(
        "full", description="luma: of JPEGs read only the brightness, in less time and some bits off"
    )
    also: tuple[Also, ...] = Field((), description="perceptual hashes computed beside PDQ and pHash")
    transforms: Literal["original", "all"] = Field(
        "original", description="all: PDQ also of each picture turned and mirrored, eight in all"
    )
    seconds: Seconds = 60.0
    memory_bytes: Annotated[ByteSize, Field(ge=1 << 30, le=1 << 42)] = Field(
        ByteSize(4 << 30),
        description="address space beyond what the warm decoder uses by itself (about 0.6 GB)",
    )

    @pydantic.field_validator("also")
    @classmethod
    def _each_once(cls, also: tuple[Also, ...]) -> tuple[Also, ...]:
        """Sort what is named, so that another order or a repetition is not another setting."""
        return tuple(sorted(set(also)))


class Matching(Section):
    """Distances in bits, inclusive, and the gate on quality; lists may be stricter."""

    pdq_max_distance: PdqBits = 31
    phash_max_distance: PhashBits = 4
    dhash_max_distance: PhashBits = 3
    whash_max_distance: PhashBits = 0
    min_pdq_quality: Annotated[int, Field(ge=0, le=100)] = 50
    max_entries_per_list: Count = 10
    accept_expected_false_matches: bool = False


class Run(Section):
    """How a run starts, continues and ends."""

    part_objects: Annotated[int, Field(ge=1, le=100_000)] = 1000
    resume_within_hours: Hours = 12.0
    gap_tolerance: Share = 0.05
    allow_empty: bool = False
    exit_zero_on_findings: bool = False


class Scheduler(Section):
    """Who does the work: `none` (this process), `local`, or the address of a Dask scheduler."""

    address: str = "local"
    workers: Few | None = None
    window: Few = 4
    allow_insecure: bool = False
    dashboard: bool = False
    tls_ca_file: Path | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None


class Signing(Section):
    """Where the Ed25519 key of manifests lies; outside of the workspace."""

    key_file: Path | None = None


class Config(Section):
    """All settings of one run."""

    workspace: Path = Path("workspace")
    targets: tuple[Target, ...] = ()
    select: Select = Select()
    fetch: Fetch = Fetch()
    media: Media = Media()
    match: Matching = Matching()
    lists: dict[str, ListPolicy] = {}
    run: Run = Run()
    scheduler: Scheduler = Scheduler()
    signing: Signing = Signing()

    @pydantic.model_validator(mode="after")
    def _lists_are_not_looser(self) -> Self:
        """Refuse a list's distance that could not come true: objects are joined at that of [match]."""
        for name, policy in self.lists.items():
            for owner, of in (
                (name, policy),
                *((f"{name}.members.{m}", p) for m, p in policy.members.items()),
            ):
                for key in (f"{algorithm}_max_distance" for algorithm in PERCEPTUAL):
                    own, joined = getattr(of, key), getattr(self.match, key)
                    if own is not None and own > joined:
                        at = ("lists", owner, key)
                        words = f"{own} is above match.{key} = {joined}; raise that one, or lower this one"
                        raise PydanticCustomError("looser", "{words}", {"at": at, "words": words})
        return self

    def shown(self) -> dict[str, Any]:
        """Return every setting as plain values, secrets masked."""
        shown: dict[str, Any] = self.model_dump(mode="json")
        return shown

    def fingerprint_settings(self) -> dict[str, Any]:
        """Return the settings that change what a fingerprint row says; tuning is not among them."""
        tuning = {"in_flight", "in_flight_bytes", "attempts", "backoff_seconds", "max_backoff_seconds"}
        fetch = self.fetch.model_dump(mode="json", exclude=tuning | {"timeout_seconds"})
        return {"schema": SCHEMA_VERSION, "fetch": fetch, "media": self.media.model_dump(mode="json")}

    def policy(self, name: str) -> ListPolicy:
        """Return the policy of a list; a list that is not configured only ever asks for review."""
        return self.lists.get(name, ListPolicy())


def digest_of(value: Any) -> str:
    """Return SHA-256 in hex over the canonical JSON of plain values."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def load(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """Resolve the settings from a file, the environment and dotted overrides (flags), in that order.

    Raises ConfigError that names the source, the key, the reason and the nearest known key.
    """
    values: dict[str, Any] = {}
    origin: Origin = {}
    if path is not None:
        _merge(values, _read(path), origin, str(path))
    for name, text in sorted((os.environ if environ is None else environ).items()):
        if name.startswith(PREFIX) and name not in RESERVED:
            keys = tuple(part.lower() for part in name.removeprefix(PREFIX).split("__"))
            _merge(values, _nested(keys, _value(text, name)), origin, name)
    for dotted, value in (overrides or {}).items():
        if value is not None:
            _merge(values, _nested(tuple(dotted.split(".")), value), origin, "command line")
    return _validated(Config, values, origin)


def reached(target: Target, access: Mapping[str, Any]) -> Target:
    """Return a target with some keys as the command line gives them; raise ConfigError as `load` does."""
    origin: Origin = {(key,): "command line" for key in access}
    return _validated(Target, {**dict(target), **access}, origin)


S = typing.TypeVar("S", bound=Section)


def _validated(section: type[S], values: dict[str, Any], origin: Origin) -> S:
    try:
        return section.model_validate(values)
    except pydantic.ValidationError as error:
        raise ConfigError(explained(error, origin, Config)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return _parsed(path.read_text("utf-8-sig"), str(path))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file; start from one in configs/") from None
    except ValueError as error:  # not TOML, not UTF-8, or a number of thousands of digits
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def _value(text: str, name: str) -> Any:
    """Read the text of a variable as a TOML value, or else as the string it is."""
    try:
        return _parsed(f"v = {text}", name)["v"]
    except ValueError:
        return text


def _parsed(text: str, source: str) -> dict[str, Any]:
    """Return TOML as plain values; raise ConfigError for what is nested far deeper than any setting is."""
    try:
        if _LONG_KEY.search(text) is None:  # the parser would need gigabytes for a key of many dots
            return tomllib.loads(text)
    except RecursionError:
        pass
    raise _too_deep(source)


_LONG_KEY = re.compile(r"""(?<![\w"'.-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){50}""")


def _too_deep(source: str) -> ConfigError:
    return ConfigError(f"{source}: nested far deeper than any setting; see configs/ for how they are written")


def _nested(keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return typing.cast(dict[str, Any], value)


def _merge(
    into: dict[str, Any],
    new: Mapping[str, Any],
    origin: Origin,
    source: str,
    at: tuple[str, ...] = (),
) -> None:
    if len(at) > DEEPEST:
        raise _too_deep(source)
    for key, value in new.items():
        origin[(*at, key)] = source
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value, origin, source, (*at, key))
        else:
            into[key] = value
            if isinstance(value, Mapping):
                into[key] = {}
                _merge(into[key], value, origin, source, (*at, key))
