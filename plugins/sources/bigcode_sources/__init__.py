"""Collectors: source releases of a package index, pinned commits of Git repositories, and tables of files."""
