"""Byte-level BPE with the pre-tokenisation of StarCoder: every digit alone, then the byte level of GPT-2.

Source: Li et al. 2023, "StarCoder: may the source be with you!", section 5. The trainer is that of the
`tokenizers` library. Its result depends on neither the number of threads nor the order of documents: merges are
taken by count and then by the ids of the pair, and the counts are sums.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from bigcode.api import Fact, ProcessContext, fail
from bigcode_train.config import BPEConfig
from bigcode_train.tokens.documents import Document, Sample, find_shards, take_sample
from bigcode_train.tokens.encoder import Encoder, make_encoder

END = "<|endoftext|>"
PAD = "<fim_pad>"
_BATCH = 256


class ByteLevelBPE:
    """Trains a tokenizer on the input `data` and saves it as `tokenizer`, in the layout of the transformers library.

    Params: `vocabulary` (all tokens, the special ones included), `special_tokens` (they take the first ids, in
    this order), `sample` (bytes of text to train on, all when None) and `seed`. Documents are fed whole, so that a
    merge may span a line break.

    Raises:
        Problem: E106 when the special tokens lack the end-of-text token, E707 when there is no document.
    """

    def __init__(self, config: BPEConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        special = tuple(ctx.params["special_tokens"])
        if END not in special:
            raise fail("E106", f"the special tokens lack `{END}`, which closes every document")
        limits = (ctx.params["sample"], self.config.measured)
        sample, measured = take_sample(find_shards(ctx), limits, ctx.params["seed"])
        counter = _ControlStrings(special)
        tokenizer = train_bpe(
            (document.text for document in counter.watch(sample)),
            ctx.params["vocabulary"],
            special,
            self.config.min_frequency,
        )
        folder = ctx.scratch / "tokenizer"
        folder.mkdir(parents=True, exist_ok=True)
        save_tokenizer(tokenizer, special, folder)
        ctx.save("tokenizer", folder)
        for fact in (
            Fact("vocabulary", tokenizer.get_vocab_size(), "token", label="Vocabulary"),
            Fact("text.bytes", sample.bytes, "B", label="Text the tokenizer was trained on"),
            Fact("control.strings", counter.found, "finding", label="Control strings found in source text"),
            *_measure_fertility(make_encoder(folder / "tokenizer.json"), measured),
        ):
            ctx.fact(fact)


def train_bpe(texts: Iterable[str], vocabulary: int, special: Sequence[str], min_frequency: int) -> Tokenizer:
    """Train a tokenizer; it may end up with fewer tokens than `vocabulary` when the text has no more pairs."""
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [digits, pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=min_frequency,
        special_tokens=list(special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, special: Sequence[str], folder: Path) -> None:
    """Write tokenizer.json, tokenizer_config.json and special_tokens_map.json.

    Text that a user types may name control tokens, as the tokenizers of this family allow; that source text may
    not is the business of whoever encodes source text.
    """
    roles = {
        "bos_token": END,
        "eos_token": END,
        "unk_token": END,
        "pad_token": PAD if PAD in special else END,
    }
    rest = [token for token in special if token not in roles.values()]
    settings = {
        **roles,
        "additional_special_tokens": rest,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 10**30,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_json(folder / "tokenizer_config.json", settings)
    _write_json(folder / "special_tokens_map.json", {**roles, "additional_special_tokens": rest})


def encode_literally(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text; a control string in a text becomes ordinary tokens, never a control token."""
    tokenizer.encode_special_tokens = True
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


class _ControlStrings:
    """Counts the control strings in the documents that pass by."""

    def __init__(self, special: Sequence[str]) -> None:
        self.pattern = find_controls(special)
        self.found = 0

    def watch(self, documents: Iterable[Document]) -> Iterator[Document]:
        for document in documents:
            self.found += len(self.pattern.findall(document.text.encode()))
            yield document


def find_controls(special: Iterable[str]) -> re.Pattern[bytes]:
    """A pattern for control strings in text; of two that begin alike, the longer one."""
    longest = sorted(special, key=lambda name: (-len(name), name))
    return re.compile(b"|".join(re.escape(name.encode()) for name in longest))


def _measure_fertility(encoder: Encoder, sample: Sample) -> Iterator[Fact]:
    sizes: dict[str, int] = defaultdict(int)
    tokens: dict[str, int] = defaultdict(int)
    for batch in _batches(sample):
        texts = [document.text.encode() for document in batch]
        lengths = encoder.encode(texts).lengths.tolist()
        for document, text, count in zip(batch, texts, lengths, strict=True):
            sizes[document.language] += len(text)
            tokens[document.language] += count
    method = "bytes of text over tokens, on a sample taken evenly over the files"
    label = "Bytes per token"
    total = sum(sizes.values()) / max(1, sum(tokens.values()))
    yield Fact("fertility", total, "B/token", label=label, method=method)
    for language in sorted(sizes):
        if tokens[language]:
            value = sizes[language] / tokens[language]
            yield Fact(f"fertility{{language={language}}}", value, "B/token", label=label, method=method)


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    for document in documents:
        batch.append(document)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
