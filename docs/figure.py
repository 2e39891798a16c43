"""Draw docs/copies.png from the demo: known pictures, their copies in the store, and how they matched.

make demo && .venv/bin/python docs/figure.py demo docs/copies.png
"""

import sys
from collections import defaultdict
from pathlib import Path

import pillow_heif
from PIL import Image, ImageDraw, ImageFont

from scanner.demo import make_store
from scanner.findings.manifest import read_findings
from scanner.records import Finding

CELL, LABEL, COLUMNS = (190, 150), 22, ("known", "exact", "reencoded", "resized", "cropped")


def label_of(finding: Finding | None) -> str:
    """Return the best match of a finding, as a person would say it."""
    if finding is None:
        return "not found"
    best = min(finding.matches, key=lambda match: (match.distance, match.algorithm))
    near = next((match for match in finding.matches if match.algorithm == "pdq"), best)
    shown = near if best.distance else best
    return f"{shown.algorithm}: {shown.distance} bits" if shown.distance else f"{shown.algorithm}: equal"


def main(demo: Path, output: Path) -> None:
    """Draw four known pictures and their copies."""
    pillow_heif.register_heif_opener()
    store = make_store(demo)
    run = max((demo / "workspace" / "runs").iterdir())
    found = {finding.object.identity[2]: finding for finding in read_findings(run)}
    copies = defaultdict(dict)
    for expected in store.expected:
        copies[expected.entry_id].setdefault(expected.kind, expected.key)
    known = {entry.entry_id: entry.key for entry in store.known}
    rows = [entry for entry in known if len(copies[entry]) == len(COLUMNS) - 1][:4]
    sheet = Image.new("RGB", (CELL[0] * len(COLUMNS), (CELL[1] + LABEL) * len(rows) + LABEL), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, name in enumerate(COLUMNS):
        draw.text((column * CELL[0] + 6, 3), name, "black", font)
    for row, entry in enumerate(rows):
        top = LABEL + row * (CELL[1] + LABEL)
        for column, kind in enumerate(COLUMNS):
            key = known[entry] if kind == "known" else copies[entry][kind]
            with Image.open(store.path(key)) as opened:
                picture = opened.convert("RGB")
            picture.thumbnail((CELL[0] - 8, CELL[1] - 4))
            sheet.paste(picture, (column * CELL[0] + 4, top))
            text = "on the list" if kind == "known" else label_of(found.get(key))
            draw.text((column * CELL[0] + 6, top + CELL[1] - 1), text, "black", font)
    sheet.quantize(160).save(output, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
