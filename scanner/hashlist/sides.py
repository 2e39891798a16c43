"""The only place where sorted entries are read side by side, so that no side need fit into memory."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from scanner.errors import HashListError

RECORD = ("member", "entry_id")
"""What names a record of a clearing house: the first two parts of an entry's key."""

MAX_ROWS = 2_000_000
"""Rows of one record; they are looked at together, and a list with more of them is none."""

Name = tuple[bytes, bytes]


def side_by_side(
    sides: Sequence[Iterator[pa.Table]], empty: Sequence[pa.Table]
) -> Iterator[tuple[pa.Table, ...]]:
    """Yield ranges of several sides that are sorted by `RECORD` at least: each record whole on all of them.

    Ranges come in that order; a side has rows of the schema of its `empty` table, or none.
    """
    held = [_Side(side, none) for side, none in zip(sides, empty, strict=True)]
    while True:
        bounds = [side.bound() for side in held]
        known = [bound for bound in bounds if bound is not None]
        if not known:
            rest = tuple(side.rest() for side in held)
            if any(map(len, rest)):
                yield rest
            return
        cut = min(known)
        yield tuple(side.below(cut) for side in held)


class _Side:
    """The next rows of one side."""

    def __init__(self, tables: Iterator[pa.Table], empty: pa.Table) -> None:
        self._tables, self._held, self._over = tables, empty, False

    def bound(self) -> Name | None:
        """Return the first name that may still come in rows that were not read; None where there are none.

        Rows before it are held whole; so rows are read until there are some.
        """
        while not self._over and (not len(self._held) or self._name(0) == self._name(len(self._held) - 1)):
            if len(self._held) > MAX_ROWS:
                raise HashListError(f"more than {MAX_ROWS:,} rows speak of one entry; not a list")
            following = next(self._tables, None)
            if following is None:
                self._over = True
            else:
                self._held = pa.concat_tables([self._held, following]) if len(self._held) else following
        return None if self._over else self._name(len(self._held) - 1)

    def _name(self, row: int) -> Name:
        member, entry_id = (self._held.column(name)[row].as_py().encode() for name in RECORD)
        return member, entry_id

    def below(self, cut: Name) -> pa.Table:
        """Return the held rows before a name, and hold the others."""
        low, high = 0, len(self._held)
        while low < high:
            middle = (low + high) // 2
            if self._name(middle) < cut:
                low = middle + 1
            else:
                high = middle
        before, self._held = self._held.slice(0, low), self._held.slice(low)
        return before

    def rest(self) -> pa.Table:
        """Return all held rows: nothing comes after them."""
        rows, self._held = self._held, self._held.slice(0, 0)
        return rows
