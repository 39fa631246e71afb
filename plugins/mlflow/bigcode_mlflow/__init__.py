"""A mirror of runs in MLflow: written, never read back, and never in the way of the work."""
