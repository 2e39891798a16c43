import json
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from scanner.decoder.protocol import MAX_REPLY, REPLY, Garbled, perceived_of, reply_of
from scanner.fingerprint import Perceived
from scanner.records import Outcome, Picture

NUMBER = st.none() | st.integers(0, 2**31 - 1)
WORDS = st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)
PICTURES = st.builds(
    Picture,
    locator=st.sampled_from(["frame=3", "alpha=dropped"]),
    width=st.integers(1, 9999),
    height=st.integers(1, 9999),
    pdq=st.none() | st.binary(min_size=32, max_size=32),
    pdq_quality=NUMBER,
    phash=st.none() | st.binary(min_size=8, max_size=8),
    dhash=st.none() | st.binary(min_size=8, max_size=8),
    whash=st.none() | st.binary(min_size=8, max_size=8),
)
PERCEIVED = st.builds(
    Perceived,
    outcome=st.sampled_from([Outcome.HASHED, Outcome.NOT_MEDIA, Outcome.UNDECODABLE, Outcome.TOO_LARGE]),
    reason=WORDS,
    width=NUMBER,
    height=NUMBER,
    frame_count=NUMBER,
    orientation=NUMBER,
    media_type=WORDS,
    pdq=st.none() | st.binary(min_size=32, max_size=32),
    pdq_quality=NUMBER,
    phash=st.none() | st.binary(min_size=8, max_size=8),
    dhash=st.none() | st.binary(min_size=8, max_size=8),
    whash=st.none() | st.binary(min_size=8, max_size=8),
    others=st.lists(PICTURES, max_size=3).map(tuple),
    method=WORDS,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
WHOLE = json.loads(reply_of(Perceived(Outcome.HASHED, others=(Picture("a", 1, 1, None, None, None),))))


@settings(derandomize=True, deadline=None)
@given(PERCEIVED)
def test_what_was_seen_arrives_as_it_was(perceived):
    assert perceived_of(reply_of(perceived)) == perceived


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_garbled(reply):
    with pytest.raises(Garbled):
        perceived_of(reply)


@settings(derandomize=True, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), JSON)
def test_a_field_with_anything_in_it_is_garbled_or_of_its_type(name, value):
    try:
        perceived = perceived_of(json.dumps({**WHOLE, name: value}).encode())
    except Garbled:
        return
    assert isinstance(perceived.reason, str | None)
    assert type(perceived.width) in (int, type(None))
    assert isinstance(perceived.pdq, bytes | None)


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": None},
        {"outcome": "surely_fine"},
        {"outcome": "failed"},
        {"width": -1},
        {"width": 2**31},
        {"width": True},
        {"width": 1.0},
        {"pdq": "00"},
        {"pdq": "zz" * 32},
        {"phash": "00" * 9},
        {"dhash": "00" * 7},
        {"whash": "0x" * 8},
        {"reason": "x" * 201},
        {"reason": "caf\u00e9"},
        {"reason": "two\nlines"},
        {"reason": 7},
        {"others": None},
        {"others": [7]},
        {"others": [{**WHOLE["others"][0], "locator": None}]},
        {"others": [{**WHOLE["others"][0], "width": None}]},
    ],
)
def test_values_out_of_bounds_are_garbled(fields):
    with pytest.raises(Garbled):
        perceived_of(json.dumps({**WHOLE, **fields}).encode())


def test_a_missing_field_is_garbled():
    for name in WHOLE:
        with pytest.raises(Garbled):
            perceived_of(json.dumps({key: value for key, value in WHOLE.items() if key != name}).encode())


def test_there_is_room_for_the_most_that_can_be_seen_in_an_object():
    value = bytes(8)
    frame = Picture("frame=12345,alpha=dropped", 99_999, 99_999, bytes(32), 100, value, "flip_horizontal")
    every = (replace(frame, dhash=value, whash=value),) * (1000 * 2 * 8)
    assert REPLY.size + len(reply_of(Perceived(Outcome.HASHED, others=every))) <= MAX_REPLY


def test_nesting_without_end_is_garbled():
    with pytest.raises(Garbled):
        perceived_of(b"[" * 100_000)
