"""Energy = device hours x power per device x PUE; emissions = energy x grid intensity.

The power of a device is what its maker prints (or what the policy declares), so the result is an upper
bound of the kind that Lacoste et al. (2019, "Quantifying the Carbon Emissions of Machine Learning") describe.
PUE is applied once. Nothing here reads a meter of the machine, a clock or the policy's scope, which is prose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bigcode.api import Diagnostic, Fact, ProcessContext, parse_unit
from bigcode_emissions.config import NameplateConfig
from bigcode_emissions.formulas import Amount, product, total

_HOUR = parse_unit("h").dims


class NameplateMeter:
    """A process that turns the device hours of stages into facts; it writes no file.

    `ctx.params` holds `policy` (an EmissionsPolicy) and `stages`, a list of `{stage, node, fact}` with an
    optional `devices`. Facts named there are looked up in `ctx.facts("stages")`; units `device*h` and plain
    times are understood, the latter taken for as many devices as the stage says (one by default). Several
    entries of one stage are summed.
    """

    def __init__(self, config: NameplateConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        """Record the facts.

        Raises:
            ValueError: when a stage's fact is neither device hours nor a time.
        """
        policy: Mapping[str, Any] = ctx.params["policy"]
        intensity, pue, power = declare_policy(policy)
        for amount in (intensity, pue, power):
            ctx.fact(amount.fact)

        energies, emissions, complete = [], [], True
        known = {fact.id: fact for fact in ctx.facts("stages")}
        for stage, entries in group_stages(ctx.params["stages"]):
            hours = [found for entry in entries if (found := find_hours(ctx, entry, known)) is not None]
            complete = complete and len(hours) == len(entries)
            if not hours:
                continue
            used = total(f"device.hours{{stage={stage}}}", f"Device time of {stage}", "device*h", hours)
            factors = {"h": used, "p": power, "u": pue}
            energy = product(f"energy{{stage={stage}}}", f"Energy of {stage}", "kWh", factors)
            factors = {"e": energy, "i": intensity}
            emitted = product(f"emissions{{stage={stage}}}", f"Emissions of {stage}", "kgCO2e", factors)
            for amount in (used, energy, emitted):
                ctx.fact(amount.fact)
            energies.append(energy)
            emissions.append(emitted)
        if energies:
            sum_up(ctx, policy, energies, emissions, complete)


def declare_policy(policy: Mapping[str, Any]) -> tuple[Amount, Amount, Amount]:
    grid, pue, power = policy["gridIntensity"], policy["pue"], policy["power"]
    region = f"region {grid['region']}" if grid.get("region") else ""
    return (
        _declare("grid.intensity", "Grid intensity", grid["value"], "kgCO2e/kWh", grid, region),
        _declare("pue", "Power usage effectiveness", pue["value"], "1", pue),
        _declare("power", "Power of a device", power["perDevice"], "W/device", power, power["basis"]),
    )


def _declare(
    name: str, label: str, value: float, unit: str, said: Mapping[str, Any], method: str = ""
) -> Amount:
    fact = Fact(
        name, value, unit, "declared", label, source=said["source"], as_of=said["asOf"], method=method
    )
    return Amount(fact)


def group_stages(
    stages: Iterable[Mapping[str, Any]],
) -> Iterable[tuple[str, Sequence[Mapping[str, Any]]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in stages:
        groups.setdefault(entry["stage"], []).append(entry)
    return [(stage, sorted(groups[stage], key=lambda e: e["fact"])) for stage in sorted(groups)]


def find_hours(ctx: ProcessContext, entry: Mapping[str, Any], known: Mapping[str, Fact]) -> Amount | None:
    """Device hours of one node, or None with a warning when the node recorded none."""
    fact = known.get(entry["fact"])
    if fact is None or not isinstance(fact.value, int | float):
        ctx.warn(
            Diagnostic(
                "E613",
                f"stage {entry['stage']} has no value for {entry['fact']}; its emissions are not measured",
                hint="The total covers the stages that recorded their device time.",
                severity="warning",
            )
        )
        return None
    if parse_unit(fact.unit).dims != _HOUR:
        return Amount(fact)
    devices = Amount(
        Fact(
            f"devices{{stage={entry['stage']},node={entry['node']}}}",
            entry.get("devices", 1),
            "device",
            "estimated",
            f"Devices of {entry['stage']}",
            method="devices that the list of stages names, one where it names none",
        )
    )
    ctx.fact(devices.fact)
    hours = product(
        f"device.hours{{stage={entry['stage']},node={entry['node']}}}",
        f"Device time of a node of {entry['stage']}",
        "device*h",
        {"n": devices, "t": Amount(fact)},
    )
    ctx.fact(hours.fact)
    return hours


def sum_up(
    ctx: ProcessContext,
    policy: Mapping[str, Any],
    energies: Sequence[Amount],
    emissions: Sequence[Amount],
    complete: bool,
) -> None:
    """Totals, with the embodied share on top where the policy says where it comes from."""
    of = "all stages" if complete else "the measured stages"
    ctx.fact(total("energy", f"Energy of {of}", "kWh", energies).fact)
    embodied = policy.get("embodied") or {}
    if embodied.get("share") and not embodied.get("source"):
        ctx.warn(
            Diagnostic(
                "E613",
                "the embodied share of the policy names no source and is left out",
                hint="Write `embodied.source`.",
                severity="warning",
            )
        )
    elif embodied.get("share"):
        operation = total("emissions.operation", f"Operational emissions of {of}", "kgCO2e", emissions)
        share = Amount(
            Fact(
                "embodied.share",
                embodied["share"],
                "1",
                "declared",
                "Embodied emissions as a share of operational ones",
                source=embodied["source"],
                as_of=policy["power"]["asOf"],
            )
        )
        factors = {"m": share, "o": operation}
        made = product("emissions.embodied", "Embodied emissions of the hardware", "kgCO2e", factors)
        for amount in (operation, share, made):
            ctx.fact(amount.fact)
        emissions = [operation, made]
    ctx.fact(total("emissions", f"Emissions of {of}", "kgCO2e", emissions).fact)
