"""The only place where a manifest is checked against itself: bytes, rows, signature, chain, parts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from scanner.findings import parts
from scanner.findings.chain import CHAIN_PROBLEMS, walk_chain
from scanner.findings.manifest import (
    HEADER,
    LINES,
    PARQUET,
    DamagedManifest,
    folder_of,
    header_digest,
    parse_header,
)
from scanner.findings.reread import row_problems
from scanner.findings.signature import holds, parse_public_key
from scanner.workspace import file_digest, json_bytes

UNREAD = "unread"
"""What is said of the chain of a manifest whose header cannot be read."""


@dataclass(frozen=True)
class Verification:
    """What checking a manifest came to, in words; without problems, it is what was written.

    One whose header cannot be read has no `run_id`, no `digest`, and the `chain` is `unread`.
    `signed_by` is the public key whose signature holds. Anybody can make a key, so that it proves
    something only where the reader named it (`expected`). `chain` is `first`, `holds`, `missing` (the
    oldest ones are not there), `broken` (one is not there, and an older one is) or `different`, and
    `earlier` the number of manifests before this one that are as they were named.
    """

    folder: Path
    run_id: str | None
    digest: str | None
    problems: tuple[str, ...]
    unsigned: bool
    signed_by: str | None
    expected: bool
    chain: str
    earlier: int
    findings: int
    rows_read: bool

    @property
    def holds(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    @property
    def statements(self) -> tuple[str, ...]:
        """What was checked, one sentence each, for people."""
        if self.chain == UNREAD:
            return ()
        ends = {
            "first": "no manifest comes before it",
            "holds": f"{self.earlier} earlier manifests, each the one that is named",
            "missing": f"{self.earlier} earlier manifests, each the one that is named; the next is not there",
            **CHAIN_PROBLEMS,
        }
        rows = "read again, row by row" if self.rows_read else "not read again"
        return (f"{self.findings} findings, {rows}", self._signature(), f"chain: {ends[self.chain]}")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for programs."""
        return {**asdict(self), "folder": str(self.folder), "holds": self.holds}

    def _signature(self) -> str:
        if self.unsigned:
            return "unsigned: nothing proves who wrote it"
        if self.signed_by is None:
            return "its signature does not hold: nothing proves who wrote it"
        vouched = "the expected one" if self.expected else "compare it with the one that you trust"
        return f"signed by the key {self.signed_by}; {vouched}"


def verify_manifest(path: Path, public_key: str | None = None, deep: bool = True) -> Verification:
    """Check a manifest, named by its folder or any of its files; change nothing.

    Without `deep`, the three files, the signature and the chain are checked; with it, every row too,
    and every part that the provenance names. `public_key` is 64 hex digits. Raises ManifestError when
    there is no manifest, or one of a newer version; ConfigError for an unusable key.
    """
    expected = parse_public_key(public_key) if public_key is not None else None
    folder = folder_of(path)
    try:
        header, raw = parse_header(folder / HEADER)
    except DamagedManifest as error:
        return Verification(folder, None, None, (str(error),), True, None, False, UNREAD, 0, 0, False)
    broken = [*_header_problems(header, raw), *_file_problems(folder, header)]
    signer = _signer(header)
    state, earlier = walk_chain(folder, header)
    problems = [*broken, *_signature_problems(header, signer, expected)]
    if state in CHAIN_PROBLEMS:
        problems.append(CHAIN_PROBLEMS[state])
    if deep and not broken:
        problems += row_problems(folder, header)
    if deep:
        problems += _part_problems(folder, header["provenance"])
    return Verification(
        folder=folder,
        run_id=header["run_id"],
        digest=header["digest"],
        problems=tuple(problems),
        unsigned=header["signature"] is None,
        signed_by=signer,
        expected=signer is not None and signer == expected,
        chain=state,
        earlier=earlier,
        findings=header["files"].get(PARQUET, {}).get("rows", 0),
        rows_read=deep and not broken,
    )


def _header_problems(header: Mapping[str, Any], raw: bytes) -> Iterator[str]:
    if raw != json_bytes(header):
        yield f"{HEADER}: its bytes are not as hashsweep writes them"
    if header["digest"] != header_digest(header):
        yield f"{HEADER}: its digest is not that of its content"
    if header["provenance"].get("run_id") != header["run_id"]:
        yield f"{HEADER}: its provenance names another run"
    if set(header["files"]) != {PARQUET, LINES}:
        yield f"{HEADER}: does not name {PARQUET} and {LINES} alone"


def _file_problems(folder: Path, header: Mapping[str, Any]) -> Iterator[str]:
    for name in (PARQUET, LINES):
        entry = header["files"].get(name)
        if entry is None:
            continue
        try:
            size = (folder / name).stat().st_size
            if size != entry["bytes"]:
                yield f"{name}: {size} bytes where {entry['bytes']} were written"
            elif file_digest(folder / name) != entry["sha256"]:
                yield f"{name}: its bytes are not the ones that were written"
        except OSError as error:
            yield f"{name}: {error.strerror}"


def _signer(header: Mapping[str, Any]) -> str | None:
    signature = header["signature"]
    if signature is None or not holds(signature, header["digest"]):
        return None
    return str(signature["public_key"])


def _signature_problems(header: Mapping[str, Any], signer: str | None, expected: str | None) -> Iterator[str]:
    if header["signature"] is not None and signer is None:
        yield "its signature does not hold"
    elif expected is not None and signer is None:
        yield "unsigned, where a signature by the given key is expected"
    elif expected is not None and signer != expected:
        yield "signed by another key than the given one"


def _inside(path: str) -> bool:
    """Tell whether a path stays below the folder that it is relative to."""
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and ".." not in pure.parts


def _part_problems(folder: Path, provenance: Mapping[str, Any]) -> list[str]:
    """Check the files that a run was made of, named by its provenance and by its parts.jsonl."""
    named = provenance.get("parts", [])
    if not isinstance(named, list):
        return [f"{HEADER}: its provenance does not name parts by path and sha256"]
    problems = _differing(folder, named, HEADER)
    if not problems and any(part["path"] == parts.NAME for part in named):
        try:
            problems = _differing(folder, parts.read_parts(folder), parts.NAME)
        except ValueError:
            problems = [f"{parts.NAME}: not what hashsweep wrote"]
    return problems


def _differing(folder: Path, named: Iterable[Any], source: str) -> list[str]:
    missing, changed, total = [], [], 0
    for total, part in enumerate(named, 1):  # noqa: B007 - counts what is named
        if not _named(part):
            return [f"{source}: does not name parts by path and sha256"]
        digest = _digest(folder / part["path"])
        if digest is None:
            missing.append(part["path"])
        elif digest != part["sha256"]:
            changed.append(part["path"])
    problems = []
    if missing:
        problems.append(f"{len(missing)} of {total} parts are not there, such as {missing[0]}")
    if changed:
        words = "parts are not the ones that the run was made of, such as"
        problems.append(f"{len(changed)} of {total} {words} {changed[0]}")
    return problems


def _named(part: Any) -> bool:
    texts = isinstance(part, dict) and all(isinstance(part.get(name), str) for name in ("path", "sha256"))
    return texts and _inside(part["path"])


def _digest(path: Path) -> str | None:
    try:
        return file_digest(path)
    except (OSError, ValueError):
        return None
