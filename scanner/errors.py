"""The only place for what can go wrong with a whole run: one class, one meaning, one exit code.

Trouble with one object is never raised out of the line; it is an outcome (`scanner.records.Outcome`).
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    UNEXPECTED = 4


class HashsweepError(Exception):
    """A failure that the command line prints as one message: what happened, where, and what to do."""

    exit_code = Exit.UNEXPECTED


class ConfigError(HashsweepError):
    """The configuration, a flag or an environment variable cannot be used as it is."""

    exit_code = Exit.USAGE


class HashListError(HashsweepError):
    """A hash list, a snapshot or a hash table is missing, foreign, or not to be trusted."""

    exit_code = Exit.USAGE


class WorkspaceError(HashsweepError):
    """The workspace cannot be used: not writable, in use by another run, or written by a newer version."""

    exit_code = Exit.USAGE


class ManifestError(HashsweepError):
    """A manifest is missing, foreign, or not what was written."""

    exit_code = Exit.USAGE


class StoreError(HashsweepError):
    """A store cannot be listed or reached at all, as opposed to one object of it."""

    exit_code = Exit.INCOMPLETE


class ExchangeError(HashsweepError):
    """An exchange of lists cannot be reached, refuses, or gives no answer; the same command goes on."""

    exit_code = Exit.INCOMPLETE


class CanaryError(HashsweepError):
    """A worker gave a wrong answer to a picture whose answer is known: nothing it says can be believed."""

    exit_code = Exit.INCOMPLETE


class IncompleteRun(HashsweepError):
    """A run stopped before its end; the same command continues it."""

    exit_code = Exit.INCOMPLETE
