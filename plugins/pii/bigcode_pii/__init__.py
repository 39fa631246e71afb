"""Personal data and secrets in source text."""
