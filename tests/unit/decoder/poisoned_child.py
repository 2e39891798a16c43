"""The real decoder child, but some objects are poison to it."""

import contextlib
import os
import time
from dataclasses import replace
from pathlib import Path

from scanner.decoder.child import main
from scanner.fingerprint import perceive


def look(data, caps, told):
    if data == b"poison: abort":
        os.abort()
    if data.startswith(b"poison: later "):
        told(replace(perceive(data.removeprefix(b"poison: later "), caps), others=()))
        os.abort()
    if data == b"poison: hang":
        time.sleep(600)
    if data == b"poison: spin":
        while True:
            pass
    if data == b"poison: print":
        os.write(1, b"printed by a library")
        os.write(2, b"complained by a library")
    if data.startswith(b"poison: write "):
        with contextlib.suppress(OSError):
            Path(os.fsdecode(data.removeprefix(b"poison: write "))).write_text("from a decoder")
    return perceive(data, caps, told)


if __name__ == "__main__":
    main(look)
