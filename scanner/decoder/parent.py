"""The only place that decides what a dead, slow or babbling decoder means for the object it was given."""

import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from scanner.config import Media
from scanner.decoder.process import PATIENCE_SECONDS, Died, Process
from scanner.decoder.protocol import READY, Garbled, perceived_of
from scanner.errors import IncompleteRun
from scanner.fingerprint import Perceived
from scanner.records import Outcome

ATTEMPTS = 3
START_SECONDS = 120.0
CHILD = (sys.executable, "-P", "-m", "scanner.decoder.child")


class Decoder:
    """A child process that looks at pictures, kept from one object to the next.

    A child that dies is replaced and asked again, at most three times in all, so that a kill from outside
    changes nothing and a poisonous object costs itself alone: of what it had seen by then, nothing is lost.
    Safe to share between threads: one object at a time. `command` names the child; the caps are added to it
    as JSON.
    """

    def __init__(self, caps: Media, command: Sequence[str] = CHILD) -> None:
        self._caps = caps
        self._command = [*command, caps.model_dump_json()]
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._closed = False

    def perceive(self, data: bytes) -> Perceived:
        """Return what the child saw in an object's bytes, or `timed_out`, or `crashed`.

        Raises IncompleteRun when no child can be started at all.
        """
        with self._lock:
            death, so_far = "", b""
            for _ in range(ATTEMPTS):
                process = self._started()
                try:
                    return perceived_of(process.ask(data, self._caps.seconds))
                except TimeoutError:
                    self._end()
                    words = f"decoding took more than {self._caps.seconds:g} s"
                    return _failed(Outcome.TIMED_OUT, words, process.so_far or so_far)
                except Died:
                    death = self._end(PATIENCE_SECONDS)
                except Garbled as error:
                    self._end()
                    death = f"garbled answer ({error})"
                except BaseException:  # interrupted: its answer must not be taken for the next object's
                    self._end()
                    raise
                so_far = process.so_far or so_far
            return _failed(Outcome.CRASHED, f"the decoder died of it: {death}", so_far)

    def close(self) -> None:
        """End the child at once; whoever waits for an answer of it gets IncompleteRun."""
        self._closed = True
        if (process := self._process) is not None:
            process.kill()
        with self._lock:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _started(self) -> Process:
        """Return a child that is alive and warm; its start is on no object's account."""
        if self._process is not None and self._process.alive:
            return self._process
        death = self._end()
        for _ in range(ATTEMPTS):
            if self._closed:
                raise IncompleteRun("the decoder was closed while it was needed; run the same command again")
            self._process = Process(self._command, os.environ)
            try:
                if self._process.reply(START_SECONDS) == READY:
                    return self._process
                death = "garbled start"
                self._end()
            except (Died, Garbled, TimeoutError):
                death = self._end(PATIENCE_SECONDS)
        raise IncompleteRun(f"the decoder process does not start ({death}); reinstall hashsweep")

    def _end(self, patience: float = 0.0) -> str:
        process, self._process = self._process, None
        return "not started" if process is None else process.end(patience)


def _failed(outcome: Outcome, reason: str, so_far: bytes) -> Perceived:
    """Return what became of an object, with the hashes of the frame that was seen before."""
    try:
        seen = perceived_of(so_far)
    except Garbled:
        return Perceived(outcome, reason)
    return replace(seen, outcome=outcome, reason=f"{reason}; seen in part")
