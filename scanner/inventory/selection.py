"""The only place that decides which listed objects are left out, by name, size and age."""

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from scanner.config import Select
from scanner.records import Listed, ObjectRef, Outcome


def selected(listed: Listed, rules: Select) -> Listed:
    """Return the row as it is, or as excluded with a reason.

    Rows that the listing has already judged (a link, a denied folder) are left out by `exclude` alone: what
    lies behind them might have been included.
    """
    reason = (
        exclusion(listed.object, rules) if listed.outcome is None else _excluded(listed.object, rules.exclude)
    )
    return listed if reason is None else replace(listed, outcome=Outcome.EXCLUDED, reason=reason)


def exclusion(ref: ObjectRef, rules: Select) -> str | None:
    """Return why an object is left out, or None when it is to be read.

    Patterns are those of a shell over the whole key, where `*` crosses `/`; exclude wins over include, and
    no include means everything. Sizes are inclusive bounds in bytes.
    """
    if reason := _excluded(ref, rules.exclude):
        return reason
    if rules.include and not any(fnmatchcase(ref.key, pattern) for pattern in rules.include):
        return "matches no include"
    if ref.size < rules.min_bytes:
        return "smaller than min_bytes"
    if rules.max_bytes is not None and ref.size > rules.max_bytes:
        return "larger than max_bytes"
    if rules.modified_since is not None and ref.last_modified < rules.modified_since:
        return "older than modified_since"
    return None


def _excluded(ref: ObjectRef, patterns: Iterable[str]) -> str | None:
    return next((f"exclude {pattern}" for pattern in patterns if fnmatchcase(ref.key, pattern)), None)
