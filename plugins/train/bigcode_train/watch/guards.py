"""Steps that stand out, by running statistics, and what becomes of them.

The rule is that of OLMo-core's SkipStep optimizers (`skip_step_optimizer.py`): a step is thrown away when its loss
or its gradient's norm is more than six standard deviations above the mean of the last 128 steps. Steps that were
thrown away count in that mean, so that a run that has come to another level goes on.

All of it follows from numbers that are the same on every rank and that the loop has on the host already; sums are
exact (`math.fsum`), so that no processor adds them up in another way.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bigcode_train.watch.config import WatchConfig
from bigcode_train.watch.watching import Answer, StepResult

_FLOOR = 1e-9
"""The least deviation, as a share of the mean: values that never changed leave none."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A value against those before it: their mean, their deviation, and how many deviations it is above."""

    mean: float
    deviation: float
    sigmas: float


class Window:
    """The last `size` values; nothing is said of a value before there are `least` others."""

    def __init__(self, size: int, least: int) -> None:
        self.least = least
        self.values: deque[float] = deque(maxlen=size)

    def judge(self, value: float) -> Standing | None:
        """Where `value` stands, which is not among the values yet."""
        count = len(self.values)
        if count < self.least:
            return None
        mean = math.fsum(self.values) / count
        spread = math.fsum((v - mean) ** 2 for v in self.values) / (count - 1)
        deviation = max(math.sqrt(spread), abs(mean) * _FLOOR, 1e-300)
        return Standing(mean, deviation, (value - mean) / deviation)

    def add(self, value: float) -> None:
        self.values.append(value)


@dataclass(frozen=True, slots=True)
class Spike:
    """A step that stood out: where its loss and its gradient's norm stood, and whether it was thrown away."""

    result: StepResult
    loss: Standing
    norm: Standing
    skipped: bool

    def point(self) -> dict[str, float]:
        return {
            "loss": self.result.loss,
            "loss_mean": self.loss.mean,
            "loss_sigmas": self.loss.sigmas,
            "grad_norm": self.result.grad_norm,
            "grad_norm_mean": self.norm.mean,
            "grad_norm_sigmas": self.norm.sigmas,
            "skipped": float(self.skipped),
        }


class Guard:
    """Judges each step; `see` says whether it stands out."""

    def __init__(self, config: WatchConfig) -> None:
        self.config = config
        least = max(2, config.window // 2)
        self._losses, self._norms = Window(config.window, least), Window(config.window, least)
        self.spikes = self.skipped = 0

    def see(self, result: StepResult) -> Spike | None:
        loss, norm = self._losses.judge(result.loss), self._norms.judge(result.grad_norm)
        self._losses.add(result.loss)
        self._norms.add(result.grad_norm)
        if loss is None or norm is None or max(loss.sigmas, norm.sigmas) <= self.config.sigmas:
            return None
        self.spikes += 1
        self.skipped += self.config.skip
        return Spike(result, loss, norm, self.config.skip)

    def answer(self, spike: Spike | None) -> Answer:
        return "skip" if spike is not None and spike.skipped else None

    def state(self) -> Mapping[str, Any]:
        return {
            "losses": list(self._losses.values),
            "norms": list(self._norms.values),
            "spikes": self.spikes,
            "skipped": self.skipped,
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        _fill(self._losses, state.get("losses", ()))
        _fill(self._norms, state.get("norms", ()))
        self.spikes, self.skipped = state.get("spikes", 0), state.get("skipped", 0)


class SpikeScore:
    """The share of values that are seven standard deviations or more away from the mean of the last thousand, the
    measure of stability of OLMo 2 (arXiv 2501.00656); values before there are a hundred others are not judged."""

    SIGMAS, SIZE, LEAST = 7.0, 1000, 100

    def __init__(self) -> None:
        self._window = Window(self.SIZE, self.LEAST)
        self.judged = self.away = 0

    def add(self, value: float) -> None:
        standing = self._window.judge(value)
        self._window.add(value)
        if standing is not None:
            self.judged += 1
            self.away += abs(standing.sigmas) >= self.SIGMAS

    @property
    def value(self) -> float | None:
        return self.away / self.judged if self.judged else None

    def state(self) -> Mapping[str, Any]:
        return {"values": list(self._window.values), "judged": self.judged, "away": self.away}

    def resume(self, state: Mapping[str, Any]) -> None:
        _fill(self._window, state.get("values", ()))
        self.judged, self.away = state.get("judged", 0), state.get("away", 0)


def _fill(window: Window, values: Sequence[float]) -> None:
    window.values.clear()
    window.values.extend(values)
