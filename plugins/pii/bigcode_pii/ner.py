"""The observer `pii.ner`: a checkpoint for token classification that the user brings.

The package ships no such model; the terms of the best known one forbid to share it. torch and transformers are
imported when the stage is built, and nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigcode.api import Context, fail
from bigcode_pii.config import ENTITIES, Entity, NerConfig
from bigcode_pii.findings import Finding, separate
from bigcode_pii.folders import check_folder
from bigcode_pii.gated import describe

_PREFIXES = ("B-", "I-", "L-", "U-", "E-", "S-", "B_", "I_")
_STARTS = ("B-", "U-", "S-", "B_")
_SYNONYMS: dict[str, Entity] = {
    "PER": "NAME", "PERSON": "NAME", "IP": "IP_ADDRESS", "IPADDRESS": "IP_ADDRESS", "EMAIL_ADDRESS": "EMAIL",
    "API_KEY": "KEY", "SECRET": "KEY", "TOKEN": "KEY", "USER": "USERNAME",
}  # fmt: skip
_SPACE = b" \t\r\n"


class Ner:
    """Partition stage: blob, content -> the columns of `pii.gated`; kinds are `ner`, scores mean probabilities."""

    def __init__(self, config: NerConfig) -> None:
        """Load the checkpoint.

        Raises:
            Problem: E109 or E702 if the folder is not what was pinned, E105 if window and overlap do not fit or no
                label of the model is an entity.
        """
        folder = check_folder(config.path, config.sha256, "pii.ner")
        import torch
        from transformers import AutoModelForTokenClassification, AutoTokenizer

        self.torch = torch
        self.config = config
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        self.model = AutoModelForTokenClassification.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        ).eval()
        probe = self.tokenizer("a", return_special_tokens_mask=True)
        text = [place for place, special in enumerate(probe["special_tokens_mask"]) if not special]
        self.before, self.after = probe["input_ids"][: text[0]], probe["input_ids"][text[-1] + 1 :]
        self.room = config.window - len(self.before) - len(self.after)
        if not 0 <= config.overlap < self.room:
            raise fail(
                "E105", "pii.ner: `overlap` must be smaller than the window without its special tokens"
            )
        if config.window > getattr(self.model.config, "max_position_embeddings", config.window):
            raise fail("E105", "pii.ner: the window is longer than the model reads")
        names = self.model.config.id2label
        self.labels = [read_label(names[index], config.labels) for index in sorted(names)]
        if not any(entity in config.entities for entity, _ in self.labels):
            raise fail("E105", "pii.ner: no label of the model names an entity", hint="map them in `labels`")

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        found = {}
        for row, content in enumerate(table["content"].to_pylist()):
            findings = self.find(content)
            if findings:
                found[row] = content, findings
        return describe(table["blob"], found)

    def find(self, content: bytes) -> list[Finding]:
        """Findings of a UTF-8 text, in order, none overlapping; offsets count bytes."""
        text = content.decode()
        encoded = self.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )
        tokens: list[int] = encoded["input_ids"]
        if not tokens:
            return []
        places = byte_offsets(text)[np.array(encoded["offset_mapping"], np.int64)]
        probabilities = self.classify(tokens)
        best = probabilities.argmax(axis=1)
        spans = join_tokens([self.labels[index] for index in best], probabilities.max(axis=1), places)
        return separate(
            finding
            for entity, start, end, score in spans
            if entity in self.config.entities and score >= self.config.threshold
            for finding in trim(content, entity, start, end, score)
        )

    def classify(self, tokens: Sequence[int]) -> NDArray[np.float64]:
        """Probabilities by token and label (tokens x labels), each token as the window judges it whose edges are
        farthest from it."""
        out = np.zeros((len(tokens), len(self.labels)))
        lead = len(self.before)
        windows = list(cut_windows(len(tokens), self.room, self.config.overlap))
        for at in range(0, len(windows), self.config.batch):
            part = windows[at : at + self.config.batch]
            batch = [[*self.before, *tokens[w[0] : w[1]], *self.after] for w in part]
            longest = max(map(len, batch))
            pad = self.tokenizer.pad_token_id or 0
            ids = self.torch.tensor([row + [pad] * (longest - len(row)) for row in batch])
            mask = self.torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in batch])
            with self.torch.inference_mode():
                logits = self.model(input_ids=ids, attention_mask=mask).logits
                judged = self.torch.softmax(logits.double(), dim=-1).numpy()
            for (start, _, first, last), rows in zip(part, judged, strict=True):
                out[first:last] = rows[lead + first - start : lead + last - start]
        return out


def read_label(name: str, given: Mapping[str, Entity]) -> tuple[Entity | None, bool]:
    """The entity that a label of a model stands for, None for another one, and whether it begins a span."""
    core = name[2:] if name.startswith(_PREFIXES) else name
    plain = core.upper().replace(" ", "_").replace("-", "_")
    entity = given.get(core) or _SYNONYMS.get(plain) or (plain if plain in ENTITIES else None)
    return entity, name.startswith(_STARTS)  # type: ignore[return-value]


def cut_windows(count: int, room: int, overlap: int) -> Iterator[tuple[int, int, int, int]]:
    """(start, end, first, last): a window over tokens, and which of them it judges; together all, each once."""
    step = room - overlap
    starts = list(range(0, max(1, count - overlap), step))
    for start in starts:
        end = min(count, start + room)
        first = start + overlap // 2 if start else 0
        last = count if start == starts[-1] else start + step + overlap // 2
        yield start, end, first, last


def byte_offsets(text: str) -> NDArray[np.int64]:
    """For each character, and the end, how many bytes of UTF-8 stand before it."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    sizes = 1 + (codes > 0x7F).astype(np.int64) + (codes > 0x7FF) + (codes > 0xFFFF)
    return np.concatenate([[0], np.cumsum(sizes)])


def join_tokens(
    labels: Sequence[tuple[Entity | None, bool]], scores: NDArray[np.float64], places: NDArray[np.int64]
) -> Iterator[tuple[Entity, int, int, float]]:
    """Spans of neighbouring tokens of one entity: entity, first byte, byte after the last, mean probability."""
    first = 0
    for index in range(1, len(labels) + 1):
        entity = labels[first][0]
        goes_on = index < len(labels) and labels[index][0] == entity and not (entity and labels[index][1])
        if goes_on:
            continue
        if entity is not None:
            yield entity, int(places[first, 0]), int(places[index - 1, 1]), float(scores[first:index].mean())
        first = index


def trim(content: bytes, entity: Entity, start: int, end: int, score: float) -> Iterator[Finding]:
    """The span without white space at its ends, unless nothing is left."""
    while start < end and content[start] in _SPACE:
        start += 1
    while end > start and content[end - 1] in _SPACE:
        end -= 1
    if start < end:
        yield Finding(start, end, entity, "ner", round(score, 4))
