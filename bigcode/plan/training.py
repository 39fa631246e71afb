"""One training run as a spec has it, in the numbers that estimates and checks are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bigcode.api.diagnostics import fail
from bigcode.api.resource import Resource
from bigcode.plan.devices import Device, device
from bigcode.plan.footprint import policy_of
from bigcode.plan.shapes import KNOWN, Shape, operations, shape_of
from bigcode.spec.workspace import Workspace

_CONTEXT, _BATCH = 512, 8
"""What the trainer takes where a spec names neither."""


@dataclass(frozen=True, slots=True)
class Training:
    """`shape` is None for an architecture that is not known here; `stretches` are the tokens and the context of each
    stage, `before` the tokens of the base models; `ranks` is the number of devices, `shards` how many of them share
    the weights, and `micro_batch` counts sequences of the longest context."""

    address: str
    shape: Shape | None
    stretches: tuple[tuple[int, int], ...]
    before: int
    batch: int
    micro_batch: int
    ranks: int
    shards: int
    tensor: int
    recompute: bool
    wide: bool
    """Whether activations are fp32."""
    plan: Any
    device: Device | None
    policy: Resource | None

    @property
    def tokens(self) -> int:
        """Tokens of this run."""
        return sum(tokens for tokens, _ in self.stretches)

    @property
    def context(self) -> int:
        """The longest context of the run."""
        return max(context for _, context in self.stretches)

    @property
    def steps(self) -> int:
        return sum(tokens // (self.batch * context) for tokens, context in self.stretches)

    @property
    def formula(self) -> str:
        return str(self.plan.formula) if self.plan else "causal"

    def flops(self, formula: str = "") -> float:
        """Operations of this run, by the plan's formula unless another is asked for."""
        assert self.shape is not None
        counted = formula or self.formula
        return sum(operations(self.shape, context, counted) * tokens for tokens, context in self.stretches)

    def hours(self, formula: str = "") -> float | None:
        """Device hours at the stated utilisation; None where the plan states none."""
        if self.device is None or self.shape is None:
            return None
        return self.flops(formula) / (self.device.peak * float(self.plan.utilisation) * 3600)

    @property
    def unknown(self) -> str:
        """What to say where there is no estimate of the size."""
        known = f"task causal-lm with an architecture of {', '.join(KNOWN)}"
        return f"no estimate of the size: known is {known}" if self.shape is None else ""


def training_of(workspace: Workspace, address: str) -> Training:
    """Read a Model.

    Raises:
        Problem: E105 when no device has the name that its plan says, or the architecture cannot be built.
    """
    spec = workspace.resources[address].spec
    settings, plan, runtime = spec.trainer.with_, spec.plan, spec.runtime
    shape = None
    if spec.task == "causal-lm":
        try:
            shape = shape_of(spec.architecture, workspace.get(spec.tokenizer).spec.vocabulary)
        except (ValueError, TypeError) as error:
            place = workspace.place(address, "spec", "architecture")
            raise fail("E105", f"the architecture cannot be built: {error}", place) from error
    context = int(settings.get("context", _CONTEXT))
    stages = [(stage.tokens, stage.context or context) for stage in spec.stages]
    ranks = plan.devices if plan else runtime.nodes * runtime.processes
    readers = max(1, ranks // runtime.tensor)
    spread = {"none": 1, "fsdp": readers, "hsdp": max(1, readers // runtime.replicas)}[runtime.sharding]
    batch = int(settings.get("batch", _BATCH))
    share = max(1, -(-batch // readers))
    machine = device(plan.device, workspace.place(address, "spec", "plan", "device")) if plan else None
    return Training(
        address=address,
        shape=shape,
        stretches=tuple(stages) or ((spec.budget.tokens, context),),
        before=_tokens_before(workspace, spec, {address}),
        batch=batch,
        micro_batch=min(int(settings.get("microBatch") or share), share),
        ranks=ranks,
        shards=spread * runtime.tensor,
        tensor=runtime.tensor,
        recompute=runtime.recompute,
        wide=settings.get("precision") == "fp32" or bool(machine and machine.arithmetic == "fp32"),
        plan=plan,
        device=machine,
        policy=policy_of(workspace, address),
    )


def _tokens_before(workspace: Workspace, spec: Any, seen: set[str]) -> int:
    """Tokens that the base models were trained on; a circle, which the check of references refuses, ends it."""
    if spec.base is None:
        return 0
    base = workspace.address_of(spec.base)
    if base in seen:
        return 0
    below = workspace.resources[base].spec
    return int(below.budget.tokens) + _tokens_before(workspace, below, seen | {base})
