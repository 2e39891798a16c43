import hashlib

import pytest

from scanner.config import Fetch
from scanner.fetch import fetch
from scanner.fetch.content import Body
from scanner.media.sniff import Kind
from scanner.records import Outcome
from tests.unit.fetch.bodies import BrittleSource, body_of, patient, ref_of

SNIFF, SINGLE, MOST_PICTURE, MOST = 4096, 100_000, 300_000, 900_000
SETTINGS = Fetch(
    sniff_bytes=SNIFF, single_get_bytes=SINGLE, max_picture_bytes=MOST_PICTURE, max_object_bytes=MOST
)
READ_ALL = SETTINGS.model_copy(update={"read_all": True})


def fetched(kind, size, settings=SETTINGS, breaks=(), attempts=3):
    source = BrittleSource(body_of(kind, size), breaks, chunk=10_000)
    return fetch(ref_of(size), source, settings, patient(attempts)[0]), source


def has_digests_of(content, body):
    return content.digests is not None and (
        content.digests.md5 == hashlib.md5(body).digest()
        and content.digests.sha1 == hashlib.sha1(body).digest()
        and content.digests.sha256 == hashlib.sha256(body).digest()
    )


@pytest.mark.parametrize("kind", ["picture", "other"])
@pytest.mark.parametrize("size", [1, 5, 4095, 4096, 4097, SINGLE])
def test_a_small_object_that_may_be_a_picture_takes_one_request_and_is_kept(kind, size):
    content, source = fetched(kind, size)

    assert content.outcome is None
    assert content.data == source.body
    assert has_digests_of(content, source.body)
    assert (source.asked, content.bytes_read) == ([(0, size)], size)


@pytest.mark.parametrize("kind", ["video", "audio", "container"])
@pytest.mark.parametrize("size", [SINGLE, SINGLE + 1, MOST])
def test_what_is_not_looked_into_is_digested_to_its_end_and_not_kept(kind, size):
    content, source = fetched(kind, size)

    assert (content.outcome, content.data) == (None, None)
    assert content.media.kind is Kind(kind)
    assert has_digests_of(content, source.body)
    assert content.bytes_read == size


@pytest.mark.parametrize("size", [SINGLE + 1, MOST_PICTURE])
def test_a_larger_picture_is_sniffed_and_then_read_on_without_repeating_a_byte(size):
    content, source = fetched("picture", size)

    assert (content.outcome, content.data) == (None, source.body)
    assert has_digests_of(content, source.body)
    assert source.asked == [(0, SNIFF), (SNIFF, size)]
    assert content.bytes_read == size


def test_a_larger_object_without_media_costs_its_first_bytes_alone():
    content, source = fetched("other", SINGLE + 1)

    assert content.outcome is Outcome.NOT_MEDIA
    assert content.reason == "no media in its first 4096 bytes"
    assert (content.data, content.digests) == (None, None)
    assert (source.asked, content.bytes_read) == ([(0, SNIFF)], SNIFF)


def test_read_all_digests_larger_objects_without_media_too():
    content, source = fetched("other", SINGLE + 1, READ_ALL)

    assert (content.outcome, content.data, content.media.kind) == (None, None, Kind.OTHER)
    assert has_digests_of(content, source.body)


@pytest.mark.parametrize("size", [MOST_PICTURE + 1, MOST])
def test_a_picture_beyond_its_cap_is_too_large_to_decode_and_keeps_its_digests(size):
    content, source = fetched("picture", size)

    assert content.outcome is Outcome.TOO_LARGE
    assert content.reason == "picture larger than max_picture_bytes (300000)"
    assert content.data is None
    assert has_digests_of(content, source.body)


def test_the_cap_on_pictures_holds_below_the_size_of_a_single_request_too():
    settings = SETTINGS.model_copy(update={"max_picture_bytes": 1000})
    content, source = fetched("picture", 2000, settings)

    assert (content.outcome, content.data) == (Outcome.TOO_LARGE, None)
    assert has_digests_of(content, source.body)


def test_an_object_beyond_the_cap_is_not_read_at_all():
    content, source = fetched("video", MOST + 1)

    assert content.outcome is Outcome.TOO_LARGE
    assert content.reason == "larger than max_object_bytes (900000)"
    assert (source.asked, content.bytes_read, content.digests) == ([], 0, None)


def test_an_empty_object_is_read_and_has_the_digests_of_nothing():
    content, source = fetched("other", 0)

    assert (content.outcome, content.data, content.bytes_read) == (None, b"", 0)
    assert has_digests_of(content, b"")
    assert source.asked == [(0, 0)]


@pytest.mark.parametrize("kind", ["picture", "video"])
@pytest.mark.parametrize("breaks", [(0,), (1, 1), (4096, 100), (50_000, 4096), (10_000, 200_000)])
def test_digests_and_body_are_right_across_breaks(kind, breaks):
    content, source = fetched(kind, 250_000, breaks=breaks)

    assert content.outcome is None
    assert content.data == (source.body if kind == "picture" else None)
    assert has_digests_of(content, source.body)
    assert content.bytes_read == 250_000


def test_a_read_that_never_ends_well_keeps_neither_digests_nor_body():
    content, _ = fetched("picture", 50_000, breaks=(20_000, 0, 0), attempts=3)

    assert content.outcome is Outcome.FAILED
    assert content.reason == "ConnectionReset after 3 attempts"
    assert (content.data, content.digests, content.bytes_read) == (None, None, 20_000)


def test_a_body_in_one_chunk_is_that_chunk():
    body, chunk = Body(), b"x" * 1000
    body.append(chunk)

    assert body.whole() is chunk


def test_a_body_in_many_chunks_is_all_of_them_in_order():
    body = Body()
    for n in range(10):
        body.append(bytes([n]) * n)

    assert body.whole() == b"".join(bytes([n]) * n for n in range(10))
    assert Body().whole() == b""
