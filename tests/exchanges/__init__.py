"""Exchanges of hash lists, as small real HTTP servers with every fault that the real ones have shown."""
