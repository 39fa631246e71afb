"""Completions under a causal language model of a transformers folder.

A completion depends on the model, its prompt, the settings and its own key, and on nothing that is drawn beside it:
each has a random stream of its own, so that batches can be of any size and order.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel
from transformers.utils import logging

from bigcode.api import ProcessContext, fail
from bigcode_codeevals.config import Sampling
from bigcode_codeevals.refusals import NO_TOKENIZER

END = "<|endoftext|>"
_MIDDLE = (("<fim_prefix>", "<fim_suffix>", "<fim_middle>"), ("<fim-prefix>", "<fim-suffix>", "<fim-middle>"))
_MOST = 2**20
_LEAST_PROMPT = 16

logging.set_verbosity_error()
logging.disable_progress_bar()


@dataclass(frozen=True, slots=True)
class Request:
    """A completion that is wanted. `key` seeds it; with a `suffix` the model fills in."""

    key: str
    prompt: str
    suffix: str | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """`ended` says why: `stop` (a stop string, which is cut off), `end` (the end token) or `length`."""

    key: str
    text: str
    tokens: int
    ended: str


class Generator:
    """A model with its tokenizer. Control strings in a prompt are encoded as ordinary text."""

    def __init__(self, folder: Path, sampling: Sampling, seed: int = 0) -> None:
        """Load the folder.

        Raises:
            Problem: E805 when there is no tokenizer, or it lacks the end-of-text token.
        """
        if sampling.threads:
            torch.set_num_threads(sampling.threads)
        self.device = sampling.device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = torch.float32 if self.device == "cpu" else torch.bfloat16
        self.model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype=dtype
        )
        self.model.to(self.device).eval()  # type: ignore[arg-type]
        if not (folder / "tokenizer.json").exists():
            raise fail(NO_TOKENIZER, "the model has no tokenizer.json beside its weights")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.encode_special_tokens = True
        end = self.tokenizer.token_to_id(END)
        if end is None:
            raise fail(NO_TOKENIZER, f"the model's tokenizer has no {END}")
        self.end: int = end
        self.context = min(n for n in _limits(self.model, folder) if n > 0)
        self.sampling, self.seed = sampling, seed

    @property
    def fills_in(self) -> bool:
        return self._marks() is not None

    def complete(
        self, requests: Sequence[Request], report: Callable[[int, int], None] = lambda done, total: None
    ) -> Iterator[Completion]:
        """A completion for each request, those with short prompts first.

        Raises:
            Problem: E805 when a request has a suffix and the tokenizer no tokens to fill in with.
        """
        encoded = sorted(
            ((self._prompt(request), request) for request in requests), key=lambda r: (len(r[0]), r[1].key)
        )
        for begin in range(0, len(encoded), self.sampling.batch):
            rows = encoded[begin : begin + self.sampling.batch]
            yield from self._draw([ids for ids, _ in rows], [request for _, request in rows])
            report(begin + len(rows), len(encoded))

    def _prompt(self, request: Request) -> list[int]:
        """Token ids that leave room for a completion; of a prompt that is too long, the end is kept."""
        room = max(_LEAST_PROMPT, self.context - self.sampling.max_new_tokens)
        ids = self._ids(request.prompt)
        if request.suffix is None:
            return [self.end, *ids][-room:]
        marks = self._marks()
        if marks is None:
            raise fail(NO_TOKENIZER, "the model was not made to fill in: its tokenizer has no such tokens")
        before, after, middle = marks
        rest = self._ids(request.suffix)
        left = max(0, room - 4)
        kept = min(len(ids), max(left - len(rest), left // 2))
        rest = rest[: left - kept]
        return [self.end, before, *(ids[-kept:] if kept else []), after, *rest, middle]

    def _marks(self) -> tuple[int, int, int] | None:
        for names in _MIDDLE:
            before, after, middle = (self.tokenizer.token_to_id(name) for name in names)
            if before is not None and after is not None and middle is not None:
                return before, after, middle
        return None

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    @torch.inference_mode()
    def _draw(self, prompts: Sequence[list[int]], requests: Sequence[Request]) -> Iterator[Completion]:
        width = max(map(len, prompts))
        most = max(1, min(self.sampling.max_new_tokens, self.context - width))
        luck = np.stack([_stream(self.seed, request.key, most) for request in requests])
        rows = [_Row(self, request) for request in requests]
        alive = list(range(len(rows)))
        ids = torch.tensor([[self.end] * (width - len(p)) + p for p in prompts], device=self.device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.device)
        places = (mask.cumsum(1) - 1).clamp(min=0)
        cache = DynamicCache(config=self.model.config)
        held: dict[str, Any] = {self._cache_argument: cache, "use_cache": True, "logits_to_keep": 1}
        for step in range(most):
            logits = self.model(input_ids=ids, attention_mask=mask, position_ids=places, **held).logits[:, -1]
            chosen = self._choose(logits.float(), luck[alive, step])
            kept = [n for n, token in enumerate(chosen) if rows[alive[n]].take(token)]
            if not kept:
                break
            if len(kept) < len(alive):
                alive = [alive[n] for n in kept]
                picked = torch.tensor(kept, device=self.device)
                cache.batch_select_indices(picked)
                mask, places = mask[picked], places[picked]
                chosen = [chosen[n] for n in kept]
            ids = torch.tensor([[token] for token in chosen], device=self.device)
            mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
            places = places[:, -1:] + 1
        for row in rows:
            yield row.completion()

    def _choose(self, logits: torch.Tensor, luck: np.ndarray[Any, Any]) -> list[int]:
        """The token of each row: the likeliest, or where its number in [0, 1) falls among the nucleus.

        Source of the nucleus: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration".
        """
        if self.sampling.temperature == 0:
            return [int(token) for token in logits.argmax(1)]
        shares, order = torch.sort(
            (logits / self.sampling.temperature).softmax(1), descending=True, stable=True
        )
        sums = shares.double().cumsum(1)
        inside = (sums - shares < self.sampling.top_p).sum(1, keepdim=True)
        whole = sums.gather(1, inside - 1)
        target = torch.from_numpy(luck).to(sums).unsqueeze(1) * whole
        place = torch.minimum(torch.searchsorted(sums, target, right=True), inside - 1)
        return [int(token) for token in order.gather(1, place).squeeze(1)]

    @property
    def _cache_argument(self) -> str:
        """What the model's `forward` calls its cache, which is not the same in all releases of the library."""
        return "cache" if "cache" in signature(self.model.forward).parameters else "past_key_values"


