"""The calls of NCMEC's platform beside its entries."""

from datetime import timedelta

import pytest

from scanner.errors import ConfigError, ExchangeError
from scanner.hashlist.exchanges.ncmec import TYPES, Account, Named, Ncmec
from tests.exchanges.ncmec import DAY, NAMESPACE, USER, Platform, State, entries


@pytest.fixture
def exchange(wired):
    """Return a platform that serves, and the client that speaks with it."""
    link = '<tmk-pdqf rel="self" href="/v2/entries/45/v1/large/tmk-pdqf"/>'
    platform = Platform(entries(8, step=timedelta(0)), page_size=3)
    platform.entries["45", "v1"] = State(DAY, {"md5": "ab" * 16}, "video")
    answer = platform.answer

    def linked(method, path, query, headers, sent):
        status, body = answer(method, path, query, headers, sent)
        return status, body.replace(b"<md5>" + b"ab" * 16 + b"</md5>", b"<md5>00</md5>" + link.encode())

    platform.answer = linked
    with platform.serving() as base:
        yield platform, Ncmec(wired(base))


def test_the_platform_says_who_the_credentials_are(exchange):
    assert exchange[1].status() == Account(USER, "7", "Example Provider")


def test_members_have_names_by_their_ids(exchange):
    assert exchange[1].members() == {"45": "Take It Down", "7": "Example Provider"}


def test_categories_and_reasons_have_guids(exchange):
    assert exchange[1].categorizations() == [Named("c-1", "Anime", "Content")]
    assert exchange[1].feedback_reasons("md5") == [Named("r-1", "Not illegal", "Md5")]


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        ([], "<affirmative/>"),
        (["r-1", "a&b"], "<negative><reasonIds><guid>r-1</guid><guid>a&amp;b</guid></reasonIds></negative>"),
    ],
)
def test_feedback_is_put_where_the_entry_is(exchange, reasons, said):
    platform, ncmec = exchange
    ncmec.give_feedback("45", "e/1 x", "Md5", reasons)
    ((path, body),) = platform.told
    assert path == "/v2/entries/45/e%2F1%20x/MD5/feedback"
    assert body == (
        f'<?xml version="1.0" encoding="UTF-8"?><feedbackSubmission xmlns="{NAMESPACE}">{said}'
        "</feedbackSubmission>"
    )


def test_kinds_of_hashes_have_both_spellings_and_no_others(exchange):
    assert {"SSVH_SAFER_HASH", "TMK_SAFER_HASH"} <= {*TYPES}
    with pytest.raises(ConfigError, match="'SHA9': no kind of hash of the platform"):
        exchange[1].give_feedback("45", "e", "SHA9", [])


def test_large_fingerprints_of_an_entry_are_fetched_through_its_links(exchange):
    assert [*exchange[1].large_fingerprints("45", "v1", DAY)] == [("tmk-pdqf", b"\x00large\xff")]
    assert [*exchange[1].large_fingerprints("45", "e00001", DAY)] == []


@pytest.mark.parametrize(
    "body", [b"", b"<a/>", b"\xff", b'<!DOCTYPE a [<!ENTITY b "c">]><status/>', b"<status"]
)
def test_what_is_no_answer_of_the_platform_is_asked_for_again_and_then_said(wired, body):
    class Other(Platform):
        def answer(self, method, path, query, headers, sent):
            return 200, body

    platform = Other()
    with platform.serving() as base, pytest.raises(ExchangeError, match="cut off, or is no answer, 8 times"):
        Ncmec(wired(base)).status()
    assert len(platform.requests) == 8


def test_a_page_that_leads_elsewhere_is_said_and_not_followed(exchange):
    platform, ncmec = exchange
    answer = platform.answer

    def misled(*asked):
        status, body = answer(*asked)
        return status, body.replace(b"<next>/v2/entries?", b"<next>https://elsewhere.example/?")

    platform.answer = misled
    with pytest.raises(ExchangeError, match="leads elsewhere; try again later"):
        list(ncmec.large_fingerprints("45", "nobody", DAY))
