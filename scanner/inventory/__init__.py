"""The only place for what there is to scan: listed once, frozen into parts, never listed again by workers."""

from scanner.inventory.parts import Part, frozen_parts, list_parts, read_part
from scanner.inventory.totals import Totals, reconcile

__all__ = ["Part", "Totals", "frozen_parts", "list_parts", "read_part", "reconcile"]
