"""Settings of the meter; the numbers themselves come from the EmissionsPolicy."""

from __future__ import annotations

from bigcode.api import Config


class NameplateConfig(Config):
    """Nothing to set."""
