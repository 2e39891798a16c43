"""The only place where the texts of PDQ tools are read: a hash a line, with or without its quality."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from scanner.errors import HashListError
from scanner.hashlist.columns import FileColumns
from scanner.hashlist.formats.lines import lines_of
from scanner.hashlist.row import Numbered
from scanner.hashlist.values import Refusal

MIN_QUALITY = 50
"""Quality below which a PDQ says too little of its picture (Meta, "The TMK+PDQF video-hashing algorithm and
the PDQ image-hashing algorithm", 2019)."""


def read_pdq(file: Path, columns: FileColumns) -> Iterator[Numbered]:
    """Yield the rows of `hash`, `hash,quality` or `hash,quality,filename` lines; no file name is kept.

    Lines of nothing, of a comment (#) and of these very words are none. What is of low quality is refused.
    """
    del columns
    empty = True
    with contextlib.closing(lines_of(file)) as lines:
        for number, line in enumerate(lines, 1):
            value, comma, rest = (part.strip() for part in line.partition(","))
            if not value or value.startswith("#") or (value.lower(), number) == ("hash", 1):
                continue
            empty = False
            quality = rest.partition(",")[0].strip()
            if not comma or (quality.isascii() and quality.isdigit() and int(quality[:9]) >= MIN_QUALITY):
                yield number, {"algorithm": "pdq", "value": value}
            else:
                yield number, Refusal.LOW_QUALITY if quality.isdigit() else Refusal.MALFORMED_ROW
    if empty:
        raise HashListError(f"{file}: empty; not a list")
