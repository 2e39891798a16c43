"""Time that passes only when somebody waits, and wires to the exchanges of the tests."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from scanner.hashlist.exchanges.wire import Around, Wire
from tests.exchanges import ncmec, stopncii

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BASIC = base64.b64encode(f"{ncmec.USER}:{ncmec.PASSWORD}".encode()).decode()
HEADERS = {
    "ncmec": {"Authorization": f"Basic {BASIC}"},
    "stopncii": {"x-functions-key": stopncii.KEYS[0], "Ocp-Apim-Subscription-Key": stopncii.KEYS[1]},
}


class Clock:
    """A clock that moves when somebody sleeps, and remembers how long."""

    def __init__(self):
        self.now, self.slept = NOW, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def around(self):
        return Around(lambda: self.now, self.sleep, lambda: 1.0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def wired(clock):
    """Return a function that gives the wire to a base address of an exchange."""
    return lambda base, exchange="ncmec": Wire(base, HEADERS[exchange], clock.around())
