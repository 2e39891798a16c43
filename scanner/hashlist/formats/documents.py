"""The only place where a JSON document is read one object at a time, since it need not fit into memory."""

from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from scanner.errors import HashListError

MAX_OBJECT = 16 << 20
"""Bytes that are read for one object; more of them are no entry of a list."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

CHUNK = 1 << 16

ITEM = "[]"
"""Stands in a path for each item of an array."""

Way = tuple[str, ...]
"""The names of members, and ITEM, that lead from the root of a document to a value."""

MAX_DEPTH = 32
"""Arrays and objects in one another: a list needs no more, and each further one costs memory."""


def objects_of(file: Path, *path: str) -> Iterator[Any]:
    """Yield what stands under a path of names, such as "value", ITEM, "Media", ITEM, in its order."""
    return (found for _, found in found_in(file, {path}))


def found_in(file: Path, wanted: Container[Way]) -> Iterator[tuple[Way, Any]]:
    """Yield what stands under the wanted ways with these, in its order; what is wanted may change meanwhile.

    Of two members with one name the later one counts. Raises HashListError, which quotes nothing of the file,
    for what is no JSON document, for one that is cut off, nested too deeply or holds a whole number of more
    than 64 bits, and for an object of more than MAX_OBJECT bytes.
    """
    count = 0
    with file.open("rb") as stream:
        bounded = _Bounded(file, stream)
        try:
            events = ijson.basic_parse(bounded, buf_size=CHUNK, use_float=True)  # else 4,301 digits crash it
            for found in _found(events, wanted):
                count += 1
                bounded.since = 0
                yield found
        except _TooDeep:
            raise HashListError(
                f"{file}: nested more than {MAX_DEPTH} deep behind object {count}; not a list"
            ) from None
        except (ijson.JSONError, ArithmeticError, ValueError):  # their words quote the document
            raise HashListError(
                f"{file}: not a JSON document, or cut off, behind object {count}; fetch the file again"
            ) from None


_STARTS, _ENDS = ("start_map", "start_array"), ("end_map", "end_array")


class _TooDeep(Exception):
    """Carries what no list needs from where it is seen to `objects_of`, and no further."""


def _found(events: Iterator[tuple[str, Any]], wanted: Container[Way]) -> Iterator[tuple[Way, Any]]:
    """Yield the wanted values; `way` leads to the next value, `here` is its last name."""
    within: list[str] = []
    here, depth, builder = "", 0, None
    way: Way = ()
    for event, value in events:
        start, end = event in _STARTS, event in _ENDS
        if builder is None and not end and event != "map_key":
            way = (*within, here)[1:]
            if way in wanted:
                builder = ijson.ObjectBuilder()
        if builder is not None:
            builder.event(event, value)
            depth += start - end
            if not depth:
                yield way, builder.value
                builder = None
        elif start:
            within.append(here)
            here = ITEM if event == "start_array" else ""
        elif end:
            here = within.pop()
        elif event == "map_key":
            here = value
        if depth + len(within) > MAX_DEPTH:
            raise _TooDeep


class _Bounded:
    """A stream without its byte order mark that ends in an error where one object takes too many bytes."""

    def __init__(self, file: Path, stream: BinaryIO) -> None:
        self.since = 0
        self._file, self._stream = file, stream
        if stream.read(len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
            stream.seek(0)

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        data = self._stream.read(size)
        self.since += len(data)
        if self.since > MAX_OBJECT:
            raise HashListError(f"{self._file}: an object of more than {MAX_OBJECT} bytes; not a list")
        return data
