"""A decoder child that decodes nothing and starts at once: it does what the object's first word tells it."""

import hashlib
import json
import os
import struct
import sys
import time
from pathlib import Path

EMPTY = dict.fromkeys(
    (
        "pdq",
        "phash",
        "dhash",
        "whash",
        "media_type",
        "method",
        "width",
        "height",
        "frame_count",
        "orientation",
    )
)


def reply(**fields):
    row = {**EMPTY, "pdq_quality": None, "outcome": "hashed", "reason": None, "others": [], **fields}
    return json.dumps(row).encode()


def read(count):
    data = b""
    while len(data) < count:
        chunk = os.read(0, min(count - len(data), 1 << 20))
        if not chunk:
            sys.exit()
        data += chunk
    return data


def write(message, head=None, final=True):
    sys.stdout.buffer.write((struct.pack(">?I", final, len(message)) if head is None else head) + message)
    sys.stdout.buffer.flush()


def trickle(_):
    write(b"", struct.pack(">?I", True, 1000))
    while True:
        time.sleep(0.05)
        write(b" ", b"")


def mute(_):
    os.close(1)
    time.sleep(600)


def once(rest):
    """Die of it, but only the first time."""
    if not Path(rest.decode()).exists():
        Path(rest.decode()).touch()
        os.abort()
    write(reply())


def deaf(_):
    write(reply())
    time.sleep(600)


def seen_then(rest):
    """Say what was seen so far, then do something else."""
    write(reply(pdq="5a" * 32, pdq_quality=90, reason="so far"), final=False)
    answer(rest)


def fickle(rest):
    """Say what was seen and die, but only the first time; hang then."""
    if Path(rest.decode()).exists():
        time.sleep(600)
    Path(rest.decode()).touch()
    seen_then(b"abort")


def nonsense_then(rest):
    write(b"nonsense", final=False)
    answer(rest)


def environment(_):
    print("for the terminal", file=sys.stderr)
    write(reply(reason=" ".join(sorted(os.environ))[:200]))


ACTIONS = {
    b"hang": lambda _: time.sleep(600),
    b"abort": lambda _: os.abort(),
    b"exit": lambda _: os._exit(7),
    b"raw": write,
    b"headed": lambda rest: write(rest[5:], rest[:5]),
    b"trickle": trickle,
    b"mute": mute,
    b"deaf": deaf,
    b"once": once,
    b"seen": seen_then,
    b"fickle": fickle,
    b"nonsense": nonsense_then,
    b"environment": environment,
}


def answer(data):
    word, _, rest = data.partition(b" ")
    if word == b"slow":
        time.sleep(0.02)
    if word in ACTIONS:
        ACTIONS[word](rest)
    else:
        write(reply(reason=hashlib.sha256(data).hexdigest()))


if __name__ == "__main__":
    pids = Path(sys.argv[1])
    with pids.open("a") as file:
        print(os.getpid(), file=file)
    write(b'{"ready": true}')
    while True:
        answer(read(struct.unpack(">Q", read(8))[0]))
