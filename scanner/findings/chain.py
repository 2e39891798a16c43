"""The only place where the manifests before a manifest are followed, each by the digest that names it."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from scanner.errors import ManifestError
from scanner.findings.manifest import HEADER, header_digest, parse_header

CHAIN_PROBLEMS = {
    "broken": "an earlier manifest is not there, although one from before it is",
    "different": "an earlier manifest is not the one that is named",
}
"""What is wrong with a chain that ended so; where its oldest manifests alone are missing, nothing is."""


def walk_chain(folder: Path, header: Mapping[str, Any]) -> tuple[str, int]:
    """Follow the manifests before this one; return how that ended, and after how many.

    It ends as `first`, `holds`, `missing` (the oldest ones are not there), `broken` or `different`.
    """
    runs = folder.resolve().parent
    earlier = 0
    while (link := header["previous"]) is not None:
        file = runs / link["run_id"] / HEADER
        if not _is_name(link["run_id"]):
            return "different", earlier
        try:
            if not file.exists():
                return ("broken" if any(_before(header, runs)) else "missing"), earlier
            header, _ = parse_header(file)
        except (ManifestError, OSError):
            return "different", earlier
        if (header_digest(header), header["run_id"]) != (link["digest"], link["run_id"]):
            return "different", earlier
        earlier += 1
    return ("holds" if earlier else "first"), earlier


def _before(header: Mapping[str, Any], runs: Path) -> Iterator[Path]:
    """Yield the manifests from before this one, of the same targets: retention would have removed them first.

    What this one says that it left aside, for it could not be read then, was never in the chain.
    """
    own = header["provenance"]
    targets, end, aside = (own.get(name) for name in ("target_key", "finished_at", "left_aside"))
    if not isinstance(targets, str) or not isinstance(end, str):
        return
    for file in runs.glob(f"*/{HEADER}"):
        try:
            other, _ = parse_header(file)
        except ManifestError:
            continue
        same = other["provenance"].get("target_key") == targets
        ended = other["provenance"].get("finished_at")
        linked = not isinstance(aside, list) or other["run_id"] not in aside
        if same and linked and isinstance(ended, str) and ended < end:
            yield file


def _is_name(run_id: str) -> bool:
    """Tell whether a run's id can only be the name of a folder beside this one."""
    return run_id not in ("", "..") and PurePosixPath(run_id).name == run_id
