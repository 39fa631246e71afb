"""Tasks of evaluation suites, found in files."""
