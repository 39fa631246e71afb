"""Settings of the generator; what the licence says comes from the License resource."""

from __future__ import annotations

from bigcode.api import Config


class OpenRailConfig(Config):
    """Nothing to set."""