class _Row:
    """A completion on its way."""

    def __init__(self, generator: Generator, request: Request) -> None:
        self.tokenizer, self.end = generator.tokenizer, generator.end
        self.request = request
        self.stop = tuple(dict.fromkeys((*request.stop, *generator.sampling.stop)))
        self.longest = max((len(s.encode()) for s in self.stop), default=0)
        self.ids: list[int] = []
        self.ended = "length"

    def take(self, token: int) -> bool:
        """Add a token; whether the completion goes on."""
        if token == self.end:
            self.ended = "end"
            return False
        self.ids.append(token)
        # A token is at least one byte, so a stop string that ends in this one begins among so many last ones.
        tail = self.tokenizer.decode(self.ids[-self.longest - 1 :], skip_special_tokens=False)
        if any(stop in tail for stop in self.stop):
            self.ended = "stop"
        return self.ended == "length"

    def completion(self) -> Completion:
        text = self.tokenizer.decode(self.ids, skip_special_tokens=False)
        places = [place for stop in self.stop if (place := text.find(stop)) >= 0]
        return Completion(
            self.request.key, text[: min(places)] if places else text, len(self.ids), self.ended
        )  # fmt: skip


def _stream(seed: int, key: str, length: int) -> np.ndarray[Any, Any]:
    """Numbers in [0, 1) that belong to a key."""
    digest = blake2b(f"{seed}\0{key}".encode(), digest_size=16).digest()
    numbers: np.ndarray[Any, Any] = np.random.Generator(
        np.random.Philox(key=int.from_bytes(digest, "little"))
    ).random(length)
    return numbers


def _limits(model: PreTrainedModel, folder: Path) -> Iterator[int]:
    """How many tokens the model has positions for, and how many its tokenizer's settings allow."""
    yield int(getattr(model.config, "max_position_embeddings", 0) or 0)
    settings = folder / "tokenizer_config.json"
    if settings.exists():
        yield int(json.loads(settings.read_text(encoding="utf-8")).get("model_max_length") or 0)
    yield _MOST


def lay_out(ctx: ProcessContext, name: str = "model") -> Path:
    """The folder of a model, made of links to the objects of the input `name`."""
    folder = ctx.scratch / "model"
    shutil.rmtree(folder, ignore_errors=True)
    for entry in ctx.entries(name):
        target = folder / entry.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(ctx.path(entry).resolve())
    return folder
