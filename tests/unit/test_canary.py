"""The canary: a right installation passes, and every kind of wrong answer stops the run."""

import hashlib
import signal
import sys
from dataclasses import replace

import numpy as np
import pytest

from scanner import canary, cli
from scanner.config import Media
from scanner.errors import CanaryError, Exit
from scanner.fingerprint import Perceived
from scanner.match import hamming_join
from scanner.match.exact import exact_join
from scanner.records import Outcome
from tests.unit.sweeps import InProcess

SEEN = InProcess().perceive(canary.PICTURE)


class Answering:
    """A decoder that says something of the canary, and something of it as a JPEG."""

    def __init__(self, answer, of_jpeg=None):
        self.answers = {canary.PICTURE: answer, canary.JPEG: of_jpeg}

    def perceive(self, data):
        return self.answers[data]


ALSO = ("dhash", "whash")
SEEN_ALL = InProcess(Media(also=ALSO)).perceive(canary.PICTURE)


@pytest.mark.parametrize("also", [(), ("dhash",), ("whash",), ALSO], ids=str)
@pytest.mark.parametrize("method", ["full", "luma"])
def test_a_right_installation_passes(also, method):
    caps = Media(also=also, pdq=method)
    canary.check(InProcess(caps), caps)


def test_the_known_answer_is_that_of_the_whole_fingerprint():
    assert hashlib.sha256(canary.PICTURE).hexdigest() == canary.SHA256
    assert (SEEN.outcome, SEEN.pdq, SEEN.phash) == (Outcome.HASHED, canary.PDQ, canary.PHASH)
    assert replace(SEEN, dhash=canary.DHASH, whash=canary.WHASH, method=SEEN_ALL.method) == SEEN_ALL
    assert (SEEN.width, SEEN.height, SEEN.media_type) == (96, 80, "image/png")


def flipped(value, bit=0):
    return bytes([value[0] ^ 1 << bit, *value[1:]])


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (replace(SEEN, pdq=flipped(SEEN.pdq)), "PDQ"),
        (replace(SEEN, pdq=None), "PDQ"),
        (replace(SEEN, pdq=bytes(32)), "PDQ"),
        (replace(SEEN, pdq_quality=99), "PDQ"),
        (replace(SEEN, pdq_quality=None), "PDQ"),
        (replace(SEEN, phash=flipped(SEEN.phash)), "pHash"),
        (replace(SEEN, phash=None), "pHash"),
        (Perceived(Outcome.CRASHED, "the decoder died of it: signal SIGILL"), "PDQ"),
    ],
)
def test_a_wrong_answer_is_refused_with_what_is_wrong_and_what_to_do(answer, part):
    with pytest.raises(CanaryError, match=f"wrong {part}.*reinstall the locked dependencies") as refused:
        canary.check(Answering(answer), Media())
    assert refused.value.exit_code is Exit.INCOMPLETE
    assert SEEN.pdq.hex() not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "also", "part"),
    [
        (replace(SEEN_ALL, dhash=flipped(SEEN_ALL.dhash)), ALSO, "dHash"),
        (replace(SEEN_ALL, whash=flipped(SEEN_ALL.whash)), ALSO, "wHash"),
        (SEEN, ("dhash",), "dHash"),
        (SEEN, ("whash",), "wHash"),
        (SEEN_ALL, ("whash",), "dHash"),
        (SEEN_ALL, ("dhash",), "wHash"),
    ],
)
def test_every_hash_that_is_asked_for_has_to_be_right_and_no_other_may_be_there(answer, also, part):
    with pytest.raises(CanaryError, match=f"wrong {part} fingerprint"):
        canary.check(Answering(answer), Media(also=also))


OF_JPEG = {method: InProcess(Media(pdq=method)).perceive(canary.JPEG) for method in ("full", "luma")}


