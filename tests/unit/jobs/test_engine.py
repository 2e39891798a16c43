"""The engine: no address is used that would run code with bucket credentials in the open."""

import pytest

from jobs.cluster import check_address
from jobs.engine import dask_engine
from scanner.config import Scheduler
from scanner.errors import ConfigError


@pytest.mark.parametrize("address", ["local", "tls://scheduler:8786", "tls://[::1]:8786"])
@pytest.mark.parametrize("insecure", [False, True])
def test_this_machine_and_encrypted_addresses_are_used(address, insecure):
    check_address(Scheduler(address=address, allow_insecure=insecure))


def test_an_open_address_is_refused_with_both_ways_out():
    with pytest.raises(ConfigError, match="tcp://scheduler:8786") as refused:
        check_address(Scheduler(address="tcp://scheduler:8786"))
    assert "use tls://, or say --insecure-scheduler" in str(refused.value)
    check_address(Scheduler(address="tcp://scheduler:8786", allow_insecure=True))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "Local",
        "ray",
        "tls",
        "tcp",
        "tls:scheduler",
        "scheduler:8786",
        "http://scheduler",
        "ws://s",
        "inproc://x",
        "://x",
    ],
)
@pytest.mark.parametrize("insecure", [False, True])
def test_an_address_that_is_none_is_refused_whatever_is_allowed(address, insecure):
    with pytest.raises(ConfigError, match="not known; use none, local, tls://HOST:PORT or tcp://HOST:PORT"):
        check_address(Scheduler(address=address, allow_insecure=insecure))


def test_an_engine_is_refused_before_it_is_entered(tmp_path):
    with pytest.raises(ConfigError):
        dask_engine(Scheduler(address="tcp://scheduler:8786"), tmp_path)
    assert list(tmp_path.iterdir()) == []
