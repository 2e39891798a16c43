"""Speaking with an exchange: what is transient is met with patience, what is not is said."""

import pytest

from scanner.errors import ExchangeError
from scanner.hashlist.exchanges import wire as wires
from scanner.hashlist.exchanges.wire import Gone, Malformed, Wire
from tests.exchanges.ncmec import PASSWORD, Platform
from tests.exchanges.serving import FAULTS
from tests.unit.hashlist.exchanges.conftest import BASIC, HEADERS


def ended(body):
    if not body.rstrip().endswith(b">") or b"<html" in body:
        raise Malformed
    return body


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_of_any_kind_costs_a_wait_and_nothing_else(wired, clock, fault):
    platform = Platform(fault=lambda number, path: fault if number == 0 else None)
    with platform.serving() as base:
        assert b"Take It Down" in wired(base).get("/v2/members", ended)
    assert len(platform.requests) == 2
    assert clock.slept == [{"429": 7.0}.get(fault, 0.0 if fault == "429 date" else 1.0)]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_lasts_ends_with_its_name_after_longer_and_longer_waits(wired, clock, fault):
    platform = Platform(fault=lambda number, path: fault)
    with (
        platform.serving() as base,
        pytest.raises(ExchangeError, match="8 times; the list stays as it was") as e,
    ):
        wired(base).get("/v2/members", ended)
    assert len(platform.requests) == 8
    assert clock.slept == ([7.0] * 7 if fault == "429" else clock.slept)
    if fault in ("500", "reset", "cut"):
        assert clock.slept == [1, 2, 4, 8, 16, 32, 60]
    assert "/hashsharing/v2/members" in str(e.value)


def test_what_an_exchange_asks_to_wait_is_bounded(wired, clock, monkeypatch):
    monkeypatch.setattr(wires, "MAX_WAIT", 5.0)
    platform = Platform(fault=lambda number, path: "429" if number == 0 else None)
    with platform.serving() as base:
        wired(base).get("/v2/members", ended)
    assert clock.slept == [5.0]


def test_refused_credentials_are_said_at_once_and_not_shown(clock):
    platform = Platform()
    with platform.serving() as base, pytest.raises(ExchangeError, match="refuses the credentials") as error:
        Wire(base, {"Authorization": "Basic wrong-secret"}, clock.around()).get("/v2/members", ended)
    assert len(platform.requests) == 1
    assert "wrong-secret" not in str(error.value)


def test_nothing_at_an_address_is_told_apart(wired):
    with Platform().serving() as base, pytest.raises(Gone, match=r"/v2/nothing: the exchange knows no such"):
        wired(base).get("/v2/nothing", ended)


def test_an_answer_without_end_is_not_read(wired, monkeypatch):
    monkeypatch.setattr(wires, "MAX_BYTES", 100)
    with Platform().serving() as base, pytest.raises(ExchangeError, match="an answer of more than 100 bytes"):
        wired(base).get("/v2/members", ended)


def test_credentials_follow_no_redirect(clock):
    class Redirecting(Platform):
        def answer(self, method, path, query, headers, sent):
            return 302, b""

    platform, elsewhere = Redirecting(), Platform()
    with platform.serving() as base, elsewhere.serving() as other:
        platform.location = f"{other}/v2/members"
        with pytest.raises(ExchangeError, match="answered 302; is the address right"):
            Wire(base, HEADERS["ncmec"], clock.around()).get("/v2/members", ended)
    assert (len(platform.requests), elsewhere.requests) == (1, [])


def test_an_exchange_that_is_not_there_is_said(wired, clock):
    with Platform().serving() as base:
        pass
    with pytest.raises(ExchangeError, match=r"127.0.0.1:[0-9]+/hashsharing/v2/members: NewConnectionError"):
        wired(base).get("/v2/members", ended)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_error_shows_a_credential_a_query_or_an_answer(wired, fault):
    with Platform(fault=lambda number, path: fault).serving() as base, pytest.raises(ExchangeError) as error:
        wired(base).get("/v2/members", ended, {"from": "secret-query"})
    for secret in (BASIC, PASSWORD, "secret-query", "Take It Down", "maintenance"):
        assert secret not in str(error.value)
        assert secret not in repr(error.value.__cause__) + repr(error.value.__context__)
