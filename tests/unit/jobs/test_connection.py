"""What is lost on the way is a run to continue; what our own code says travels and comes through as it is."""

from concurrent.futures import CancelledError

import pytest
from distributed.client import ClosedClientError
from distributed.comm import CommClosedError
from distributed.protocol.pickle import dumps, loads

from jobs.connection import reaching
from scanner import errors
from scanner.decoder.process import Died
from scanner.decoder.protocol import Garbled
from scanner.fetch.source import Interrupted, Unreadable
from scanner.inventory.refusal import NoVersions
from scanner.media.frames import TooManyFrames
from scanner.media.picture import Unusable
from scanner.records import Outcome
from scanner.workspace import Unwritable

OWN = [
    one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.HashsweepError)
]
UNWRITABLE = Unwritable(28, "No space left on device", "/workspace/part")


@pytest.mark.parametrize(
    "trouble",
    [
        ConnectionRefusedError(111, "refused"),
        CommClosedError("closed"),
        CancelledError("gone"),
        ClosedClientError("closed"),
        TimeoutError("late"),
        OSError("Timed out trying to connect"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_lost_scheduler_is_a_run_that_the_same_command_continues(trouble):
    with pytest.raises(errors.IncompleteRun, match="the same command continues") as stopped, reaching():
        raise trouble
    assert type(trouble).__name__ in str(stopped.value)
    assert stopped.value.exit_code == 3


@pytest.mark.parametrize(
    "own", [*(one("words") for one in OWN), UNWRITABLE], ids=lambda one: type(one).__name__
)
def test_errors_of_our_own_come_through_as_they_are(own):
    with pytest.raises(errors.HashsweepError) as raised, reaching():
        raise own
    assert raised.value is own


def test_what_is_a_mistake_of_ours_is_not_called_a_lost_scheduler():
    with pytest.raises(ZeroDivisionError), reaching():
        _ = 1 // 0


@pytest.mark.parametrize(
    "error",
    [
        *(one("what happened, where, what to do") for one in OWN),
        UNWRITABLE,
        Unreadable(Outcome.GONE, "it was deleted"),
        Interrupted("slow down", 2.5),
        NoVersions("no such call"),
        TooManyFrames(),
        Unusable(Outcome.UNDECODABLE, "broken"),
        Died("signal 9"),
        Garbled("noise"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_every_error_of_ours_survives_the_way_from_a_worker(error):
    back = loads(dumps(error))
    assert type(back) is type(error)
    assert (str(back), back.args, vars(back)) == (str(error), error.args, vars(error))
