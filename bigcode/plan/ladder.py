"""A scaling law fitted to one's own small runs: L(N, D) = E + A/N^a + B/D^b, as in Hoffmann et al. 2022, approach 3.

The sum of Huber losses (delta 1e-3) of the differences in log loss is made least by BFGS from the best points of a
grid of starts. Besiroglu et al. 2024 show that a mean in place of the sum stops too early; the sum is used here.
Intervals come from runs drawn again with replacement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bigcode.api.diagnostics import Diagnostic, fail
from bigcode.plan.scaling import Fit, Optimum, optimum

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

FEWEST = 5
"""Runs, as many as there are constants; an interval takes more."""
FEWEST_FOR_INTERVAL = 8
DELTA = 1e-3
DRAWS = 200
LEVEL = 0.9
_GRID = ((0.0, 5.0, 10.0, 15.0, 20.0, 25.0), (0.2, 0.4, 0.8, 1.6), (-1.0, -0.5, 0.0, 0.5, 1.0))
"""Starts of log A and log B, of the exponents, and of log E."""
_STARTS = 24
_SOURCE = "fitted to the runs of this ladder"


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run: `loss` in the unit that all runs of a ladder share."""

    name: str
    parameters: float
    tokens: float
    loss: float


@dataclass(frozen=True, slots=True)
class Ladder:
    """A fit with its runs. `draws` are fits to runs drawn again; `residual` is the root of the mean square of the
    differences in log loss."""

    runs: tuple[Run, ...]
    unit: str
    fit: Fit
    draws: tuple[Fit, ...]
    residual: float
    remarks: tuple[Diagnostic, ...]

    def interval(self, values: Sequence[float]) -> tuple[float, float] | None:
        """The middle ninety per cent of what the draws gave; None where there are no draws."""
        if not values:
            return None
        ordered = sorted(values)
        edge = (1 - LEVEL) / 2
        return _quantile(ordered, edge), _quantile(ordered, 1 - edge)

    def constants(self) -> dict[str, tuple[float, tuple[float, float] | None]]:
        """A, B, E, a and b, each with its interval."""
        return {
            name: (getattr(self.fit, name), self.interval([getattr(draw, name) for draw in self.draws]))
            for name in ("E", "A", "a", "B", "b")
        }

    def best(
        self, operations: float
    ) -> tuple[Optimum, tuple[float, float] | None, tuple[float, float] | None]:
        """Size and tokens of least loss for a budget, with the intervals of both."""
        drawn = [optimum(draw, operations) for draw in self.draws]
        return (
            optimum(self.fit, operations),
            self.interval([o.parameters for o in drawn]),
            self.interval([o.tokens for o in drawn]),
        )


def fit_ladder(runs: Sequence[Run], unit: str, *, draws: int = DRAWS, seed: int = 0) -> Ladder:
    """Fit the law; the order of the runs does not matter.

    Raises:
        Problem: E105 for fewer than five runs, or for sizes and tokens that cannot tell the two terms apart.
        ImportError: when scipy is not installed.
    """
    ordered = tuple(sorted(runs, key=lambda r: (r.parameters, r.tokens, r.loss, r.name)))
    remarks = _check(ordered)
    import numpy as np

    data = np.array([[r.parameters, r.tokens, r.loss] for r in ordered], dtype=np.float64)
    logs = np.log(data)
    point, others = _search(logs, _starts(logs))
    if others:
        said = "several laws fit the runs as well as this one: "
        said += ", ".join(f"a {p[1]:.3f} with b {p[3]:.3f}" for p in others[:3])
        remarks = (*remarks, _remark(said, "More runs, of other sizes and tokens, would tell them apart."))
    if point[1] < 0.02 or point[3] < 0.02:
        said = "the runs show no effect of size or of tokens; the optimum is not to be used"
        remarks = (*remarks, _remark(said, "Let sizes and tokens span a factor of ten or more."))
    drawn: list[Fit] = []
    if len(ordered) >= FEWEST_FOR_INTERVAL:
        generator = np.random.Generator(np.random.PCG64(seed))
        for _ in range(draws):
            picked = generator.integers(0, len(ordered), len(ordered))
            if len(set(picked.tolist())) >= FEWEST:
                drawn.append(_as_fit(_search(logs[picked], [point])[0]))
    else:
        said = f"{len(ordered)} runs give no interval"
        remarks = (*remarks, _remark(said, f"Intervals take {FEWEST_FOR_INTERVAL} runs or more."))
    differences = _predict(point, logs)[0] - logs[:, 2]
    residual = float(np.sqrt(np.mean(differences**2)))
    return Ladder(ordered, unit, _as_fit(point), tuple(drawn), residual, remarks)


