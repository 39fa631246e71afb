"""The report of spikes: the documents that a step which stood out was computed from, those with the greatest loss
first.

It names documents by source, shard and row. Where it is told to, it shows how the worst rows read to the model: text
of the dataset as it was exported, after masking. It is an output of the node, in the store; nothing of it but the
names goes into the journal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.nn.functional import cross_entropy

from bigcode_train.network.attention import mark_documents
from bigcode_train.network.network import Network, view_of
from bigcode_train.training.stages import Course, Rows, Stage
from bigcode_train.watch.guards import Spike

_WORST = 3
"""Rows that are told in full."""
_NAMED = 8
"""Documents that are named of a row."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a step's batch: its documents, its mean loss in nats a token, and where in it the loss is greatest;
    None where the weights are spread over ranks, none of which can compute it alone."""

    documents: tuple[str, ...]
    loss: float | None = None
    worst: int | None = None
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"documents": list(self.documents)}
        if self.loss is not None:
            told |= {"loss": self.loss, "worst_token": self.worst}
        return told | ({"text": self.text} if self.text else {})


class Examiner:
    """Looks at the rows of a step once more."""

    def __init__(
        self,
        network: Network,
        course: Course,
        open_rows: Callable[[Stage], Rows],
        vocabulary: Tokenizer,
        end: int,
        excerpt: int = 0,
    ) -> None:
        self.network, self.course, self.vocabulary = network, course, vocabulary
        self.end, self.excerpt = end, excerpt
        self._rows_of = lru_cache(maxsize=1)(lambda index: open_rows(course.stages[index]))

    def name(self, step: int) -> list[Row]:
        """The rows of a step by their documents alone."""
        stage = self.course.at(step)
        batch = self.course.config.batch
        first = (step - stage.first) * batch
        rows = self._rows_of(stage.index)
        return [Row(tuple(rows.places(n, n + 1))) for n in range(first, first + batch)]

    def rank(self, step: int) -> list[Row]:
        """The rows of a step, the greatest loss first, with the weights as they are; in the order of the batch where
        these are spread over ranks. On one rank; it talks to no other."""
        named = self.name(step)
        if any(isinstance(weight, DTensor) for weight in self.network.parameters()):
            return named
        ids = torch.from_numpy(self.course.rows(step))
        found = []
        for number, (row, losses) in enumerate(zip(named, self._losses(ids), strict=True)):
            worst = int(losses.argmax())
            text = self._excerpt(ids[number], worst) if self.excerpt else ""
            found.append(Row(row.documents, float(losses.mean()), worst, text))
        return sorted(found, key=lambda row: -(row.loss or 0.0))

    @torch.no_grad()
    def _losses(self, ids: Tensor) -> Iterator[Tensor]:
        """Loss of each token, row by row; dropout is off."""
        model = self.network.model
        device = next(model.parameters()).device
        training = model.training
        model.eval()
        try:
            for row in torch.split(ids, 1):
                inputs = row[:, :-1].contiguous()
                whole = self.course.config.masking == "none"
                offsets, positions = mark_documents(inputs, self.end, whole=whole)
                view = view_of(offsets.to(device), positions.to(device), self.network.traits)
                logits = model(inputs.to(device), use_cache=False, **view).logits
                yield cross_entropy(logits[0].float(), row[0, 1:].to(device), reduction="none").cpu()
        finally:
            model.train(training)

    def _excerpt(self, ids: Tensor, worst: int) -> str:
        """Text around the token with the greatest loss."""
        ids = ids[max(0, worst + 1 - self.excerpt // 2) : worst + 1 + self.excerpt // 2]
        text: str = self.vocabulary.decode(ids.tolist(), skip_special_tokens=False)
        spare = max(0, len(text) - self.excerpt) // 2
        return text[spare : spare + self.excerpt]


class SpikeFiles:
    """The report under way: a file a spike in `folder`, so that it outlives the process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, spike: Spike, rows: Sequence[Row]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        told = {"step": spike.result.step, **spike.point(), "rows": [row.as_json() for row in rows]}
        path = self.folder / f"step-{spike.result.step:08d}.json"
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)

    def forget(self, after: int) -> None:
        """Drop what an attempt told that went on beyond the checkpoint of step `after`."""
        for path in self._paths():
            if int(path.stem.partition("-")[2]) > after:
                path.unlink()

    def lay_out(self, target: Path) -> bool:
        """Write `spikes.json` and `spikes.md` into `target`; False where there was no spike."""
        spikes = [json.loads(path.read_text(encoding="utf-8")) for path in self._paths()]
        if spikes:
            target.mkdir(parents=True, exist_ok=True)
            (target / "spikes.json").write_text(json.dumps(spikes, indent=1) + "\n", encoding="utf-8")
            (target / "spikes.md").write_text("\n".join(_tell(spikes)), encoding="utf-8")
        return bool(spikes)

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.json")) if self.folder.is_dir() else []


def name_documents(rows: Sequence[Row]) -> str:
    """The documents of the worst rows, for the journal."""
    documents = [document for row in rows[:_WORST] for document in row.documents[:_NAMED]]
    return ", ".join(dict.fromkeys(documents))


def _tell(spikes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "# Steps that stood out\n"
    for spike in spikes:
        what = "thrown away" if spike["skipped"] else "used"
        yield f"## Step {spike['step']}, {what}\n"
        for name, words in (("loss", "loss"), ("grad_norm", "norm of the gradient")):
            mean, sigmas = spike[f"{name}_mean"], spike[f"{name}_sigmas"]
            yield f"- {words} {spike[name]:.5g}, {sigmas:.1f} deviations above {mean:.5g}"
        yield ""
        ranked = any("loss" in row for row in spike["rows"])
        shown = spike["rows"][:_WORST] if ranked else spike["rows"]
        for row in shown:
            names = ", ".join(f"`{name}`" for name in row["documents"][:_NAMED])
            more = len(row["documents"]) - _NAMED
            names += f" and {more} more" if more > 0 else ""
            told = (
                f"loss {row['loss']:.5g}, greatest at token {row['worst_token']}: " if "loss" in row else ""
            )
            yield f"- {told}{names}"
            if "text" in row:
                yield ""
                yield from (f"      {line}" for line in row["text"].splitlines())
                yield ""
        if left := len(spike["rows"]) - len(shown):
            yield f"- and {left} rows with a smaller loss (in `spikes.json`)"
        yield ""
