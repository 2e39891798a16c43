"""The only place that runs inside the child process: reads objects, answers what it saw, may die of it."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from scanner.config import Media
from scanner.decoder.protocol import READY, REPLY, REQUEST, reply_of
from scanner.fingerprint import Perceived, Told, perceive
from scanner.fingerprint.pdq import pdq
from scanner.media.picture import load_plug_ins

PR_SET_PDEATHSIG = 1


def main(look: Callable[[bytes, Media, Told], Perceived] = perceive) -> None:
    """Answer requests until the parent goes away; the caps come as JSON in the last argument."""
    caps = Media.model_validate_json(sys.argv[-1])
    _die_with_parent()
    replies = _own_output()
    _warm(caps)
    _confine(caps)
    _answer(replies, READY)
    while (head := _read(REQUEST.size)) is not None:
        data = _read(REQUEST.unpack(head)[0])
        if data is None:
            return
        seen = look(data, caps, lambda so_far: _answer(replies, reply_of(so_far), final=False))
        _answer(replies, reply_of(seen))


def _die_with_parent() -> None:
    """End at once when the thread that started this process does, even while decoding."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to mind
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _own_output() -> int:
    """Keep the pipe to the parent for replies alone; whatever a library prints goes nowhere."""
    replies = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return replies


def _warm(caps: Media) -> None:
    """Load every plug-in and compile every kernel, so that none of it is on an object's account."""
    load_plug_ins()
    clear = np.kron(
        np.random.default_rng(1).integers(0, 256, (9, 9, 3), np.uint8), np.ones((9, 9, 1), np.uint8)
    )
    for pixels in (clear, np.zeros_like(clear)):  # PDQ's linear form, and its passes
        pdq(pixels)
    for height in (8, 80):  # the two orders in which a picture is shrunk
        perceive(b"P6 8 %d 255 " % height + bytes(24 * height), Media(also=caps.also))


def _confine(caps: Media) -> None:
    """Bound what decoding may take: memory beyond what is in use now, no files, no core dumps."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    memory = pages * resource.getpagesize() + caps.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(count: int) -> bytes | None:
    """Read exactly so many bytes, or return None at the end of the input."""
    data = sys.stdin.buffer.read(count)
    return data if len(data) == count else None


def _answer(replies: int, reply: bytes, final: bool = True) -> None:
    waiting = memoryview(REPLY.pack(final, len(reply)) + reply)
    while waiting:
        waiting = waiting[os.write(replies, waiting) :]


if __name__ == "__main__":
    main()
