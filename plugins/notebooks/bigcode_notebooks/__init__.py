"""Notebooks as text: a sequence of cells with marks between them, or a script."""
