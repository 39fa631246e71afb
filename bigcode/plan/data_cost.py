"""What building a dataset from nothing would cost, by the fitted model of `costs.py`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bigcode.api.facts import Fact
from bigcode.api.resource import Resource
from bigcode.plan.costs import Costs, Line, Machine, Model, Quantity, Size, breaks, estimate, read_costs
from bigcode.plan.estimates import Estimate
from bigcode.plan.graph import Graph, Node
from bigcode.spec.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Extent:
    """How much text a snapshot holds in how many files, and by whose word."""

    files: float
    bytes: float
    units: int
    method: str


def extent_of(
    snapshot: Resource, units: int, facts: Mapping[str, Fact], bytes_a_file: float
) -> Extent | None:
    """Measured where the snapshot was collected, else declared, else unknown.

    Args:
        units: sources that the collector lists.
        facts: measured facts of the snapshot by id, without those of another state.
        bytes_a_file: how much text is taken to be in a file where nobody says how many there are.
    """
    files, bytes_ = (facts[name].value if name in facts else None for name in ("files", "bytes"))
    if isinstance(files, int | float) and isinstance(bytes_, int | float):
        return Extent(files, bytes_, units, "measured")
    said = snapshot.spec.expects
    if said is None:
        return None
    source = "; ".join(filter(None, (said.source, f"as of {said.as_of}" if said.as_of else "")))
    method = f"declared ({source})" if source else "declared"
    if said.files is None:
        method += f", {bytes_a_file:,.0f} bytes to a file as in the runs that were measured"
    files = said.files or max(1.0, said.bytes / bytes_a_file)
    return Extent(files, said.bytes, said.units or units, method)


def step_of(node: Node) -> str:
    """The name of a node's step in the model: observers by component, since a dataset numbers them as it likes."""
    if node.shape == "observe":
        return f"observe {node.component}"
    return f"{node.resource.partition('/')[0].lower()}.facts" if node.step == "facts" else node.step


def estimate_dataset(
    dataset: Resource,
    workspace: Workspace,
    graph: Graph,
    facts: Mapping[str, Fact],
    costs: Costs | None = None,
) -> list[Estimate]:
    """Estimates of a full build, its snapshot included; none where no size is known.

    Args:
        facts: measured facts of the dataset's snapshot by id; empty where it is not collected.
        costs: those that are shipped, unless given.
    """
    costs = costs or read_costs()
    snapshot = workspace.get(dataset.spec.snapshot)
    nodes = [*graph.of(snapshot.address), *graph.of(dataset.address)]
    fetch = next(n for n in nodes if n.step == "collect.fetch")
    extent = extent_of(snapshot, len(fetch.partitions), facts, costs.bytes_a_file)
    if extent is None:
        return []
    work = _Work(dataset, snapshot, nodes, extent, costs, workspace.project.spec.execution)
    compute = work.compute()
    return [*work.size(), compute, *work.others(), *_emissions(compute, workspace), *work.unknown()]


