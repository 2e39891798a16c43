"""The only place that lays out the demo's store: a provider's bucket as a directory, part of it known."""

import contextlib
import io
import os
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from scanner.demo.encoding import COMMON, RARE, cropped, encode, reencoded, resized, suffix
from scanner.demo.oddity import BROKEN, CLIP, HOSTILE_NAMES, oddities
from scanner.demo.scene import Random, paint
from scanner.workspace import make_folder

PICTURES = 224
"""Pictures that are unlike each other; copies come on top."""

KNOWN_EVERY = 6
"""Every sixth picture is known to the made list."""

LISTED = (
    ("sha256",),
    ("md5", "sha1"),
    ("pdq",),
    ("md5", "sha1", "pdq"),
    ("sha256", "pdq", "phash"),
    ("pdq", "phash"),
    ("md5", "pdq"),
    ("md5", "sha1", "sha256", "pdq"),
)
"""The algorithms that the entries carry, in turn: lists differ in what they hold."""

SIZES = ((320, 240), (240, 320), (300, 300), (400, 300), (480, 270))
KNOWN_SIZES = ((480, 360), (360, 480), (400, 400))

COPIES: dict[str, Callable[[Image.Image, Random], tuple[bytes, str]]] = {
    "reencoded": reencoded,
    "resized": resized,
    "cropped": cropped,
}

START_OF_2026 = 1_767_225_600


@dataclass(frozen=True)
class Known:
    """A file that the made list holds, under some of its fingerprints."""

    entry_id: str
    key: bytes
    algorithms: tuple[str, ...]
    classification: str


@dataclass(frozen=True)
class Expected:
    """A copy of a known file: exact, reencoded, resized or cropped; the key is the path's bytes.

    A scan with default distances finds all of the first three kinds, and most of the cropped ones.
    """

    key: bytes
    kind: str
    entry_id: str


@dataclass(frozen=True)
class DemoStore:
    """What was made: the directory, what the list is to hold, and what a scan is to find."""

    root: Path
    known: tuple[Known, ...]
    withdrawn: Known
    expected: tuple[Expected, ...]

    def path(self, key: bytes) -> Path:
        """Return where a key lies."""
        return self.root / os.fsdecode(key)

    def recall(self, found: Collection[bytes]) -> dict[str, tuple[int, int]]:
        """Return for each kind of copy how many of how many are among the found keys."""
        kinds: dict[str, tuple[int, int]] = {}
        for expected in self.expected:
            seen, total = kinds.get(expected.kind, (0, 0))
            kinds[expected.kind] = (seen + (expected.key in found), total + 1)
        return kinds


def make_store(folder: Path, seed: int = 1) -> DemoStore:
    """Fill `folder`/store with benign pictures and what else lies in buckets; equal seeds make equal files.

    Making it again writes the same bytes and times. Names and kinds of files that the file system refuses are
    left out. Raises OSError when the folder cannot be written.
    """
    root = make_folder(folder / "store")
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        keys = list(threads.map(partial(_picture, root, seed), range(PICTURES)))
        known = [
            Known(f"demo-{n:03}", keys[n * KNOWN_EVERY], LISTED[n % len(LISTED)], "AB"[n % 2])
            for n in range(PICTURES // KNOWN_EVERY)
        ]
        copies = list(threads.map(partial(_copies, root, seed), known))
    for key, data in oddities(_random(seed, 1)).items():
        _write(root, key.encode(), data, _random(seed, 2))
    known.append(Known("demo-broken", BROKEN.encode(), ("sha256",), "A"))
    known.append(Known("demo-clip", CLIP.encode(), ("md5", "sha1"), "B"))
    expected = [Expected(entry.key, "exact", entry.entry_id) for entry in known]
    expected += (copy for made in copies for copy in made)
    expected += _hostile(root, seed, known)
    _irregular(root, keys[0])
    withdrawn = Known("demo-withdrawn", keys[1], ("md5", "sha1", "pdq"), "A")
    return DemoStore(root, tuple(known), withdrawn, tuple(expected))


def _random(seed: int, *place: int) -> Random:
    return np.random.default_rng((seed, *place))


def _write(root: Path, key: bytes, data: bytes, random: Random) -> None:
    path = root / os.fsdecode(key)
    make_folder(path.parent)
    path.write_bytes(data)
    path.chmod(0o600)
    moment = START_OF_2026 + int(random.integers(270 * 86_400))
    os.utime(path, (moment, moment))  # the time is part of an object's identity


def _name(random: Random, ending: str) -> bytes:
    """Return a key as providers make them: by account, or by day of upload."""
    number = int(random.integers(1 << 40))
    if random.random() < 0.6:
        album = ("photos", "photos/holiday", "avatars", "shared")[random.integers(4)]
        return f"accounts/{random.integers(100_000, 100_024)}/{album}/IMG_{number:011x}{ending}".encode()
    return (
        f"uploads/2026/{random.integers(1, 10):02}/{random.integers(1, 29):02}/{number:011x}{ending}".encode()
    )


def _picture(root: Path, seed: int, number: int) -> bytes:
    """Paint and write one picture; return its key."""
    random = _random(seed, 3, number)
    known = number % KNOWN_EVERY == 0
    rare = number % 3 == 2
    form = RARE[number // 3 % len(RARE)] if rare else COMMON[number // KNOWN_EVERY % len(COMMON)]
    sizes = KNOWN_SIZES if known else SIZES
    image = paint(random, sizes[random.integers(len(sizes))])
    key = _name(random, suffix(form))
    _write(root, key, encode(image, form), random)
    return key


def _copies(root: Path, seed: int, entry: Known) -> list[Expected]:
    """Write the copies of a known picture: always an exact one, changed ones where its PDQ is listed."""
    random = _random(seed, 4, int(entry.entry_id[-3:]))
    original = (root / os.fsdecode(entry.key)).read_bytes()
    made = [("exact", original, entry.key[entry.key.rindex(b".") :].decode())]
    if "pdq" in entry.algorithms:
        with Image.open(io.BytesIO(original)) as opened:
            image = opened.convert("RGB")
        for kind, copy in COPIES.items():
            data, form = copy(image, random)
            made.append((kind, data, suffix(form)))
    expected = []
    for kind, data, ending in made:
        key = _name(random, ending)
        _write(root, key, data, random)
        expected.append(Expected(key, kind, entry.entry_id))
    return expected


def _hostile(root: Path, seed: int, known: list[Known]) -> Iterable[Expected]:
    """Write pictures under hostile names, every other one a copy of a known picture."""
    for number, name in enumerate(HOSTILE_NAMES):
        random = _random(seed, 5, number)
        entry = known[number]
        copy = number % 2 == 0
        data = (
            (root / os.fsdecode(entry.key)).read_bytes()
            if copy
            else encode(paint(random, (320, 240)), "jpeg")
        )
        key = b"uploads/names/" + name
        with contextlib.suppress(OSError):  # a file system without such names has no such object
            _write(root, key, data, random)
            if copy:
                yield Expected(key, "exact", entry.entry_id)


def _irregular(root: Path, target: bytes) -> None:
    """Make a link and a pipe, which a scan counts and never opens."""
    with contextlib.suppress(OSError):
        (root / "uploads" / "latest.jpg").symlink_to(Path("..", os.fsdecode(target)))
    with contextlib.suppress(OSError):
        os.mkfifo(root / "uploads" / "incoming", 0o600)
