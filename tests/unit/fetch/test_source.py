import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.fetch.source import Interrupted, Stream, Unreadable
from scanner.records import Outcome


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.binary(max_size=20), max_size=8),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_a_stream_is_exactly_the_window_that_was_asked_for(chunks, skip, take):
    whole = b"".join(chunks)
    stream = Stream(iter(chunks), take, skip, beyond=skip + take < len(whole))
    if skip + take > len(whole) and take > 0:
        with pytest.raises(Interrupted, match="short read"):
            b"".join(stream)
    else:
        assert b"".join(stream) == whole[skip : skip + take]


def test_bytes_beside_the_window_count_as_received():
    stream = Stream(iter([b"0123", b"4567", b"89"]), take=2, skip=3, beyond=True)

    assert b"".join(stream) == b"34"
    assert stream.received == 8


def test_what_lies_behind_the_window_is_not_asked_for():
    def chunks():
        yield b"0123"
        raise AssertionError("read on")

    assert list(Stream(chunks(), take=4, beyond=True)) == [b"0123"]


@pytest.mark.parametrize("chunks", [[b"01234"], [b"0123", b"4"], [b"01", b"", b"234"]])
def test_a_body_longer_than_it_was_to_be_is_another_one(chunks):
    with pytest.raises(Unreadable) as caught:
        list(Stream(iter(chunks), take=4))

    assert caught.value.outcome is Outcome.CHANGED


def test_nothing_asked_for_is_an_empty_stream():
    assert list(Stream(iter([b""]), take=0)) == []


def test_a_whole_chunk_is_handed_on_without_a_copy():
    chunk = b"x" * 1000

    assert next(Stream(iter([chunk]), take=1000)) is chunk
