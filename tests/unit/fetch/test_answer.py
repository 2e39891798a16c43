import dataclasses

import pytest

from scanner.fetch.answer import Answer, ask_for, stream_of
from scanner.fetch.source import Interrupted, Unreadable
from scanner.records import Outcome
from tests.unit.fetch.bodies import ref_of

BODY = b"0123456789"
REF = ref_of(10)


def answer(start=0, stop=10, total=10, etag='"etag"'):
    return Answer(start, stop, total, etag, iter([BODY[start:stop]]), lambda: None)


@pytest.mark.parametrize(
    ("version_id", "is_latest", "named"),
    [("v1", True, "v1"), ("v1", False, "v1"), (None, True, None), (None, False, "null")],
)
def test_a_version_that_is_not_the_newest_is_named_even_if_its_name_is_null(version_id, is_latest, named):
    ref = dataclasses.replace(REF, version_id=version_id, is_latest=is_latest)

    assert ask_for(ref, 0, 10).version_id == named


@pytest.mark.parametrize(
    ("etag", "if_match"),
    [('"abc-2"', '"abc-2"'), ("abc-2", '"abc-2"'), ('W/"abc-2"', '"abc-2"'), ("", None), ('""', None)],
)
def test_the_listed_etag_is_the_condition_with_or_without_its_quotes(etag, if_match):
    assert ask_for(dataclasses.replace(REF, etag=etag), 0, 10).if_match == if_match


@pytest.mark.parametrize(("start", "stop", "ranged"), [(0, 10, False), (0, 9, True), (1, 10, True)])
def test_only_a_part_of_an_object_is_asked_for_by_range(start, stop, ranged):
    assert ask_for(REF, start, stop).ranged is ranged


def test_an_empty_object_is_asked_for_without_a_range():
    assert not ask_for(ref_of(0), 0, 0).ranged


def test_an_etag_that_a_proxy_weakened_on_the_way_is_the_same():
    assert b"".join(stream_of(answer(etag='W/"etag"'), ask_for(REF, 0, 10))) == BODY


@pytest.mark.parametrize("given", [answer(2, 5), answer(0, 10), answer(0, 5), answer(2, 10)])
def test_whatever_range_is_answered_the_asked_bytes_come_out(given):
    assert b"".join(stream_of(given, ask_for(REF, 2, 5))) == b"234"


def test_a_range_that_begins_too_late_is_refused():
    with pytest.raises(Unreadable) as caught:
        stream_of(answer(3, 5), ask_for(REF, 2, 5))
    assert caught.value.outcome is Outcome.FAILED


def test_a_range_that_ends_too_early_is_an_interruption_behind_what_came():
    stream = stream_of(answer(2, 4), ask_for(REF, 2, 5))

    assert next(stream) == b"23"
    with pytest.raises(Interrupted):
        next(stream)


@pytest.mark.parametrize("given", [answer(etag='"other"'), answer(total=11), answer(stop=9, total=9)])
def test_an_answer_about_another_version_is_changed_though_the_store_ignored_the_condition(given):
    with pytest.raises(Unreadable) as caught:
        stream_of(given, ask_for(REF, 0, 10))
    assert caught.value.outcome is Outcome.CHANGED


@pytest.mark.parametrize(("listed", "answered"), [("", '"x"'), ('"x"', None), ('"x"', ""), ("x", '"x"')])
def test_etags_are_compared_where_there_are_two_and_without_their_quotes(listed, answered):
    ask = ask_for(dataclasses.replace(REF, etag=listed), 0, 10)

    assert b"".join(stream_of(answer(etag=answered), ask)) == BODY
