"""Whether what a Model declares of its cost fits together: hours, days, devices, operations, utilisation, emissions.

A difference over the tolerance of the plan is a finding, a warning that says what would satisfy it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bigcode.api.diagnostics import Diagnostic, Place
from bigcode.api.units import parse_unit
from bigcode.plan.compute import FORMULAS
from bigcode.plan.memory import memory
from bigcode.plan.training import Training, training_of
from bigcode.spec.workspace import Workspace

TOLERANCE = 0.05
"""For a Model without a plan, which would state one."""


def check_compute(workspace: Workspace, address: str) -> list[Diagnostic]:
    """The findings of a Model, each a warning.

    Raises:
        Problem: E105 for a device or an architecture that cannot be.
    """
    run = training_of(workspace, address)
    place = workspace.place(address, "spec", "plan")
    out: list[Diagnostic] = []
    if run.plan:
        if run.unknown:
            out.append(_finding(run.unknown, place, "The plan of this model is not checked."))
        out += _check_time(run, place)
        out += _check_machines(workspace, run, place)
    return out + list(_check_facts(workspace, run))


def _check_time(run: Training, place: Place) -> Iterator[Diagnostic]:
    plan, devices = run.plan, run.plan.devices
    of_days = plan.days * 24 * devices if plan.days else None
    if plan.gpu_hours and of_days and _differ(plan.gpu_hours, of_days, plan.tolerance):
        yield _finding(
            f"{show(plan.gpu_hours)} device hours are not {show(plan.days)} days on {devices:,} devices, "
            f"which make {show(of_days)}",
            place,
            f"{show(plan.gpu_hours)} hours take {show(plan.gpu_hours / 24 / devices)} days on {devices:,} devices, "
            f"or {show(plan.gpu_hours / 24 / plan.days)} devices for {show(plan.days)} days.",
        )
    hours, stated = plan.gpu_hours or of_days, run.hours()
    if hours and stated is not None and run.device is not None:
        reached = run.flops() / (hours * 3600 * run.device.peak)
        if reached > 1:
            yield _finding(
                f"{show(run.flops())} FLOP in {show(hours)} device hours are more than the {run.device.name} can do",
                place,
                f"At its peak it takes {show(run.flops() / run.device.peak / 3600)} hours.",
            )
        elif _differ(hours, stated, plan.tolerance):
            yield _finding(
                f"{show(hours)} device hours are a utilisation of {reached:.1%}, the plan says {plan.utilisation:.1%} "
                f"of {run.device.peak / 1e12:,.1f} TFLOP/s ({run.formula})",
                place,
                f"`utilisation: {reached:.3f}`, or {show(stated)} device hours, would satisfy it.",
            )


def _check_machines(workspace: Workspace, run: Training, place: Place) -> Iterator[Diagnostic]:
    runtime = workspace.resources[run.address].spec.runtime
    started = runtime.nodes * runtime.processes
    if started > 1 and started != run.ranks:
        yield _finding(
            f"the runtime starts {started:,} ranks, the plan counts {run.ranks:,} devices",
            place,
            f"`nodes` times `processes` should be {run.ranks:,}.",
        )
    if run.shape is None or run.device is None:
        return
    held = next(e for e in memory(run, run.shape) if e.name == "memory.total")
    room = run.device.memory
    if held.value > room:
        fits = held.low is not None and held.low <= room
        more = f"`recompute: true` takes {(held.low or 0) / 1e9:,.1f} GB. " if fits else ""
        yield _finding(
            f"a rank takes {held.value / 1e9:,.1f} GB, the {run.device.name} has {room / 1e9:,.0f} GB",
            place,
            f"{more}A smaller `microBatch`, `sharding: fsdp` over more devices, or `tensor` would satisfy it.",
        )


def _check_facts(workspace: Workspace, run: Training) -> Iterator[Diagnostic]:
    """Declared facts against what the spec gives, where their names are those of this module."""
    facts = workspace.resources[run.address].spec.facts
    said = {fact.id: float(fact.value) for fact in facts if isinstance(fact.value, int | float)}
    hours = said.get("device.hours") or (run.plan.gpu_hours if run.plan else None) or run.hours()
    expected = dict(_expected(run, hours))
    tolerance = run.plan.tolerance if run.plan else TOLERANCE
    for index, fact in enumerate(facts):
        if fact.id not in expected or not isinstance(fact.value, int | float):
            continue
        place = workspace.place(run.address, "spec", "facts", index, "value")
        value, unit, hint = expected[fact.id]
        found, wanted = parse_unit(fact.unit), parse_unit(unit)
        if found.dims != wanted.dims:
            yield _finding(
                f"{fact.id} is declared in {fact.unit}, it is measured in {unit}", place, f"Write {unit}."
            )
            continue
        declared = float(fact.value) * found.scale / wanted.scale
        near = [value, *_also(run, fact.id, hours)]
        if all(_differ(declared, other, tolerance) for other in near):
            yield _finding(
                f"{fact.id} is declared as {show(declared)} {unit}, the spec gives {show(value)}",
                place,
                _explain(run, fact.id, declared, hours, tolerance) or hint,
            )


def _expected(run: Training, hours: float | None) -> Iterator[tuple[str, tuple[float, str, str]]]:
    """What each declared fact should be: value, unit, and what to look at."""
    yield "tokens.seen", (run.tokens, "token", "`budget.tokens` says how many tokens are trained on.")
    if run.shape is not None:
        yield "parameters", (run.shape.parameters, "parameter", "The architecture gives the exact number.")
        counts = ", ".join(f"{formula} {show(run.flops(formula))}" for formula in FORMULAS)
        yield "flops", (run.flops(), "FLOP", f"By formula: {counts}. Recomputation would come on top.")
    if run.plan:
        yield "devices", (run.plan.devices, "device", "`plan.devices` says how many.")
        yield "utilisation", (run.plan.utilisation, "1", "`plan.utilisation` says it.")
        stated = run.plan.gpu_hours or run.hours()
        if stated:
            yield "device.hours", (stated, "device*h", "`plan.gpuHours` or the utilisation gives it.")
        if hours:
            yield "wall", (hours / 24 / run.plan.devices, "d", "Device hours over the devices.")
    if hours and run.policy is not None:
        power, grid = run.policy.spec.power.per_device, run.policy.spec.grid_intensity.value
        energy = hours * power / 1000 * run.policy.spec.pue.value
        yield "energy", (energy, "kWh", f"{show(hours)} hours x {power:g} W, with or without PUE.")
        yield "emissions", (energy * grid, "kgCO2e", f"{show(energy)} kWh x {grid:g} kgCO2e/kWh.")


def _also(run: Training, fact: str, hours: float | None) -> list[float]:
    """Other values that a declared fact may have: energy is often stated for the devices alone."""
    if fact == "energy" and hours and run.policy is not None:
        return [hours * run.policy.spec.power.per_device / 1000]
    return []


def _explain(run: Training, fact: str, declared: float, hours: float | None, tolerance: float) -> str:
    if fact != "emissions" or not hours or run.policy is None:
        return ""
    policy: Any = run.policy.spec
    without = hours * policy.power.per_device / 1000 * policy.grid_intensity.value
    if _differ(declared, without, tolerance):
        return ""
    return (
        f"It leaves out the PUE of {policy.pue.value:g} that {run.policy.address} states: "
        f"{show(without)} kgCO2e without it, {show(without * policy.pue.value)} with it."
    )


def _differ(value: float, other: float, tolerance: float) -> bool:
    return abs(value - other) > tolerance * abs(other)


def _finding(message: str, place: Place, hint: str) -> Diagnostic:
    return Diagnostic("E610", message, place, hint, "warning")


def show(value: float) -> str:
    """A number for a person: whole numbers with separators, large ones by power of ten, others to four digits."""
    if abs(value) >= 1e9:
        return f"{value:.4g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
