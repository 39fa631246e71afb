"""Canonical JSON (RFC 8785 for the values used here: no floats that JSON and Python print differently) and digests."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical(value: Any) -> bytes:
    """Keys sorted, no white space, UTF-8.

    Raises:
        ValueError: for NaN and infinities.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def key_of(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value."""
    return digest(canonical(value))