def _check(runs: Sequence[Run]) -> tuple[Diagnostic, ...]:
    if len(runs) < FEWEST:
        raise fail(
            "E105",
            f"{len(runs)} finished runs are known; a law of five constants takes {FEWEST} or more",
            hint="Train small models of several sizes on several numbers of tokens, or name a table with --runs.",
        )
    for run in runs:
        values = (run.parameters, run.tokens, run.loss)
        if not all(math.isfinite(v) and v > 0 for v in values):
            raise fail("E105", f"run {run.name}: parameters, tokens and loss are numbers above zero")
    sizes = [math.log(r.parameters) for r in runs]
    tokens = [math.log(r.tokens) for r in runs]
    if min(len(set(sizes)), len(set(tokens))) < 3 or _correlation(sizes, tokens) > 0.995:
        raise fail(
            "E105",
            "sizes and tokens of the runs do not tell their effects apart",
            hint="Take three sizes or more and three numbers of tokens or more, and not always in one proportion.",
        )
    narrow = [name for name, v in (("sizes", sizes), ("tokens", tokens)) if max(v) - min(v) < math.log(4)]
    return tuple(
        _remark(f"the {name} of the runs span less than a factor of four", "The exponent is a guess then.")
        for name in narrow
    )


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    x, y = sum(a) / len(a), sum(b) / len(b)
    both = sum((p - x) * (q - y) for p, q in zip(a, b, strict=True))
    return abs(both) / math.sqrt(sum((p - x) ** 2 for p in a) * sum((q - y) ** 2 for q in b))


def _starts(logs: Array) -> list[Array]:
    """The best points of the grid, judged all at once."""
    import numpy as np

    scales, exponents, floors = _GRID
    mesh = np.meshgrid(scales, exponents, scales, exponents, floors, indexing="ij")
    grid = np.stack([m.ravel() for m in mesh], axis=1)
    # The floor is counted from the least loss of the runs, whatever their unit.
    grid[:, 4] += float(logs[:, 2].min())
    terms = np.stack(
        [
            grid[:, 0, None] - grid[:, 1, None] * logs[None, :, 0],
            grid[:, 2, None] - grid[:, 3, None] * logs[None, :, 1],
            np.broadcast_to(grid[:, 4, None], (len(grid), len(logs))),
        ]
    )
    top = terms.max(axis=0)
    predicted = top + np.log(np.exp(terms - top).sum(axis=0))
    cost = _huber(predicted - logs[None, :, 2])[0].sum(axis=1)
    return [grid[i] for i in np.argsort(cost, kind="stable")[:_STARTS]]


def _search(logs: Array, starts: Sequence[Array]) -> tuple[Array, list[Array]]:
    """The point of least cost that BFGS reaches (log A, a, log B, b, log E), and others that cost no more."""
    from scipy.optimize import minimize  # type: ignore[import-untyped, unused-ignore]

    reached: list[Any] = [
        minimize(_cost, start, args=(logs,), jac=True, method="BFGS", options={"gtol": 1e-9})
        for start in starts
    ]
    reached = sorted((f for f in reached if math.isfinite(f.fun)), key=lambda f: float(f.fun))
    best = reached[0]
    distinct: list[Array] = [best.x]
    for other in reached[1:]:
        level = other.fun <= 1.01 * best.fun + 1e-6
        if level and all(max(abs(other.x[[1, 3]] - p[[1, 3]])) > 0.01 for p in distinct):
            distinct.append(other.x)
    return distinct[0], distinct[1:]


def _cost(point: Array, logs: Array) -> tuple[float, Array]:
    """The cost and its gradient."""
    import numpy as np

    predicted, shares = _predict(point, logs)
    cost, slope = _huber(predicted - logs[:, 2])
    first, second, floor = shares * slope
    gradient = [
        first.sum(),
        -(first * logs[:, 0]).sum(),
        second.sum(),
        -(second * logs[:, 1]).sum(),
        floor.sum(),
    ]
    return float(cost.sum()), np.array(gradient)


def _predict(point: Array, logs: Array) -> tuple[Array, Array]:
    """Log loss of each run, and the shares of the three terms in it."""
    import numpy as np

    terms = np.stack(
        [
            point[0] - point[1] * logs[:, 0],
            point[2] - point[3] * logs[:, 1],
            np.full(len(logs), point[4]),
        ]
    )
    top = terms.max(axis=0)
    powers = np.exp(terms - top)
    whole = powers.sum(axis=0)
    return top + np.log(whole), powers / whole


def _huber(difference: Array) -> tuple[Array, Array]:
    """The loss in units of delta squared, so that steps have a size that BFGS likes, and its slope."""
    import numpy as np

    scaled = difference / DELTA
    size = np.abs(scaled)
    return np.where(size <= 1, 0.5 * scaled**2, size - 0.5), np.clip(scaled, -1, 1) / DELTA


def _as_fit(point: Array) -> Fit:
    a, alpha, b, beta, floor = (float(v) for v in point)
    return Fit("ladder", math.exp(a), math.exp(b), math.exp(floor), alpha, beta, _SOURCE)


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def _remark(message: str, hint: str) -> Diagnostic:
    return Diagnostic("E610", message, None, hint, "warning")
