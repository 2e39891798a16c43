"""The window bounds what is asked for; a split part is whole exactly when the last of its pieces is done."""

import contextlib
import random
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from jobs import window as windows
from jobs.executor import DaskExecutor, _close, _Split
from scanner.findings.coverage import Coverage
from scanner.records import Fingerprint, ObjectRef, Outcome
from scanner.slices import Slice, put_fingerprints, read_fingerprints
from scanner.worker import Summary

AT = datetime(2026, 1, 1, tzinfo=UTC)


def row(number):
    ref = ObjectRef("file", "/store", f"{number:03d}.jpg", None, "e", number, AT)
    return Fingerprint(ref, Outcome.CRASHED if number == 3 else Outcome.HASHED)


def whole_of(folder, rows=9):
    return Slice(0, 0, folder / "000-000000.parquet", 0, rows, folder / "parts" / "abc.parquet")


def split(work, splits, poison):
    """Split a slice around a row that kills, as the executor does; return the pieces to be done."""
    if len(work) == 1 or not work.start <= poison < work.stop:
        return [work]
    one = _Split(work)
    halves = work.halves()
    splits.update(dict.fromkeys(halves, one))
    return [piece for half in halves for piece in split(half, splits, poison)]


def test_a_slice_that_was_never_split_is_whole(tmp_path):
    whole = whole_of(tmp_path)
    assert _close(whole, {}) == whole
    assert not whole.output.exists()


@pytest.mark.parametrize("seed", range(6))
def test_a_part_is_whole_with_its_last_piece_in_whatever_order_they_come(tmp_path, seed):
    whole, splits = whole_of(tmp_path), {}
    pieces = split(whole, splits, poison=3)
    assert len(pieces) > 3
    random.Random(seed).shuffle(pieces)
    for number, piece in enumerate(pieces, 1):
        put_fingerprints(piece.output, [row(n) for n in range(piece.start, piece.stop)])
        done = _close(piece, splits)
        assert done == (whole if number == len(pieces) else None)
    assert splits == {}
    assert read_fingerprints(whole.output) == [row(n) for n in range(9)]
    assert list(whole.output.parent.iterdir()) == [whole.output]


def test_two_split_parts_are_told_apart(tmp_path):
    splits = {}
    parts = [whole_of(tmp_path / name, 2) for name in ("one", "two")]
    pieces = [split(part, splits, 0) for part in parts]
    closed = []
    for piece in (pieces[0][0], pieces[1][0], pieces[1][1], pieces[0][1]):
        put_fingerprints(piece.output, [row(piece.start)])
        closed.append(_close(piece, splits))
    assert closed == [None, None, parts[1], parts[0]]


def test_the_pieces_and_the_whole_hold_what_was_put_once_when_a_kill_came_between(tmp_path):
    whole, splits = whole_of(tmp_path, 2), {}
    for piece in split(whole, splits, 0):
        put_fingerprints(piece.output, [row(piece.start)])
        _close(piece, splits)
    before = whole.output.read_bytes()
    for piece in split(whole, splits, 0):
        put_fingerprints(piece.output, [row(piece.start)])
        _close(piece, splits)
    assert whole.output.read_bytes() == before


class Flying:
    """A task that is done when it is looked at."""

    def result(self, timeout):
        return Summary(Coverage())


class OneByOne:
    """A client whose tasks end one by one, the first first; it counts those that are not over."""

    def __init__(self, monkeypatch):
        self.flying = []
        self.most = 0
        monkeypatch.setattr(windows, "wait", self._wait)

    def submit(self, *_, **__):
        self.flying.append(Flying())
        self.most = max(self.most, len(self.flying))
        return self.flying[-1]

    def _wait(self, futures, timeout, return_when):
        assert set(futures) == set(self.flying)
        return SimpleNamespace(done={self.flying.pop(0)})

    def as_current(self):
        return contextlib.nullcontext()

    def cancel(self, futures):
        assert futures == []


@pytest.mark.parametrize("phase", ["fingerprint", "ask", "join", "match"])
@pytest.mark.parametrize("window", [1, 3, 50])
def test_no_more_is_asked_for_than_there_is_room_for(tmp_path, monkeypatch, window, phase):
    whole, pulled = whole_of(tmp_path, 20), []

    def work():
        for number in range(20):
            pulled.append(number)
            one = whole._piece(number, number + 1)
            yield one if phase == "fingerprint" else SimpleNamespace(name=one.name)

    client = OneByOne(monkeypatch)
    seen = [len(pulled) for _ in getattr(DaskExecutor(client, window, "run"), phase)(work())]
    assert seen == [min(window + done, 20) for done in range(20)]
    assert client.most == min(window, 20)
