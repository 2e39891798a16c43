import hashlib
import json
import os
import random
import signal
import struct
import sys
import threading
import time
from pathlib import Path

import pytest

from scanner.config import Media
from scanner.decoder import Decoder
from scanner.errors import IncompleteRun
from scanner.fingerprint import Perceived
from scanner.records import Outcome
from tests.unit.decoder import light_child

CAPS = Media(seconds=20)


@pytest.fixture
def pids(tmp_path):
    """Return a file that every child writes its process id to."""
    path = tmp_path / "pids"
    path.touch()
    return path


@pytest.fixture
def light(pids):
    """Return a function that makes decoders with light children."""
    made = []

    def make(**caps):
        command = [sys.executable, "-S", light_child.__file__, str(pids)]
        made.append(Decoder(Media(**{"seconds": 20, **caps}), command=command))
        return made[-1]

    yield make
    for decoder in made:
        decoder.close()


def started(pids):
    return [int(line) for line in pids.read_text().split()]


def answered(data):
    return Perceived(Outcome.HASHED, hashlib.sha256(data).hexdigest())


def test_a_child_is_kept_from_one_object_to_the_next(light, pids):
    decoder = light()
    for data in (b"", b"a", bytes(3 << 20), b"b"):
        assert decoder.perceive(data) == answered(data)
    assert len(started(pids)) == 1


@pytest.mark.parametrize(
    ("poison", "death"), [(b"abort", "signal SIGABRT"), (b"exit", "exit code 7"), (b"mute", "signal SIGKILL")]
)
def test_an_object_that_ends_the_child_is_tried_three_times_and_costs_itself_only(light, pids, poison, death):
    decoder = light()
    assert decoder.perceive(poison) == Perceived(Outcome.CRASHED, f"the decoder died of it: {death}")
    assert len(started(pids)) == 3
    assert decoder.perceive(b"next") == answered(b"next")


def test_a_child_that_dies_once_is_replaced_without_a_trace(light, pids, tmp_path):
    decoder = light()
    assert decoder.perceive(b"once " + os.fsencode(tmp_path / "died")).outcome is Outcome.HASHED
    assert len(started(pids)) == 2


@pytest.mark.parametrize("word", [b"hang", b"trickle"])
def test_a_child_that_takes_too_long_is_ended_and_the_object_is_timed_out(light, pids, word):
    decoder = light(seconds=0.4)
    before = time.monotonic()
    assert decoder.perceive(word) == Perceived(Outcome.TIMED_OUT, "decoding took more than 0.4 s")
    assert time.monotonic() - before < 5
    assert not Path(f"/proc/{started(pids)[0]}").exists()
    assert decoder.perceive(b"next").outcome in (Outcome.HASHED, Outcome.TIMED_OUT)


@pytest.mark.parametrize(
    ("poison", "outcome"),
    [(b"seen hang", Outcome.TIMED_OUT), (b"seen abort", Outcome.CRASHED), (b"seen raw {}", Outcome.CRASHED)],
)
def test_what_was_seen_before_a_child_ended_is_kept(light, poison, outcome):
    decoder = light(seconds=2 if outcome is Outcome.TIMED_OUT else 20)
    perceived = decoder.perceive(poison)
    assert (perceived.outcome, perceived.pdq, perceived.pdq_quality) == (outcome, b"Z" * 32, 90)
    assert perceived.reason.endswith("; seen in part")
    assert decoder.perceive(b"next").pdq is None, "and it is not the next object's"
    assert decoder.perceive(b"abort").pdq is None


def test_what_was_seen_before_one_child_died_and_the_next_took_too_long_is_kept(light, tmp_path):
    perceived = light(seconds=2).perceive(b"fickle " + os.fsencode(tmp_path / "died"))
    assert (perceived.outcome, perceived.pdq) == (Outcome.TIMED_OUT, b"Z" * 32)


@pytest.mark.parametrize("word", [b"seen", b"nonsense", b"seen seen"])
def test_what_was_seen_so_far_gives_way_to_the_answer(light, word):
    assert light().perceive(word + b" next") == answered(b"next")


def test_nonsense_before_a_child_ended_is_not_kept(light):
    assert light().perceive(b"nonsense abort") == Perceived(
        Outcome.CRASHED, "the decoder died of it: signal SIGABRT"
    )


