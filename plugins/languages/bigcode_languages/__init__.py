"""The language of a file, and whether it is generated, vendored, a test or documentation."""
