"""Energy and emissions of device hours: low, central and high, each with what it counts."""

from __future__ import annotations

from bigcode.api.resource import Resource
from bigcode.plan.devices import Device
from bigcode.plan.estimates import Estimate
from bigcode.spec.workspace import Workspace

_RUNNING, _IDLE, _MADE = 24.7, 14.6, 11.2
_ENERGY_RUNNING, _ENERGY_IDLE = 433_196.0, 256_646.0
"""BLOOM, in tonnes of CO2e and in kWh: the final run, idle machines, and the making of the hardware.

Source: Luccioni et al. 2022, Estimating the carbon footprint of BLOOM, table 3.
"""


def policy_of(workspace: Workspace, address: str) -> Resource | None:
    """The EmissionsPolicy for a model: the one its plan names, else that of its release, else the only one that
    counts training."""
    plan = workspace.resources[address].spec.plan
    if plan and plan.emissions:
        return workspace.get(plan.emissions)
    for resource in workspace.resources.values():
        if resource.kind == "Release" and resource.spec.artifacts.model and resource.spec.emissions:
            if workspace.address_of(resource.spec.artifacts.model) == address:
                return workspace.get(resource.spec.emissions)
    policies = [
        r for r in workspace.resources.values() if r.kind == "EmissionsPolicy" and "training" in r.spec.scope
    ]
    return policies[0] if len(policies) == 1 else None


def footprint(address: str, hours: float, device: Device, policy: Resource | None) -> list[Estimate]:
    """Energy in kWh, and emissions in kgCO2e where a policy says the intensity of the grid."""
    spec = policy.spec if policy else None
    power = spec.power.per_device if spec else device.power
    pue = spec.pue.value if spec else 1.0
    used = hours * power / 1000
    most = hours * max(power, device.power) / 1000 * pue
    idle = 1 + _ENERGY_IDLE / _ENERGY_RUNNING
    said = (
        f"device hours x {power:g} W x PUE {pue:g}"
        if spec
        else f"device hours x {power:g} W of the {device.name}; no EmissionsPolicy says a PUE"
    )
    bounds = (
        f"low: the devices alone; high: {max(power, device.power):g} W and machines as idle as those of BLOOM"
    )
    out = [Estimate(address, "energy", used * pue, "kWh", f"{said}; {bounds}", used, most * idle)]
    if policy is None or spec is None:
        return out
    intensity = spec.grid_intensity.value
    made = 1 + spec.embodied.share
    upper = max((_RUNNING + _IDLE + _MADE) / _RUNNING, idle * made)
    method = (
        f"energy x {intensity:g} kgCO2e/kWh ({policy.address})"
        + (f" and an embodied share of {spec.embodied.share:g}" if spec.embodied.share else "")
        + f"; {bounds}, and hardware made as for BLOOM"
    )
    return [
        *out,
        Estimate(
            address,
            "emissions",
            used * pue * intensity * made,
            "kgCO2e",
            method,
            used * intensity,
            most * intensity * upper,
        ),
    ]
