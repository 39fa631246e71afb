"""The course of a run: stretches with a mixture, a length of context and a learning rate of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, Protocol

from numpy import int64
from numpy.typing import NDArray

from bigcode.api import fail
from bigcode_train.config import CausalLMConfig
from bigcode_train.order.mixture import Count
from bigcode_train.training.schedule import rate_at

_ROWS = 1_000_000


class Rows(Protocol):
    """The endless list of rows of a stage, any part of it at once, in any order."""

    def rows(self, first: int, stop: int) -> NDArray[int64]: ...

    def documents(self, first: int, stop: int) -> Iterable[tuple[int, int]]: ...

    def counts(self, first: int, stop: int) -> Iterable[Count]: ...

    def places(self, first: int, stop: int) -> Sequence[str]: ...

    def digest(self, first: int, stop: int) -> str: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps `first` to `last`, counted from one and both included; `weights` of sources by name, where a stage has
    its own; `peak` is the learning rate that the course is measured by."""

    index: int
    first: int
    last: int
    context: int
    weights: Mapping[str, float]
    peak: float | None = None

    @property
    def steps(self) -> int:
        return self.last - self.first + 1


def plan_stages(params: Mapping[str, Any], config: CausalLMConfig) -> tuple[Stage, ...]:
    """The stages of a run, from its params `stages` and `budget_tokens`.

    A step has `batch` sequences in every stage; what is left of a stage's tokens after its last whole step is not
    trained on.

    Raises:
        Problem: E105 when a stage is smaller than one step.
    """
    said = params.get("stages") or [{"tokens": params["budget_tokens"]}]
    stages: list[Stage] = []
    first = 1
    for index, stage in enumerate(said):
        context = stage.get("context") or config.context
        steps = stage["tokens"] // (config.batch * context)
        if not steps:
            name = f"stage {index + 1}" if len(said) > 1 else "the budget"
            raise fail(
                "E105", f"{name} is smaller than one step, which takes {config.batch * context} tokens"
            )
        weights, peak = dict(stage.get("weights") or {}), stage.get("learningRate")
        stages.append(Stage(index, first, first + steps - 1, context, weights, peak))
        first += steps
    return tuple(stages)


class Course:
    """What each step is made of. `open_rows` makes the rows of a stage, when they are first asked for."""

    def __init__(
        self, stages: Sequence[Stage], config: CausalLMConfig, open_rows: Callable[[Stage], Rows]
    ) -> None:
        self.stages, self.config = tuple(stages), config
        self.steps = self.stages[-1].last
        self._rows = lru_cache(maxsize=2)(lambda index: open_rows(self.stages[index]))
        # The loop makes rows ahead in a thread of their own and asks for digests in another.
        self._lock = Lock()

    def at(self, step: int) -> Stage:
        return next(stage for stage in self.stages if step <= stage.last)

    def rate(self, step: int) -> float:
        return rate_at(step, self.steps, self.config, self.at(step).peak)

    def rows(self, step: int, part: int = 0, parts: int = 1) -> NDArray[int64]:
        """Rows of a step as ids, int64 [batch / parts, context + 1]; the share of `part`."""
        first, stop = self._span(step)
        share = (stop - first) // parts
        begin = first + part * share
        with self._lock:
            return self._rows(self.at(step).index).rows(begin, begin + share)

    def places(self, step: int) -> Sequence[str]:
        """The documents of a step, by source, shard and row."""
        with self._lock:
            return self._rows(self.at(step).index).places(*self._span(step))

    def digest(self, step: int) -> str:
        """A digest of the samples that a step is made of."""
        with self._lock:
            return self._rows(self.at(step).index).digest(*self._span(step))

    def tokens(self, step: int) -> int:
        """Tokens that were trained on after `step` steps."""
        done = 0
        for stage in self.stages:
            done += max(0, min(step, stage.last) - stage.first + 1) * self.config.batch * stage.context
        return done

    def count_tokens(self) -> dict[tuple[str, str], int]:
        """Tokens of each source and language that the whole run takes."""
        found: dict[tuple[str, str], int] = {}
        for stage in self.stages:
            for count in self._rows(stage.index).counts(0, stage.steps * self.config.batch):
                key = (count.source, count.language)
                found[key] = found.get(key, 0) + count.tokens
        return found

    def count_documents(self) -> int | None:
        """Documents that the whole run holds a part of; None where it has too many rows to look at each."""
        batch = self.config.batch
        if self.steps * batch > _ROWS:
            return None
        found: set[tuple[int, int]] = set()
        for stage in self.stages:
            found.update(self._rows(stage.index).documents(0, stage.steps * batch))
        return len(found)

    def _span(self, step: int) -> tuple[int, int]:
        """Rows of a step in the list of its stage."""
        batch = self.config.batch
        number = step - self.at(step).first
        return number * batch, (number + 1) * batch
