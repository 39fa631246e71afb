"""Energy as the machines metered it, and what their makers print where none did.

For each node of a stage, the first of these that it recorded: counters (`meter.energy`, from RAPL and NVML); device
hours times the power of the policy times the load of the processors or accelerators, where the settings ask for it;
device hours times that power. Each stage says which it was. PUE is applied once, to what the machines used, and both
sides of it are facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bigcode.api import Fact, ProcessContext
from bigcode_emissions.config import MeteredConfig
from bigcode_emissions.formulas import Amount, product, total
from bigcode_emissions.nameplate import declare_policy, find_hours, group_stages, sum_up

_BASES = {"nameplate": "nameplate", "constant": "constant", "measured": "constant, measured elsewhere"}


class Metered:
    """A process that turns what nodes metered into energy and emissions, as facts; see `NameplateMeter` for what it
    is given. Facts of a node's meter are found beside its device hours."""

    def __init__(self, config: MeteredConfig) -> None:
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
        known = {fact.id: fact for fact in ctx.facts("stages")}
        used, energies, emissions, complete = [], [], [], True
        for stage, entries in group_stages(ctx.params["stages"]):
            nodes = [(entry, found) for entry in entries if (found := self._node(ctx, entry, known, power))]
            complete = complete and len(nodes) == len(entries)
            if not nodes:
                continue
            basis = _BASES[policy["power"]["basis"]]
            for fact in self._say(stage, [entry for entry, _ in nodes], known, basis):
                ctx.fact(fact)
            name = f"energy.machines{{stage={stage}}}"
            machines = total(name, f"Energy of {stage} at the machines", "kWh", [a for _, a in nodes])
            factors = {"m": machines, "u": pue}
            energy = product(f"energy{{stage={stage}}}", f"Energy of {stage}", "kWh", factors)
            factors = {"e": energy, "i": intensity}
            emitted = product(f"emissions{{stage={stage}}}", f"Emissions of {stage}", "kgCO2e", factors)
            for amount in (machines, energy, emitted):
                ctx.fact(amount.fact)
            used.append(machines)
            energies.append(energy)
            emissions.append(emitted)
        if energies:
            ctx.fact(total("energy.machines", "Energy at the machines", "kWh", used).fact)
            sum_up(ctx, policy, energies, emissions, complete)

    def _node(
        self, ctx: ProcessContext, entry: Mapping[str, Any], known: Mapping[str, Fact], power: Amount
    ) -> Amount | None:
        """Energy of one node at its machines, or None with a warning when it recorded nothing to tell it by."""
        metered = known.get(_beside(entry, "meter.energy"))
        if metered is not None:
            return Amount(metered)
        hours = find_hours(ctx, entry, known)
        if hours is None:
            return None
        factors = {"h": hours, "p": power}
        if self.config.load and (load := _load(entry, known)):
            factors["l"] = Amount(load)
        name = f"energy.machines{{stage={entry['stage']},node={entry['node']}}}"
        amount = product(name, f"Energy of a node of {entry['stage']} at its machines", "kWh", factors)
        ctx.fact(amount.fact)
        return amount

    def _say(
        self, stage: str, entries: Sequence[Mapping[str, Any]], known: Mapping[str, Fact], basis: str
    ) -> Iterator[Fact]:
        methods, covered = set(), []
        for entry in entries:
            if _beside(entry, "meter.energy") in known:
                methods.add(str(known[_beside(entry, "meter.source")].value))
                covered.append(known[_beside(entry, "meter.covered")].value)
            else:
                loaded = self.config.load and _load(entry, known)
                methods.add(f"{basis} times load" if loaded else basis)
        said = "; ".join(sorted(methods))
        yield Fact(f"energy.method{{stage={stage}}}", said, "text", label=f"How energy of {stage} is known")
        if len(covered) == len(entries):
            words = f"Share of the time of {stage} with samples near"
            method = "the least of its nodes"
            yield Fact(f"energy.covered{{stage={stage}}}", min(covered), "1", label=words, method=method)


def _beside(entry: Mapping[str, Any], name: str, of: str = "") -> str:
    """The id of a fact of the meter of a stage's node."""
    resource, _, step = entry["node"].partition("#")
    return f"{resource}/{name}{{step={step}{of}}}"


def _load(entry: Mapping[str, Any], known: Mapping[str, Fact]) -> Fact | None:
    """How busy the accelerators of a node were, or its processors where it had none."""
    for of in ("gpu", "cpu"):
        if fact := known.get(_beside(entry, "meter.busy", f",of={of}")):
            return fact
    return None
