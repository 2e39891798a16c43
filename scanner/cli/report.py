"""The only place where a run's end is put into words for a person."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from scanner.cli.options import near
from scanner.conclusion import Conclusion
from scanner.errors import Exit

CROWDS_SHOWN = 5
"""Entries that very many objects match, of which a line is printed."""

WORDS = {
    Exit.CLEAN: "complete, nothing found in what was read",
    Exit.FINDINGS: "complete, with findings for people to judge: a match is not a verdict",
    Exit.INCOMPLETE: "incomplete",
}


def print_conclusion(conclusion: Conclusion, console: Console) -> None:
    """Say what was found, what was not read and why, and what to do next."""
    said = conclusion.summary()
    coverage, inventory = said["coverage"], said["inventory"]
    console.print(_outcomes(coverage))
    if coverage["unseen"]:
        console.print(_unseen(coverage["unseen"]))
    markers = inventory["delete_markers"]
    listed = f"{inventory['objects']:,} object versions listed"
    if said["rematch_of"] is not None:
        listed = f"stored fingerprints of run {said['rematch_of']}: {listed} then"
    console.print(
        f"{listed}, {inventory['bytes'] / 1e6:,.1f} MB" + (f"; {markers:,} delete markers" * bool(markers))
    )
    console.print(f"{said['counts']['findings']:,} findings; {said['expected_false_matches']['words']}")
    dropped = said["counts"].get("not_findings", {})
    if any(dropped.values()):
        console.print(_dropped(dropped))
    for line in _crowds(said["counts"]):
        console.print(line)
    console.print(f"run {said['run_id']}: {WORDS[conclusion.exit_code]}")
    for reason in conclusion.reasons:
        console.print(f"  {reason}")
    console.print(f"manifest: {near(conclusion.folder / 'manifest.json')}")


def _dropped(counts: dict[str, int]) -> str:
    """Say what the policies of lists kept from being findings, so that no setting hides it in silence."""
    far, objects = counts["beyond_list_distance"], counts["objects"]
    return (
        f"{counts['ignored']:,} matches of ignored classifications and {far:,} beyond the distance of their "
        f"list are no findings; {objects:,} objects matched nothing else"
    )


def _crowds(counts: dict[str, Any]) -> Iterator[str]:
    """Name the entries that very many objects match, and say where a finding does not name all it matches."""
    crowded = counts.get("crowded_entries")
    if crowded:
        for entry in crowded["most"][:CROWDS_SHOWN]:
            name = "/".join(filter(None, (entry["list"], entry["member"], entry["entry_id"])))
            yield (
                f"entry {name} ({entry['algorithm']}) matched more than {crowded['more_than']:,} objects: "
                f"{entry['findings']:,}"
            )
        if crowded["entries"] > CROWDS_SHOWN:
            yield f"and so did {crowded['entries'] - CROWDS_SHOWN:,} other entries; the manifest has more"
    if counts.get("matches_omitted"):
        yield f"{counts['matches_omitted']:,} further entries lie near objects whose nearest ones are named"


def _outcomes(coverage: dict[str, dict[str, dict[str, int]]]) -> Table:
    table = Table("outcome", "objects", "why", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for outcome, count in sorted(coverage["outcomes"].items(), key=lambda item: (-item[1], item[0])):  # type: ignore[operator]
        reasons = sorted(coverage["reasons"].get(outcome, {}).items(), key=lambda item: -item[1])
        why = "; ".join(f"{reason} ({number:,})" for reason, number in reasons[:4])
        more = f"; {len(reasons) - 4} more" if len(reasons) > 4 else ""
        table.add_row(outcome, f"{count:,}", why + more)
    return table


def _unseen(unseen: dict[str, dict[str, int]]) -> Table:
    table = Table("never looked inside", "objects", "bytes", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for media_type, counts in sorted(unseen.items(), key=lambda item: -item[1]["bytes"]):
        table.add_row(media_type, f"{counts['objects']:,}", f"{counts['bytes']:,}")
    return table
