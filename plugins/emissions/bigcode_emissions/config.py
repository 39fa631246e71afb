"""Settings of the meters; the numbers themselves come from the EmissionsPolicy."""

from __future__ import annotations

from bigcode.api import Config


class NameplateConfig(Config):
    """Nothing to set."""


class MeteredConfig(Config):
    """Settings of `emissions.metered`."""

    load: bool = False
    """Multiply the power of the policy with the measured load where no counter was read. A processor that is idle
    uses power too, so that this may be too little."""
