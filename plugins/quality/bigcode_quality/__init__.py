"""Text statistics of a file, for the quality rules of a Dataset."""
