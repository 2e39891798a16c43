"""The only place where it is counted how many values look like the hash that they are said to be."""

from dataclasses import dataclass

import pyarrow as pa

from scanner.hashlist.entries import entries_of, values_of
from scanner.hashlist.values import balanced


@dataclass
class Weights:
    """How many PDQ and SHA-256 values there are, and how many of each have exactly half of their bits set.

    Both are 64 characters long, so that a mixed-up column is read without a complaint and matches nothing.
    """

    pdq: int = 0
    balanced_pdq: int = 0
    sha256: int = 0
    balanced_sha256: int = 0

    def add(self, table: pa.Table) -> None:
        """Count the next entries."""
        pdq, sha256 = (values_of(entries_of(table, name).column("value"), 32) for name in ("pdq", "sha256"))
        self.pdq, self.sha256 = self.pdq + len(pdq), self.sha256 + len(sha256)
        self.balanced_pdq += balanced(pdq)
        self.balanced_sha256 += balanced(sha256)

    @property
    def unusual(self) -> int:
        """Return how many PDQ values are unusual."""
        return self.pdq - self.balanced_pdq

    def remarks(self) -> list[str]:
        """Say where PDQ values are unusual, and where PDQ and SHA-256 look mixed up."""
        remarks = []
        if self.unusual:
            remarks.append(f"{self.unusual:,} of {self.pdq:,} PDQ values do not have exactly 128 ones")
        if self.unusual > self.pdq / 2:
            remarks.append("most PDQ values do not look like PDQ: are they another hash of 64 characters?")
        if self.sha256 >= 20 and self.balanced_sha256 > self.sha256 / 2:
            remarks.append("most SHA-256 values look like PDQ: is the algorithm right?")
        return remarks
