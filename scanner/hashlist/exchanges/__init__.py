"""What clearing houses offer to programs: their calls, and the safe way to read all of what changed."""