def test_a_child_that_does_not_read_is_timed_out_too(light):
    decoder = light(seconds=0.4)
    assert decoder.perceive(b"deaf").outcome is Outcome.HASHED
    assert decoder.perceive(bytes(3 << 20)).outcome is Outcome.TIMED_OUT


def headed(size, body):
    return b"headed " + struct.pack(">?I", True, size) + body


@pytest.mark.parametrize(
    "poison",
    [
        b"raw nonsense",
        b"raw ",
        b"raw " + light_child.reply(outcome="confirmed"),
        b"raw " + light_child.reply(pdq="00"),
        b"raw " + light_child.reply(reason="caf\u00e9"),
        b"raw " + json.dumps({"ready": True}).encode(),
        headed(2, b"{}{}"),
        headed(2**32 - 1, b"{}"),
    ],
)
def test_a_garbled_answer_is_a_crash_with_a_reason_of_ours(light, pids, poison):
    decoder = light()
    perceived = decoder.perceive(poison)
    assert perceived.outcome is Outcome.CRASHED
    assert perceived.reason.startswith("the decoder died of it: garbled answer (")
    assert len(perceived.reason) < 70
    assert len(started(pids)) == 3
    assert decoder.perceive(b"next") == answered(b"next")


def test_an_idle_child_that_was_killed_is_replaced(light, pids):
    decoder = light()
    decoder.perceive(b"first")
    for _ in range(4):
        os.kill(started(pids)[-1], signal.SIGKILL)
        assert decoder.perceive(b"next") == answered(b"next")
    assert len(started(pids)) == 5


def test_a_kill_between_two_objects_is_on_neither_account(light, pids):
    decoder = light()
    decoder.perceive(b"first")
    os.kill(started(pids)[0], signal.SIGKILL)
    os.waitid(os.P_PID, started(pids)[0], os.WEXITED | os.WNOWAIT)
    assert decoder.perceive(b"abort").outcome is Outcome.CRASHED
    assert len(started(pids)) == 1 + 3


def test_kills_at_any_moment_change_no_answer_of_any_thread(light, pids):
    decoder, dice = light(), random.Random(5)
    objects = [b"slow %d " % number + bytes(number * 3000) for number in range(60)]
    answers, over = {}, threading.Event()

    def ask(mine):
        for data in mine:
            answers[data] = decoder.perceive(data)

    def kill():
        while not over.wait(dice.uniform(0.02, 0.25)):
            for pid in started(pids)[-1:]:
                if Path(f"/proc/{pid}").exists():
                    os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    askers = [threading.Thread(target=ask, args=(objects[first::4],)) for first in range(4)]
    for thread in (killer, *askers):
        thread.start()
    for thread in askers:
        thread.join()
    over.set()
    killer.join()
    assert answers == {data: answered(data) for data in objects}
    assert len(started(pids)) > 3


def test_an_interrupted_request_does_not_leave_its_answer_to_the_next(light):
    class Interrupted(Exception):
        pass

    def interrupt(number, frame):
        raise Interrupted

    decoder = light()
    decoder.perceive(b"first")
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Interrupted):
            decoder.perceive(b"hang")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert decoder.perceive(b"another") == answered(b"another")


@pytest.mark.parametrize(
    "program", ["raise SystemExit(3)", "print('x' * 100)", "import sys; sys.stdout.close()"]
)
def test_a_child_that_never_starts_ends_the_run(program):
    decoder = Decoder(CAPS, command=[sys.executable, "-S", "-c", program])
    with decoder, pytest.raises(IncompleteRun, match="does not start"):
        decoder.perceive(b"")


def test_closing_ends_the_child(light, pids):
    decoder = light()
    decoder.perceive(b"")
    decoder.close()
    assert not Path(f"/proc/{started(pids)[0]}").exists()


def test_the_child_sees_no_credentials_and_says_nothing_on_the_terminal(light, monkeypatch, capfd):
    for name in (
        "AWS_SECRET_ACCESS_KEY",
        "AZURE_STORAGE_KEY",
        "HASHSWEEP_REDACTION_KEY",
        "HASHSWEEP_FETCH__TOKEN",
    ):
        monkeypatch.setenv(name, "secret")
    names = light().perceive(b"environment").reason.split()
    assert "OPENBLAS_NUM_THREADS" in names
    assert not {
        name for name in names if name.startswith(("AWS", "AZURE", "HASHSWEEP_RED", "HASHSWEEP_FETCH"))
    }
    assert capfd.readouterr() == ("", "")