@pytest.mark.parametrize(
    ("answer", "method"),
    [
        (replace(OF_JPEG["full"], pdq=flipped(OF_JPEG["full"].pdq)), "full"),
        (replace(OF_JPEG["luma"], phash=flipped(OF_JPEG["luma"].phash)), "luma"),
        (replace(OF_JPEG["luma"], pdq_quality=99), "luma"),
        (OF_JPEG["luma"], "full"),
        (OF_JPEG["full"], "luma"),
        (Perceived(Outcome.CRASHED, "the decoder died of it: signal SIGILL"), "full"),
    ],
)
def test_a_decoder_of_jpegs_that_is_wrong_or_of_another_method_is_refused(answer, method):
    with pytest.raises(CanaryError, match="wrong fingerprint of a JPEG"):
        canary.check(Answering(SEEN, answer), Media(pdq=method))


def of(*arrays):
    return tuple(np.array(array, np.int64) for array in arrays)


def shifted(join):
    """Return a join that answers with the row behind the right one."""

    def wrong(*asked):
        query, row, *distance = join(*asked)
        return query, row + 1, *distance

    return wrong


def without(width):
    """Return a near join that finds nothing among values of one width."""

    def wrong(queries, table, limit):
        return of([], [], []) if queries.shape[1] == width else hamming_join(queries, table, limit)

    return wrong


@pytest.mark.parametrize(
    "wrong",
    [
        lambda queries, table, limit: of([0], [0], [0]),
        lambda queries, table, limit: of([0, 0, 0], [0, 1, 2], [0, 4, 8 * queries.shape[1]]),
        lambda queries, table, limit: hamming_join(queries, table, limit - 1),
        without(32),
        without(8),
        shifted(hamming_join),
    ],
    ids=["itself alone", "everything", "too near", "no PDQ", "no pHash", "wrong row"],
)
def test_a_wrong_join_is_refused(monkeypatch, wrong):
    monkeypatch.setattr(canary, "hamming_join", wrong)
    with pytest.raises(CanaryError, match=r"wrong join.*reinstall the locked dependencies"):
        canary.check(InProcess(), Media())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda *_: (*of([], [], []), 3),
        lambda *_: (*of([0], [0], [0]), 3),
        lambda *_: (*of([0, 0, 0], [0, 1, 2], [0, 4, 256]), 3),
        lambda *_: None,
    ],
    ids=["nothing", "itself alone", "everything", "no result"],
)
def test_a_wrong_join_by_bands_is_refused(monkeypatch, wrong):
    monkeypatch.setattr(canary, "banded_pairs", wrong)
    with pytest.raises(CanaryError, match=r"wrong join.*reinstall the locked dependencies"):
        canary.check(InProcess(), Media())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda queries, table: of([], []),
        lambda queries, table: of([0, 1], [1, 2]),
        shifted(exact_join),
    ],
    ids=["nothing", "what is not there", "wrong row"],
)
def test_a_wrong_exact_join_is_refused(monkeypatch, wrong):
    monkeypatch.setattr(canary, "exact_join", wrong)
    with pytest.raises(CanaryError, match=r"wrong exact join.*reinstall the locked dependencies"):
        canary.check(InProcess(), Media())


def test_a_scan_whose_canary_fails_ends_with_3_and_no_manifest(room, monkeypatch, capsys):
    monkeypatch.setattr(canary, "PDQ", bytes(32))
    target = room.store.as_uri()
    command = ["hashsweep", "scan", target, "-w", str(room.workspace.root), "--scheduler", "none"]
    monkeypatch.setattr(sys, "argv", command)
    monkeypatch.setattr(cli, "_leave", sys.exit)  # it may end the process at once
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == Exit.INCOMPLETE
    out, err = capsys.readouterr()
    assert out == ""
    assert "hashsweep: canary: this installation gives a wrong PDQ fingerprint" in err.splitlines()[-1]
    (run,) = room.workspace.runs.iterdir()
    assert sorted(path.name for path in run.glob("manifest*")) == []
    assert list((run / "parts").iterdir()) == []
