"""The calls of exchanges, against real HTTP servers that misbehave as the real ones do."""
