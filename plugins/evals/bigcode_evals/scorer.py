"""Log-likelihoods under a model of a transformers folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel
from transformers.utils import logging

from bigcode.api import fail
from bigcode_evals.folders import lay_out as lay_out

END = "<|endoftext|>"
# Logits that are held at once, in numbers: 128 MiB of single precision.
_LOGITS = 2**25
_IGNORED = -100
_MOST = 2**20

logging.set_verbosity_error()
logging.disable_progress_bar()


@dataclass(frozen=True, slots=True)
class Window:
    """Some tokens of a document and those that follow them, of which the first `skip` are scored elsewhere."""

    document: int
    tokens: tuple[int, ...]
    targets: tuple[int, ...]
    skip: int


class Scorer:
    """A model with its tokenizer, on the CPU in single precision.

    Control strings in a text are encoded as ordinary text, and a text starts after `<|endoftext|>`, as documents do
    in training.
    """

    def __init__(self, folder: Path, context: int = 0, threads: int = 0) -> None:
        """Load the folder. `context` limits the tokens that the model sees at once, as do its positions and the
        `model_max_length` of its tokenizer; `threads` limits those of this process that compute. Zero does not.

        Raises:
            Problem: E805 when there is no tokenizer, or it lacks the end-of-text token.
        """
        if threads:
            torch.set_num_threads(threads)
        self.model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32
        ).eval()
        if not (folder / "tokenizer.json").exists():
            raise fail("E805", "the model has no tokenizer.json beside its weights")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.encode_special_tokens = True
        start = self.tokenizer.token_to_id(END)
        if start is None:
            raise fail("E805", f"the model's tokenizer has no {END}")
        self.start: int = start
        self.context = min(n for n in (context, *_limits(self.model, folder)) if n > 0)

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    @torch.inference_mode()
    def nats(
        self,
        documents: Sequence[Sequence[int]],
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[float]:
        """Negative log-likelihood of each document in nats, each token scored once.

        Documents longer than the context are scored by a window that moves by half of it, so that a token has at
        least half a context before it.
        """
        windows = [w for i, ids in enumerate(documents) for w in split([self.start, *ids], self.context, i)]
        windows.sort(key=lambda w: (len(w.tokens), w.skip))
        sums = torch.zeros(len(documents), dtype=torch.float64)
        done = 0
        for batch in self._batches(windows):
            width, skip = len(batch[-1].tokens), min(w.skip for w in batch)
            tokens = torch.tensor([[*w.tokens, *[self.start] * (width - len(w.tokens))] for w in batch])
            targets = torch.tensor([_targets(w, width)[skip:] for w in batch])
            logits = self.model(input_ids=tokens, use_cache=False, logits_to_keep=width - skip).logits
            loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
            places = torch.tensor([w.document for w in batch])
            sums.index_add_(0, places, loss.view(targets.shape).double().sum(1))
            done += len(batch)
            report(done, len(windows))
        return [float(value) for value in sums]

    @torch.inference_mode()
    def nats_after(self, prefix: Sequence[int], choices: Sequence[Sequence[int]]) -> list[float]:
        """Negative log-likelihood in nats of each of `choices` after `prefix`, which is read once.

        The prefix loses its oldest tokens where it and the longest choice do not fit the context.
        """
        longest = max(len(choice) for choice in choices)
        room = max(1, self.context - longest)
        tokens = [self.start, *prefix][-room:]
        cache = DynamicCache(config=self.model.config)
        held = {self.cache_argument: cache, "use_cache": True}
        read = self.model(input_ids=torch.tensor([tokens]), logits_to_keep=1, **held).logits
        cache.batch_repeat_interleave(len(choices))
        padded = torch.tensor([[*c, *[self.start] * (longest - len(c))] for c in choices])
        rest = self.model(input_ids=padded, **held).logits[:, :-1]
        logits = torch.cat([read.expand(len(choices), -1, -1), rest], dim=1)
        targets = torch.tensor([[*c, *[_IGNORED] * (longest - len(c))] for c in choices])
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        return [float(value) for value in loss.view(targets.shape).double().sum(1)]

    @property
    def cache_argument(self) -> str:
        """What the model's `forward` calls its cache, which is not the same in all releases of the library."""
        return "cache" if "cache" in signature(self.model.forward).parameters else "past_key_values"

    def _batches(self, windows: Sequence[Window]) -> Iterator[Sequence[Window]]:
        """Windows of similar length, as many at a time as their logits have room for."""
        room = max(1, _LOGITS // self.model.config.vocab_size)
        batch: list[Window] = []
        for window in windows:
            if batch and (len(batch) + 1) * len(window.tokens) > room:
                yield batch
                batch = []
            batch.append(window)
        if batch:
            yield batch


def split(tokens: Sequence[int], context: int, document: int = 0) -> Iterator[Window]:
    """Windows that score each token but the first exactly once."""
    scored, last = 0, len(tokens) - 1
    stride = max(1, context // 2)
    while scored < last:
        end = min(last, scored + (stride if scored else context))
        begin = max(0, end - context)
        yield Window(document, tuple(tokens[begin:end]), tuple(tokens[begin + 1 : end + 1]), scored - begin)
        scored = end


def _limits(model: PreTrainedModel, folder: Path) -> Iterator[int]:
    """How many tokens the model has positions for, and how many its tokenizer's settings allow."""
    yield int(getattr(model.config, "max_position_embeddings", 0) or 0)
    settings = folder / "tokenizer_config.json"
    if settings.exists():
        yield int(json.loads(settings.read_text(encoding="utf-8")).get("model_max_length") or 0)
    yield _MOST


def _targets(window: Window, width: int) -> list[int]:
    ignored = [_IGNORED] * window.skip
    return [*ignored, *window.targets[window.skip :], *[_IGNORED] * (width - len(window.targets))]
