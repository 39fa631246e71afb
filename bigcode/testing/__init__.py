"""The contract kit for authors of plugins. It imports `bigcode.api` alone."""
