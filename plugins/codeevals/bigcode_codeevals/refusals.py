"""The diagnostic codes that this plugin gives."""

from __future__ import annotations

NO_SANDBOX = "E806"
"""Untrusted programs cannot be contained on this machine."""
SANDBOX_FAILED = "E807"
"""A sandbox broke; its programs have no verdict."""
SUITE_ALTERED = "E702"
SUITE_UNREADABLE = "E708"
NO_TOKENIZER = "E805"
NOT_OFFERED = "E307"
MAYBE_KNOWN = "E808"
"""A warning: the training data may hold the suite."""
