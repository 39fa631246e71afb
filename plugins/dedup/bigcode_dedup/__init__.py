"""Near-duplicates among files."""
