"""The learning rate of a step: a straight rise, then a course down to its floor."""

from __future__ import annotations

import math

from bigcode_train.config import CausalLMConfig


def rate_at(step: int, steps: int, config: CausalLMConfig, peak: float | None = None) -> float:
    """The learning rate of a step, counted from one, of a run of `steps` steps; `peak` where a stage has its own.

    `cosine` falls over all steps after the warm-up. `wsd` stays at the peak and falls in the last `decay_share` of
    all steps, as one minus the square root of the part that is done. Sources: Loshchilov and Hutter 2017, "SGDR";
    Hägele et al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations".
    """
    peak = config.learning_rate if peak is None else peak
    warmup = min(config.warmup_steps, steps - 1)
    if step <= warmup:
        return peak * step / warmup
    return peak * (config.floor + (1 - config.floor) * _height(step, steps, warmup, config))


def _height(step: int, steps: int, warmup: int, config: CausalLMConfig) -> float:
    """Where the course stands between its floor (0) and its peak (1)."""
    if config.schedule == "constant":
        return 1.0
    if config.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
    falling = min(max(1, round(config.decay_share * steps)), steps - warmup)
    return 1 - math.sqrt(max(0, step - (steps - falling)) / falling)
