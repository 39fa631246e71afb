"""Published fits of the loss of a language model by its size and its tokens, and what follows from each of them.

L(N, D) = E + A/N^a + B/D^b for N parameters and D tokens, and C = 6ND operations of training. All fits here are of
English web text: for code they are a prior until a ladder of one's own small runs is fitted (`plan/ladder.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

PRIOR = "a fit of English web text: for code a prior, to be replaced by a ladder of your own small runs"


@dataclass(frozen=True, slots=True)
class Fit:
    """The five constants of one fit; `errors` holds standard errors of those that have one."""

    name: str
    A: float
    B: float
    E: float
    a: float
    b: float
    source: str = ""
    errors: Mapping[str, float] = field(default_factory=dict)

    def loss(self, parameters: float, tokens: float) -> float:
        """The loss in the unit of the fit: nats a token for the published ones."""
        return float(self.E + self.A / parameters**self.a + self.B / tokens**self.b)


HOFFMANN = "Hoffmann et al. 2022, Training compute-optimal large language models, approach 3"
FITS = (
    Fit("hoffmann-rounded", 406.4, 410.7, 1.69, 0.34, 0.28, f"{HOFFMANN}, as printed"),
    Fit(
        "hoffmann",
        406.4,
        410.7,
        1.6934,
        0.3392,
        0.2849,
        f"{HOFFMANN}, exponents before rounding, from the text source of the paper",
    ),
    Fit(
        "bigcode",
        406.4,
        410.7,
        1.62,
        0.336,
        0.283,
        "de Vries 2023, Go smol or go home: the notebook of the BigCode project, after approach 3",
    ),
    Fit(
        "besiroglu",
        482.01,
        2085.43,
        1.8172,
        0.3478,
        0.3658,
        "Besiroglu et al. 2024, Chinchilla scaling: a replication attempt, with its standard errors",
        {"A": 125.0, "B": 1293.0, "E": 0.026, "a": 0.015, "b": 0.021},
    ),
)


@dataclass(frozen=True, slots=True)
class Optimum:
    """The size and the tokens of least loss for a number of operations."""

    parameters: float
    tokens: float

    @property
    def operations(self) -> float:
        return 6 * self.parameters * self.tokens


def optimum(fit: Fit, operations: float) -> Optimum:
    """Where the loss is least under 6ND = `operations`.

    N = G (C/6)^(b/(a+b)) and D = (C/6)^(a/(a+b)) / G with G = (aA/bB)^(1/(a+b)); Hoffmann et al. 2022, equation 4.
    """
    both = fit.a + fit.b
    scale = (fit.a * fit.A / (fit.b * fit.B)) ** (1 / both)
    product = operations / 6
    return Optimum(scale * product ** (fit.b / both), product ** (fit.a / both) / scale)


def smallest_share(fit: Fit) -> float:
    """The share of the optimal size below which no number of tokens gives the loss of the optimum."""
    return float((1 + fit.a / fit.b) ** (-1 / fit.a))


def more_tokens(fit: Fit, share: float) -> float:
    """How many times the tokens a model of `share` of the optimal size takes to the loss of the optimum; infinite
    where it never gets there. It does not depend on the operations, since at the optimum the two terms of the loss
    stand as b to a.

    Source: de Vries 2023, Go smol or go home.
    """
    left = 1 - (share**-fit.a - 1) * fit.b / fit.a
    return float(left ** (-1 / fit.b)) if left > 0 else math.inf


def overhead(fit: Fit, share: float) -> float:
    """Operations beyond those of the optimum that a model of `share` of the optimal size takes to its loss, as a
    share of them."""
    return share * more_tokens(fit, share) - 1


def equal_loss(fit: Fit, parameters: float, tokens: float) -> Optimum:
    """The optimum whose loss is that of a model of `parameters` after `tokens`."""
    rest = fit.loss(parameters, tokens) - fit.E
    return Optimum(
        (fit.A * (1 + fit.a / fit.b) / rest) ** (1 / fit.a),
        (fit.B * (1 + fit.b / fit.a) / rest) ** (1 / fit.b),
    )


def spread(fit: Fit, value: Callable[[Fit], float]) -> tuple[float, float] | None:
    """`value` of the fit, down and up by one standard error; None where the fit has none.

    The constants are moved one at a time and the moves of the logarithm are added as squares, as though errors were
    independent. They are not, so that the band is rather too wide than too narrow.
    """
    if not fit.errors:
        return None
    centre = math.log(value(fit))
    down = up = 0.0
    for name, error in fit.errors.items():
        here = getattr(fit, name)
        moved = [math.log(value(replace(fit, **{name: here + sign * error}))) - centre for sign in (-1, 1)]
        down += min(0.0, *moved) ** 2
        up += max(0.0, *moved) ** 2
    return math.exp(centre - math.sqrt(down)), math.exp(centre + math.sqrt(up))
