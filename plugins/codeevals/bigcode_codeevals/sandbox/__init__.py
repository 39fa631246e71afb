"""Untrusted programs in sandboxes of their own, judged by a process that never runs their code."""
