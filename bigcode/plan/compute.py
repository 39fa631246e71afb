"""What training a model takes, from its spec alone: size, operations, hours, memory, energy, and what scaling laws say.

Everything here is an estimate with its method; `plan/reconcile.py` holds what a spec declares against it.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence

from bigcode.api.facts import Fact
from bigcode.plan.estimates import Estimate
from bigcode.plan.footprint import footprint
from bigcode.plan.memory import memory
from bigcode.plan.scaling import FITS, PRIOR, Fit, equal_loss, optimum, overhead, spread
from bigcode.plan.shapes import Shape, operations
from bigcode.plan.training import Training, training_of
from bigcode.spec.workspace import Workspace

FORMULAS = {
    "6ND": "6 FLOP for each parameter and token",
    "causal": "6 FLOP for each weight of a matrix product and token, and 6 LTd of attention over half the context",
    "full": "6 FLOP for each weight of a matrix product and token, and 12 LTd of attention over the whole context",
}
_SHARDS = re.compile(r"tokens|tokens\{source=[^,{}]*\}")
"""Facts of token shards: of the only source, or of each of several."""
_BRIEF = (
    *("parameters", "tokens", "epochs", "device.hours", "days", "memory.total", "energy", "emissions"),
    *("optimal.parameters", "overhead"),
)


def estimate_compute(
    workspace: Workspace, address: str, facts: Mapping[str, Fact] | None = None
) -> list[Estimate]:
    """All estimates of a Model.

    Args:
        facts: what the store knows, by full id; the tokens of the model's shards give the epochs.

    Raises:
        Problem: E105 for a device or an architecture that cannot be.
    """
    run = training_of(workspace, address)
    contexts = ", then ".join(f"{context:,}" for _, context in run.stretches)
    found = [
        Estimate(address, "tokens", run.tokens, "token", "the budget of the spec"),
        Estimate(
            address,
            "steps",
            run.steps,
            "step",
            f"the tokens over {run.batch:,} sequences of {contexts} tokens",
        ),
    ]
    found += _epochs(run, facts or {})
    if run.shape is None:
        return found
    found += _size(run, run.shape)
    found += _time(run)
    found += memory(run, run.shape)
    hours = run.hours()
    if hours is not None and run.device is not None:
        found += footprint(address, hours, run.device, run.policy)
    return found + _laws(run, run.shape)


def brief(estimates: Sequence[Estimate]) -> list[Estimate]:
    """What a person reads first: totals, and each fit's optimum and overhead with the bounds over all."""
    return [e for e in estimates if e.name.partition("{")[0] in _BRIEF and "share=" not in e.name]


def _epochs(run: Training, facts: Mapping[str, Fact]) -> list[Estimate]:
    counted = sum(
        float(fact.value)
        for name, fact in facts.items()
        if _SHARDS.fullmatch(name.removeprefix(f"{run.address}/"))
        and name.startswith(run.address)
        and isinstance(fact.value, int | float)
        and fact.kind != "declared"
    )
    if counted:
        data, source = counted, "the tokens of the shards"
    elif run.plan and run.plan.data_tokens:
        data, source = float(run.plan.data_tokens), "`plan.dataTokens`"
    else:
        return []
    method = f"the budget over {source}; about four passes are nearly as good as new data (Muennighoff et al. 2023)"
    return [Estimate(run.address, "epochs", run.tokens / data, "1", method)] if data else []


def _size(run: Training, shape: Shape) -> list[Estimate]:
    counted = sorted(run.flops(formula) for formula in FORMULAS)
    out = [
        Estimate(
            run.address, "parameters", shape.parameters, "parameter", "exact, from the architecture's shapes"
        ),
        Estimate(
            run.address,
            "parameters.products",
            shape.products,
            "parameter",
            "weights of matrix products, the output layer among them",
        ),
        Estimate(run.address, "flops", run.flops(), "FLOP", FORMULAS[run.formula], counted[0], counted[-1]),
    ]
    out += [
        Estimate(run.address, f"flops{{formula={formula}}}", run.flops(formula), "FLOP", method)
        for formula, method in FORMULAS.items()
    ]
    forward = operations(shape, run.context, "causal") / 3
    method = "forward products and attention of one token at half the context; 2N without attention"
    out.append(Estimate(run.address, "flops.generated", forward, "FLOP/token", method))
    return out


