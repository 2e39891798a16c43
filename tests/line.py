"""The only place where tests run the whole line: a store's content, a list of it, the command, its result."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanner.config import Media
from scanner.fingerprint import fingerprint
from scanner.records import OPTIONAL
from tests import pictures

COMMAND = Path(sys.executable).with_name("hashsweep")


@dataclass(frozen=True)
class Result:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)


def hashsweep(*arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Result:
    """Run the command to its end."""
    done = subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        check=False,
        timeout=240,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def start(*arguments: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the command in a session of its own and leave it running."""
    return subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
        start_new_session=True,
    )


def content(count: int = 40) -> dict[str, bytes]:
    """Return a small store: pictures, copies of some in other forms, other files, broken files."""
    store = {f"photos/{seed:03d}.jpg": pictures.jpeg(seed, (320, 240)) for seed in range(count)}
    known = [pictures.picture(seed, (320, 240)) for seed in range(6)]
    store["copies/exact.jpg"] = store["photos/000.jpg"]
    store["copies/re-encoded.webp"] = pictures.encoded(known[1], "WEBP", quality=60)
    store["copies/smaller.png"] = pictures.encoded(known[2].resize((240, 180)), "PNG")
    store["copies/no-extension"] = store["photos/003.jpg"]
    store["notes/readme.txt"] = b"words, no picture\n" * 20
    store["notes/empty"] = b""
    store["clips/clip.mp4"] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(range(256)) * 40
    for name, data in list(pictures.broken().items())[:5]:
        store[f"broken/{name}"] = data
    return store


KNOWN = range(6)
"""Seeds of the pictures that the list of tests knows."""

FOUND = {f"photos/{seed:03d}.jpg" for seed in KNOWN} | {
    "copies/exact.jpg",
    "copies/re-encoded.webp",
    "copies/smaller.png",
    "copies/no-extension",
}
"""Keys of `content` that a scan with the list of tests must find."""


def write_store(root: Path, store: Mapping[str, bytes]) -> Path:
    """Write a store's content as files."""
    for key, data in store.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


ALGORITHMS = ("sha256", "pdq", "phash")


def write_list(path: Path, known: Iterable[bytes], algorithms: Iterable[str] = ALGORITHMS) -> Path:
    """Write a canonical CSV of the fingerprints of pictures."""
    lines = ["entry_id,member,algorithm,value,classification"]
    every = Media(also=OPTIONAL)
    for number, made in enumerate(fingerprint(data, caps=every) for data in known):
        lines += [f"e{number},tests,{name},{getattr(made, name).hex()},A" for name in algorithms]
    path.write_text("\n".join(lines) + "\n")
    return path


def import_known(workspace: Path, store: Mapping[str, bytes]) -> None:
    """Import a list of the pictures that tests know into a workspace."""
    workspace.parent.mkdir(parents=True, exist_ok=True)
    known = [store[f"photos/{seed:03d}.jpg"] for seed in KNOWN]
    path = write_list(workspace.parent / f"{workspace.name}.csv", known)
    done = hashsweep("lists", "import", "tests", path, "--workspace", workspace)
    assert done.code == 0, done.err


def rows(workspace: Path, run: str | None = None) -> list[dict[str, Any]]:
    """Return the rows of a run's manifest.jsonl, the newest run's unless named."""
    folder = max((workspace / "runs").iterdir()) if run is None else workspace / "runs" / run
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
