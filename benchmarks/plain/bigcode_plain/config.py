"""Settings of the observers: none."""

from __future__ import annotations

from bigcode.api import Config


class PlainConfig(Config):
    """Nothing can be set."""