@dataclass(frozen=True)
class _Work:
    dataset: Resource
    snapshot: Resource
    nodes: list[Node]
    extent: Extent
    costs: Costs
    execution: Any

    @property
    def model(self) -> Model:
        """The steps that this dataset has."""
        known = {step.name: step for step in self.costs.model.steps}
        names = [step_of(node) for node in self.nodes]
        return replace(self.costs.model, steps=[known[name] for name in names if name in known])

    @property
    def machine(self) -> Machine:
        return Machine(cores=(self.execution.workers or 1) * self.execution.threads_per_worker)

    def grow(self, files: float) -> Size:
        """The snapshot with so many files, in sources and files like those that it has and in as many partitions."""
        spec, extent = self.snapshot.spec, self.extent
        bytes_ = extent.bytes * files / extent.files
        return Size(
            bytes_,
            files,
            max(1, math.ceil(extent.units * files / extent.files)),
            spec.blob_partitions or spec.buckets,
            spec.buckets,
            max(1, math.ceil(bytes_ / self.dataset.spec.export.shard_bytes)),
        )

    @property
    def lines(self) -> list[Line]:
        return estimate(self.model, self.grow(self.extent.files), self.machine)

    @property
    def method(self) -> str:
        largest = max(self.costs.corpora.values(), key=lambda corpus: corpus["bytes"])
        return (
            "a full build from an empty store, one step after the other, by constants fitted on "
            f"{self.costs.date} to runs of up to {largest['bytes'] / 1e9:.1f} GB on {self.costs.machine}"
        )

    def _made(
        self, name: str, value: float, unit: str, quantity: Quantity | None = None, detail: str = ""
    ) -> Estimate:
        made = Estimate(self.dataset.address, name, value, unit, self.method, detail=detail)
        if quantity is None:
            return made
        spread = self.costs.spread(quantity, self.extent.bytes)
        return replace(made, low=value / spread, high=value * spread)

    def size(self) -> list[Estimate]:
        address, extent = self.dataset.address, self.extent
        of = self.snapshot.address
        return [
            Estimate(address, "text", extent.bytes, "B", extent.method, detail=f"of {of}"),
            Estimate(address, "files", extent.files, "file", extent.method, detail=f"of {of}"),
        ]

    def compute(self) -> Estimate:
        lines = self.lines
        collecting = sum(line.core_hours for line in lines if line.step.startswith(("collect.", "snapshot.")))
        share = f"{collecting / sum(line.core_hours for line in lines):.0%} of it collects {self.snapshot.address}"
        return self._made("compute", sum(line.core_hours for line in lines), "core-hour", "cpu", share)

    def others(self) -> list[Estimate]:
        lines, model, machine = self.lines, self.model, self.machine
        size = self.grow(self.extent.files)
        peak = max(lines, key=lambda line: line.task_bytes)
        out = []
        if self.execution.workers:
            hours = sum(line.hours for line in lines)
            out.append(self._made("wall", hours, "h", "cpu", f"at {machine.cores:,} workers"))
        out += [
            self._made("stored", sum(s.stored_bytes(size) for s in model.steps), "B", "stored"),
            self._made("objects", sum(line.objects for line in lines), "object"),
            self._made("tasks", sum(line.tasks for line in lines), "task"),
            self._made("memory", peak.task_bytes, "B", "memory", f"the largest task, of {peak.step}"),
        ]
        found = breaks(model, machine, self.grow)
        if found:
            files, step, limit = found[0]
            past = [name for at, name, _ in found[1:] if at <= self.extent.files]
            told = f"{step} passes the {limit}"
            if past:
                told += (
                    f"; at this size {', '.join(past)} {'passes' if len(past) == 1 else 'pass'} a limit, too"
                )
            quantity: Quantity | None = "memory" if limit == "memory of one task" else None
            out.append(replace(self._made("breaks", files, "file", quantity, told), method=_limits(machine)))
        return out

    def unknown(self) -> list[Estimate]:
        known = {step.name for step in self.costs.model.steps}
        names = sorted({step_of(node) for node in self.nodes} - known)
        if not names:
            return []
        return [self._made("not-counted", len(names), "step", None, ", ".join(names))]


def _limits(machine: Machine) -> str:
    return (
        f"limits: {machine.worker_bytes / 1e9:,.0f} GB a task, {machine.task_s / 3600:,.0f} h a task, "
        f"{machine.scheduler_bytes / 1e9:,.0f} GB for the scheduler, {machine.objects:,.0f} objects of one step"
    )


def _emissions(compute: Estimate, workspace: Workspace) -> list[Estimate]:
    """Energy and emissions of the compute under every policy that counts the work on data."""
    out = []
    for address, policy in workspace.resources.items():
        if policy.kind != "EmissionsPolicy" or "data" not in policy.spec.scope:
            continue
        said = policy.spec
        kwh = said.power.per_device / 1000 * said.pue.value
        power = f"{said.power.per_device:g} W a core ({said.power.basis})"
        method = f"compute x {power} x PUE {said.pue.value:g}, by {address}"
        intensity = said.grid_intensity
        where = f", {intensity.region}" if intensity.region else ""
        carbon = f"energy x {intensity.value:g} kgCO2e/kWh ({intensity.as_of}{where}), by {address}"
        for name, factor, unit, how in (
            ("energy", kwh, "kWh", method),
            ("emissions", kwh * intensity.value, "kgCO2e", carbon),
        ):
            low, high = (compute.low or 0.0) * factor, (compute.high or 0.0) * factor
            out.append(Estimate(compute.subject, name, compute.value * factor, unit, how, low, high))
    return out
