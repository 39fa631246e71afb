"""Suites: where their tasks come from, and what a completion is judged by."""
