"""Evaluations of a code model on held-out text: bits per byte and ranked continuations."""