def _time(run: Training) -> list[Estimate]:
    hours = run.hours()
    if hours is None or run.device is None:
        return []
    method = (
        f"operations ({run.formula}) over {run.plan.utilisation:.1%} of {run.device.peak / 1e12:,.1f} TFLOP/s "
        f"of the {run.device.name} ({run.device.arithmetic}, dense)"
    )
    all_hours = sorted(run.hours(formula) or 0.0 for formula in FORMULAS)
    spread_over = f"device hours over {run.ranks:,} devices, without starts and failures"
    return [
        Estimate(run.address, "device.hours", hours, "device*h", method, all_hours[0], all_hours[-1]),
        Estimate(run.address, "days", hours / 24 / run.ranks, "d", spread_over),
    ]


def _laws(run: Training, shape: Shape) -> list[Estimate]:
    """Each published fit, and the span over all of them; never one number."""
    tokens = run.tokens + run.before
    compute = 6.0 * shape.parameters * tokens
    out: list[Estimate] = []

    def paid(one: Fit) -> float:
        return compute / equal_loss(one, shape.parameters, tokens).operations

    for fit in FITS:
        said = f"{fit.source}; {PRIOR}"
        if fit.errors:
            said += "; the band moves each constant by a standard error"

        best, equal, cost = optimum(fit, compute), equal_loss(fit, shape.parameters, tokens), paid(fit)
        sizes = spread(fit, lambda one: optimum(one, compute).parameters) or (None, None)
        needed = spread(fit, lambda one: optimum(one, compute).tokens) or (None, None)
        costs = spread(fit, paid)
        least, most = (max(0.0, bound - 1) for bound in costs) if costs else (None, None)
        of = f"of the optimum of equal loss: {said}"
        rows: list[tuple[str, float, str, str, float | None, float | None]] = [
            ("optimal.parameters", best.parameters, "parameter", said, *sizes),
            ("optimal.tokens", best.tokens, "token", said, *needed),
            ("size.share", shape.parameters / equal.parameters, "1", f"size over that {of}", None, None),
            ("overhead", cost - 1, "1", f"operations beyond those {of}", least, most),
        ]
        out += [Estimate(run.address, f"{row[0]}{{fit={fit.name}}}", *row[1:]) for row in rows]
        out += _smaller(run.address, fit)
    return out + [_over_all(out, name) for name in ("optimal.parameters", "optimal.tokens", "overhead")]


def _over_all(found: Sequence[Estimate], name: str) -> Estimate:
    """The median of the fits, and what lies between the least and the greatest of them and of their bands."""
    fits = [e for e in found if e.name.startswith(f"{name}{{fit=") and "share=" not in e.name]
    bounds = [b for e in fits for b in (e.value, e.low, e.high) if b is not None]
    method = f"median of {len(fits)} fits; the bounds are the least and the greatest of all and of their bands; {PRIOR}"
    return Estimate(
        fits[0].subject,
        name,
        statistics.median(e.value for e in fits),
        fits[0].unit,
        method,
        min(bounds),
        max(bounds),
    )


def _smaller(address: str, fit: Fit) -> list[Estimate]:
    """What a model of three quarters, a half or a third of the optimal size costs beyond the optimum; it is the same
    for every budget."""
    method = f"de Vries 2023, Go smol or go home, with the fit {fit.name}; {PRIOR}"
    return [
        Estimate(
            address, f"overhead{{fit={fit.name},share={share}}}", overhead(fit, float(share)), "1", method
        )
        for share in ("0.75", "0.5", "0.33")
    ]
