"""The only place that tells trouble on the way to a scheduler from trouble in the work."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import CancelledError

from distributed.client import ClosedClientError

from scanner.errors import HashsweepError, IncompleteRun

TROUBLE = (OSError, CancelledError, ClosedClientError)
"""What a lost scheduler looks like; CommClosedError and TimeoutError are OSErrors."""


@contextlib.contextmanager
def reaching() -> Iterator[None]:
    """Raise IncompleteRun when the scheduler is lost within; errors of our own come through as they are."""
    try:
        yield
    except HashsweepError:
        raise
    except TROUBLE as error:
        raise lost(error) from None


def lost(error: BaseException) -> IncompleteRun:
    """Return what a run stops with whose scheduler does not answer any more."""
    return IncompleteRun(
        f"scheduler: lost ({type(error).__name__}); finished parts are kept; "
        "once the scheduler and its workers run, the same command continues"
    )
