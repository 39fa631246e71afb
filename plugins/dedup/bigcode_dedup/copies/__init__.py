"""Copies of files: reformatted, or pasted into larger ones."""
