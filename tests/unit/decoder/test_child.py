import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scanner.config import Media
from scanner.decoder import Decoder
from scanner.fingerprint import Perceived, perceive
from scanner.records import Outcome
from tests import pictures
from tests.pictures import animation, encoded, jpeg, picture
from tests.unit.decoder import poisoned_child

CAPS = Media()
ROOT = Path(__file__).parents[3]
OBJECTS = {
    "a photo": jpeg(1),
    "a transparent drawing": encoded(picture(2).convert("RGBA").rotate(20), "PNG"),
    "an animation": animation(range(5), "GIF"),
    "a heic": encoded(picture(3), "HEIF"),
    "an avif": encoded(picture(3), "AVIF", speed=10),
    "a jpeg xl": encoded(picture(3), "JXL", level=90, effort=3),
    "nothing": b"",
    "words": b"some words",
    "a video": b"\0\0\0\x20ftypisom" + bytes(2 << 20),
    "a pixel bomb": pictures.pixel_bomb(),
    "a frame bomb": pictures.frame_bomb(),
    **pictures.broken(),
}


@pytest.fixture(scope="module")
def decoder():
    with Decoder(CAPS) as one:
        yield one


@pytest.fixture(scope="module")
def poisoned():
    os.environ["PYTHONPATH"] = str(ROOT)
    with Decoder(Media(seconds=3), command=[sys.executable, poisoned_child.__file__]) as one:
        yield one
    del os.environ["PYTHONPATH"]


@pytest.mark.parametrize("name", OBJECTS)
def test_the_child_sees_what_is_seen_in_process(decoder, name):
    assert decoder.perceive(OBJECTS[name]) == perceive(OBJECTS[name], CAPS)


def test_a_crash_costs_its_object_only(poisoned):
    assert poisoned.perceive(b"poison: abort").reason == "the decoder died of it: signal SIGABRT"
    assert poisoned.perceive(jpeg(1)) == perceive(jpeg(1), CAPS)


def test_a_later_frame_that_ends_the_child_costs_the_first_one_nothing(poisoned):
    seen, whole = poisoned.perceive(b"poison: later " + jpeg(1)), perceive(jpeg(1), CAPS)
    assert (seen.outcome, seen.pdq, seen.phash) == (Outcome.CRASHED, whole.pdq, whole.phash)


def test_the_first_frame_is_told_of_before_the_others_are_decoded():
    told = []
    seen = perceive(animation(range(3), "TIFF"), CAPS, told.append)
    assert [(one.pdq, one.others, one.outcome) for one in told] == [(seen.pdq, (), Outcome.HASHED)]
    assert len(seen.others) == 2


@pytest.mark.parametrize("poison", [b"poison: hang", b"poison: spin"])
def test_a_hang_costs_its_object_only(poisoned, poison):
    before = time.monotonic()
    assert poisoned.perceive(poison) == Perceived(Outcome.TIMED_OUT, "decoding took more than 3 s")
    assert time.monotonic() - before < 20
    assert poisoned.perceive(jpeg(1)).outcome is Outcome.HASHED


def test_what_libraries_print_is_no_answer_and_reaches_no_terminal(poisoned, capfd):
    assert poisoned.perceive(b"poison: print") == perceive(b"poison: print", CAPS)
    assert capfd.readouterr() == ("", "")


def test_the_child_writes_no_files(poisoned, tmp_path):
    poisoned.perceive(b"poison: write " + os.fsencode(tmp_path / "file"))
    assert not (tmp_path / "file").exists() or (tmp_path / "file").read_bytes() == b""


def test_memory_beyond_the_cap_is_too_large_and_no_crash():
    data = pictures.png_of(40_000, 40_000)
    with Decoder(Media(memory_bytes=1 << 30, max_pixels=2 * 10**9)) as small:
        seen = small.perceive(data)
        assert (seen.outcome, seen.reason) == (Outcome.TOO_LARGE, "not enough memory to decode it")
        assert small.perceive(jpeg(1)) == perceive(jpeg(1), CAPS)


def test_the_child_ignores_the_interrupt_of_the_terminal(decoder):
    decoder.perceive(b"")
    before = children_of(os.getpid())
    for child in before:
        os.kill(child, signal.SIGINT)
    assert decoder.perceive(jpeg(2)) == perceive(jpeg(2), CAPS)
    assert children_of(os.getpid()) == before


def test_the_child_does_not_outlive_a_killed_parent_even_while_decoding():
    program = (
        "import sys; from scanner.config import Media; from scanner.decoder import Decoder\n"
        "decoder = Decoder(Media(), command=[sys.executable, sys.argv[1]])\n"
        "decoder.perceive(b''); print('ready', flush=True); decoder.perceive(b'poison: spin')\n"
    )
    command = [sys.executable, "-c", program, poisoned_child.__file__]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as parent:
        assert parent.stdout.readline() == b"ready\n"
        time.sleep(0.2)
        (child,) = children_of(parent.pid)
        parent.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


def children_of(parent):
    """Return the process ids of a process's decoder children."""
    return sorted(
        int(status.parent.name)
        for status in Path("/proc").glob("[0-9]*/stat")
        if read(status).rpartition(b")")[2].split()[1:2] == [b"%d" % parent]
        and b"max_pixels" in read(status.parent / "cmdline")
    )


def read(path):
    try:
        return path.read_bytes()
    except OSError:  # gone meanwhile
        return b""
