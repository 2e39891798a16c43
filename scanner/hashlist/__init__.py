"""Hash lists: what is known, from the file of a clearing house to the partitioned hash table."""
