"""The only place that starts, asks, watches and ends a decoder process."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from scanner.decoder.protocol import MAX_REPLY, REPLY, REQUEST, Garbled

CHUNK = 1 << 18
PATIENCE_SECONDS = 2.0

_INHERITED = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME"}
    | {"NUMBA_CACHE_DIR", "HASHSWEEP_CACHE", "XDG_CACHE_HOME"}
)
"""What a child is told of its environment: no credentials of any store, no secret of ours."""


class Died(Exception):
    """The process has closed its pipes: it is ended, or ending."""


class Process:
    """A decoder process and the pipes to it; not safe to share.

    `so_far` is what it last said of the present object before it was done with it, or nothing.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        environment = {name: value for name, value in environ.items() if name in _INHERITED}
        for library in ("OPENBLAS", "OMP", "MKL", "NUMBA"):
            environment[f"{library}_NUM_THREADS"] = "1"
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.so_far = b""
        self._to, self._from = self._process.stdin, self._process.stdout
        os.set_blocking(self._to.fileno(), False)
        os.set_blocking(self._from.fileno(), False)

    @property
    def alive(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    def ask(self, data: bytes, seconds: float) -> bytes:
        """Send an object and return the reply; raise TimeoutError, Died or Garbled.

        After any of these only `end` makes sense.
        """
        return self._exchange([memoryview(REQUEST.pack(len(data))), memoryview(data)], seconds)

    def reply(self, seconds: float) -> bytes:
        """Return what the process says of itself; raises as `ask` does."""
        return self._exchange([], seconds)

    def kill(self) -> None:
        """End the process at once, from any thread; whoever asks it is told that it died."""
        self._process.kill()

    def end(self, patience: float) -> str:
        """End the process, at once or after so many seconds of waiting for it, and return how it ended."""
        self._to.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._from.close()
        code = self._process.wait()
        return f"signal {_signal_name(-code)}" if code < 0 else f"exit code {code}"

    def _exchange(self, waiting: list[memoryview], seconds: float) -> bytes:
        """Write and read, whichever the process is ready for, until a whole reply has come."""
        deadline = time.monotonic() + seconds
        received, self.so_far = bytearray(), b""
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        if waiting:
            poll.register(self._to, select.POLLOUT)
        while (left := deadline - time.monotonic()) > 0:
            ready = dict(poll.poll(left * 1000))
            if self._to.fileno() in ready and not self._write(waiting):
                poll.unregister(self._to)
            if self._from.fileno() in ready and (reply := self._read(received)) is not None:
                if waiting:
                    raise Garbled("early")
                return reply
        raise TimeoutError

    def _write(self, waiting: list[memoryview]) -> bool:
        """Write what fits, and say whether anything is still waiting."""
        try:
            waiting[0] = waiting[0][os.write(self._to.fileno(), waiting[0][:CHUNK]) :]
        except BrokenPipeError:
            raise Died from None
        while waiting and not waiting[0]:
            waiting.pop(0)
        return bool(waiting)

    def _read(self, received: bytearray) -> bytes | None:
        """Add what has come, and return the last reply once it is whole; keep what comes before it."""
        chunk = os.read(self._from.fileno(), CHUNK)
        if not chunk:
            raise Died
        received += chunk
        while len(received) >= REPLY.size:
            final, size = REPLY.unpack_from(received)
            whole = REPLY.size + size
            if whole > MAX_REPLY or (final and len(received) > whole):
                raise Garbled("length")
            if len(received) < whole:
                return None
            reply = bytes(received[REPLY.size : whole])
            if final:
                return reply
            self.so_far = reply
            del received[:whole]
        return None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no names
        return str(number)
