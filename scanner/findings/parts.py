"""The only place where the files that a run is made of are named by their digests, and checked again."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from scanner.workspace import file_digest, put_once, replace

NAME = "parts.jsonl"


def put_parts(folder: Path, parts: Iterable[Path]) -> list[dict[str, str]]:
    """Write the digest of every part to one file in a run's folder; return what names that file."""
    lines = (
        json.dumps({"path": path.relative_to(folder).as_posix(), "sha256": file_digest(path)}, sort_keys=True)
        for path in parts
    )
    content = "".join(f"{line}\n" for line in lines).encode()
    if not put_once(folder / NAME, content) and (folder / NAME).read_bytes() != content:
        replace(folder / NAME, content)  # a run that was killed before its manifest left another one
    return [{"path": NAME, "sha256": file_digest(folder / NAME)}]


def read_parts(folder: Path) -> Iterator[dict[str, str]]:
    """Yield path and sha256 of every part that a run's folder names; raise ValueError on a foreign line."""
    with (folder / NAME).open("rb") as file:
        for line in file:
            part = json.loads(line)
            if not isinstance(part, dict) or set(part) != {"path", "sha256"}:
                raise ValueError(f"{NAME}: a line names no part")
            yield part
