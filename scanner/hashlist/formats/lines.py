"""The only place where the file of a list is read as lines of text."""

from collections.abc import Generator
from pathlib import Path

from scanner.errors import HashListError

MAX_LINE = 16 << 20
"""Bytes of the longest line that is read; a longer one is no row of a list."""

BARE_CR = "its line ends are CR alone; save the file with LF or CRLF line ends"


def lines_of(file: Path) -> Generator[str, None, None]:
    """Yield the lines of a UTF-8 file with their ends, without a byte order mark."""
    with file.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE + 1), b""), 1):
            if len(line) > MAX_LINE:
                cause = BARE_CR if b"\r" in line else "not a list"
                raise HashListError(f"{file}, line {number}: longer than {MAX_LINE} bytes; {cause}")
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                raise HashListError(f"{file}, line {number}: not UTF-8; convert the file first") from None
            yield text.removeprefix("\ufeff") if number == 1 else text
