"""JSON documents, an object at a time: what json.loads finds there, and no file does harm."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import HashListError
from scanner.hashlist.formats import documents
from scanner.hashlist.formats.documents import ITEM, objects_of

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=4)
names = st.sampled_from(["value", "Media", "x", "", ITEM])
values = st.recursive(
    scalars, lambda some: st.lists(some, max_size=3) | st.dictionaries(names, some, max_size=3), max_leaves=12
)


def at(value, path):
    """Return what stands at a path, by looking at a whole document."""
    if not path:
        return [value]
    if path[0] == ITEM and isinstance(value, list):
        return [found for item in value for found in at(item, path[1:])]
    if isinstance(value, dict) and path[0] in value and path[0] != ITEM:
        return at(value[path[0]], path[1:])
    return []


@settings(max_examples=200, derandomize=True, deadline=None)
@given(values, st.lists(names, max_size=4), st.booleans())
def test_the_objects_at_a_path_are_those_of_the_whole_document(tmp_path_factory, value, path, mark):
    file = tmp_path_factory.mktemp("documents") / "list.json"
    body = json.dumps(value, ensure_ascii=not mark).encode()
    file.write_bytes(documents.BYTE_ORDER_MARK * mark + body)
    found = list(objects_of(file, *path))
    if ITEM not in str(value):  # a name that is spelt as items are is met as one
        assert found == at(value, path)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.binary(max_size=40) | st.text(alphabet='[]{}",:019.eE-\\u d8tfn', max_size=40).map(str.encode))
def test_whatever_a_file_holds_is_read_or_refused(tmp_path_factory, body):
    file = tmp_path_factory.mktemp("documents") / "list.json"
    file.write_bytes(body)
    with contextlib.suppress(HashListError):
        assert len(list(objects_of(file))) <= 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "cut off, behind object 0"),
        (b'{"value": [{"a": 1}', "cut off, behind object 1"),
        (b"algorithm,value\n", "not a JSON document"),
        (b'{"value": ["\xff"]}', "not a JSON document"),
        (b"[" * 100_000, "nested more than 32 deep behind object 0"),
        (b'{"value": [{"a": ' + b"[" * 100_000, "nested more than 32 deep"),
        (b'{"value": [' + b"9" * 5_000 + b"]}", "not a JSON document"),
        (b'{"value": [NaN]}', "not a JSON document"),
        (b'{"value": [1]} {"value": [2]}', "behind object 1"),
    ],
)
def test_what_is_no_document_is_an_error_that_says_how_far_it_was_read(tmp_path, body, message):
    (tmp_path / "list.json").write_bytes(body)
    with pytest.raises(HashListError, match=rf"list\.json: .*{message}"):
        list(objects_of(tmp_path / "list.json", "value", ITEM))


def test_an_object_beyond_all_measure_is_an_error_and_many_small_ones_are_none(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MAX_OBJECT", 1000)
    monkeypatch.setattr(documents, "CHUNK", 100)
    file = tmp_path / "list.json"
    file.write_text(json.dumps(["x" * 90] * 100))
    assert len(list(objects_of(file, ITEM))) == 100
    file.write_text(json.dumps(["x" * 90, "x" * 2000]))
    with pytest.raises(HashListError, match="more than 1000 bytes"):
        list(objects_of(file, ITEM))
