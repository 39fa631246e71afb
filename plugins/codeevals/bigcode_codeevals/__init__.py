"""Suites of code tasks for causal language models, and the sandbox in which their programs run."""
