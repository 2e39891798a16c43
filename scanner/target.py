"""The only place where the address of a target is understood: s3://bucket/prefix or file:///directory."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from scanner.config import Target
from scanner.errors import ConfigError
from scanner.workspace import Workspace


@dataclass(frozen=True)
class Place:
    """Where a target's objects lie: `bucket` is a bucket's name, or a directory's resolved root."""

    scheme: str
    store: str
    bucket: str
    prefix: str
    target: Target

    def __str__(self) -> str:
        """Return the address in its canonical form."""
        return f"s3://{self.bucket}/{self.prefix}" if self.scheme == "s3" else Path(self.bucket).as_uri()


def place_of(target: Target) -> Place:
    """Return the place of a target; raise ConfigError with the way out when the address is none of ours."""
    scheme, separator, rest = target.url.partition("://")
    if separator and "@" in rest.partition("/")[0]:
        raise ConfigError(
            f"{scheme}://...: a target names no user and no password; write s3://bucket/prefix, and give "
            "credentials by your AWS configuration"
        )
    if scheme == "s3" and separator:
        bucket, _, prefix = rest.partition("/")  # a prefix may hold any character, '?' and '#' too
        if not bucket:
            raise ConfigError(f"{target.url}: no bucket; write s3://bucket or s3://bucket/prefix")
        return Place("s3", target.store or "aws", bucket, prefix, target)
    if scheme == "file" and separator:
        return _directory(target)
    if not separator and Path(target.url).is_dir():
        raise ConfigError(f"{target.url}: write a directory as {Path(target.url).resolve().as_uri()}")
    raise ConfigError(f"{target.url}: not a target; write s3://bucket/prefix or file:///directory")


def _directory(target: Target) -> Place:
    rest = target.url.partition("://")[2]
    host, slash, _ = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise ConfigError(f"{target.url}: names no directory; write file:///directory with three slashes")
    path = Path(os.fsdecode(unquote_to_bytes(os.fsencode(rest.removeprefix("localhost")))))
    if not path.is_dir():
        raise ConfigError(f"{target.url}: no such directory")
    try:
        root = os.fsencode(path.resolve()).decode()
    except UnicodeDecodeError:
        raise ConfigError(
            f"{target.url}: the directory's own name is not UTF-8; mount it under one that is"
        ) from None
    return Place("file", target.store or "file", root, "", target)


def places_of(targets: Iterable[Target]) -> list[Place]:
    """Return the places of all targets; refuse those of which one object would be listed twice."""
    places: list[Place] = []
    for target in targets:
        place = place_of(target)
        for other in places:
            _refuse_overlap(place, other)
        places.append(place)
    if not places:
        raise ConfigError("no target; name one: hashsweep scan s3://bucket/prefix")
    return places


def _refuse_overlap(one: Place, other: Place) -> None:
    if one.scheme != other.scheme or (
        one.scheme == "s3" and (one.store, one.bucket) != (other.store, other.bucket)
    ):
        return
    if one.target.endpoint_url != other.target.endpoint_url:
        raise ConfigError(
            f"{one} and {other}: the same store and bucket at two endpoints; give each its own `store` name"
        )
    a, b = Path(one.bucket), Path(other.bucket)
    nested = a.is_relative_to(b) or b.is_relative_to(a)
    if nested and (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)):
        raise ConfigError(f"{one} and {other}: one contains the other; name the wider one alone")


def refuse_workspace_inside(places: Iterable[Place], workspace: Workspace) -> None:
    """Raise ConfigError when a target holds the workspace, or lies in it: runs would scan one another."""
    written = [folder.resolve() for folder in (workspace.lists, workspace.tables, workspace.runs)]
    for place in (place for place in places if place.scheme == "file"):
        root = Path(place.bucket)
        if any(folder.is_relative_to(root) or root.is_relative_to(folder) for folder in written):
            raise ConfigError(
                f"{place} and the workspace {workspace.root}: one contains the other, and a run would "
                "scan what the last one wrote; put the workspace elsewhere (--workspace)"
            )
