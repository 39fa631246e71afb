"""Turns the documents of a dataset into token shards."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from os import sched_getaffinity
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from bigcode.api import Fact, ProcessContext, fail
from bigcode_train.tokens.bpe import END, find_controls
from bigcode_train.tokens.documents import Shard, find_shards, read_stars
from bigcode_train.tokens.encoder import Encoded, Encoder, ReferenceEncoder, load_reference, make_encoder
from bigcode_train.tokens.rendering import Rendered, controls_of, render
from bigcode_train.tokens.rendering_config import TokensConfig
from bigcode_train.tokens.token_files import ROW_BITS, dtype_for
from bigcode_train.tokens.token_folder import TokenFolder

_BATCH_BYTES = 2_000_000


class TokenWriter:
    """Encodes the input `data` with the input `tokenizer` and saves the output `tokens` (see `token_files`).

    An input `metadata`, the shards of a sibling of that kind, tells the stars of repositories where `data` does not.
    Control tokens come from the renderer alone; text is encoded literally: a control string in it never becomes a
    control token.

    Raises:
        Problem: E707 when there is no document, E106 when the tokenizer lacks a control token or the data a column that
            the settings need, E813 when an encoder gives other ids than the tokenizer.
    """

    def __init__(self, config: TokensConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        shards = find_shards(ctx)
        entry = next(e for e in ctx.entries("tokenizer") if Path(e.name).name == "tokenizer.json")
        batcher = _Batcher(ctx.path(entry), self.config, shards)
        tally = _Tally()
        folder = ctx.scratch / "tokens"
        target = TokenFolder(folder, dtype_for(batcher.vocabulary))
        documents = render(shards, self.config, int(ctx.params.get("seed", 0)), ctx.scratch, read_stars(ctx))
        for batch in batcher.run(_batches(documents)):
            tally.add(batch)
            origins = np.array([d.origin for d in batch.documents], np.int64)
            languages = [d.language for d in batch.documents]
            target.add(batch.encoded.ids, batch.encoded.starts, batch.encoded.lengths, languages, origins)
        source = str(ctx.params.get("source", ""))
        header = {
            "vocabulary": batcher.vocabulary,
            "tokenizer": entry.digest,
            "end": batcher.controls[END],
            "languages": tally.languages,
            "shards": [shard.name for shard in shards],
            "source": source,
            "render": self.config.render,
        }
        target.close(header)
        ctx.save("tokens", folder)
        for fact in tally.facts(source):
            ctx.fact(fact)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Documents and their tokens, each with its end-of-text token; `bytes` of text and `controls`, strings in text
    that read as a control token, by document."""

    documents: Sequence[Rendered]
    encoded: Encoded
    bytes: NDArray[np.int64]
    controls: int


class _Batcher:
    """Encodes batches of documents on several threads, in order."""

    def __init__(self, path: Path, config: TokensConfig, shards: Sequence[Shard]) -> None:
        self.shards = shards
        self.every = config.verify_every
        self.threads = config.threads or len(sched_getaffinity(0))
        reference = load_reference(path)
        self.reference = ReferenceEncoder(reference)
        self.vocabulary = len(self.reference.sizes)
        self.controls = {
            t.content: number for number, t in reference.get_added_tokens_decoder().items() if t.special
        }
        for name in (END, *controls_of(config)):
            if name not in self.controls:
                what = "closes every document" if name == END else f"`render: {config.render}` writes"
                raise fail("E106", f"the tokenizer lacks `{name}`, which {what}")
        self.forged = find_controls(self.controls)
        self.encoders: SimpleQueue[Encoder] = SimpleQueue()
        for _ in range(self.threads):
            self.encoders.put(make_encoder(path, reference))

    def run(self, batches: Iterator[list[Rendered]]) -> Iterator[_Batch]:
        """Encoded batches in the order of `batches`, of which a few are held at once."""
        first = 0
        waiting: deque[Future[_Batch]] = deque()
        with ThreadPoolExecutor(self.threads) as pool:
            for batch in batches:
                waiting.append(pool.submit(self._encode, batch, first))
                first += len(batch)
                if len(waiting) > self.threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _encode(self, documents: Sequence[Rendered], first: int) -> _Batch:
        encoder = self.encoders.get()
        try:
            pieces = [piece for document in documents for piece in (*document.pieces, END)]
            counts = np.array([len(document.pieces) + 1 for document in documents], np.int64)
            texts = [piece for piece in pieces if isinstance(piece, bytes)]
            encoded = encoder.encode(texts)
            if encoder.name != self.reference.name:
                self._compare(documents, first, texts, encoded)
            written = self._with_controls(pieces, counts, encoded)
            sizes = [len(piece) if isinstance(piece, bytes) else 0 for piece in pieces]
            forged = sum(len(self.forged.findall(text)) for text in texts)
            ends = np.cumsum(counts)
            return _Batch(documents, written, np.add.reduceat(sizes, ends - counts), forged)
        finally:
            self.encoders.put(encoder)

    def _with_controls(
        self, pieces: Sequence[bytes | str], counts: NDArray[np.int64], encoded: Encoded
    ) -> Encoded:
        """Ids of whole documents: those of their texts with control tokens where they belong."""
        given = np.array([-1 if isinstance(p, bytes) else self.controls[p] for p in pieces], np.int64)
        sizes = np.ones(len(pieces), np.int64)
        sizes[given < 0] = encoded.lengths
        ids, starts = np.empty(sizes.sum(), np.uint32), np.ones(sizes.sum(), np.bool_)
        of_text = np.repeat(given < 0, sizes)
        ids[of_text], starts[of_text] = encoded.ids, encoded.starts
        ids[~of_text] = given[given >= 0]
        return Encoded(ids, starts, np.add.reduceat(sizes, np.cumsum(counts) - counts))

    def _compare(
        self, documents: Sequence[Rendered], first: int, texts: Sequence[bytes], encoded: Encoded
    ) -> None:
        """The gate: every so many documents, what the tokenizer itself says.

        Raises:
            Problem: E813 when it differs in an id, or in where a pre-token begins.
        """
        ends = np.cumsum(encoded.lengths)
        number = 0
        for place, document in enumerate(documents):
            held = sum(isinstance(piece, bytes) for piece in document.pieces)
            if held and (first + place) % self.every == 0:
                own = self.reference.encode(texts[number : number + held])
                start, stop = ends[number] - encoded.lengths[number], ends[number + held - 1]
                found = encoded.ids[start:stop], encoded.starts[start:stop]
                if not all(map(np.array_equal, found, (own.ids, own.starts))):
                    shard, row = divmod(document.origin, 1 << ROW_BITS)
                    raise fail(
                        "E813",
                        f"the fast encoder and the tokenizer disagree on `{self.shards[shard].name}:{row}`",
                        hint="Please report it with the file; without numba the tokenizer itself encodes.",
                    )
            number += held


@dataclass
class _Tally:
    """What was encoded, by language."""

    languages: dict[str, dict[str, int]] = field(default_factory=dict)
    controls: int = 0

    def add(self, batch: _Batch) -> None:
        """Count documents; their tokens include control tokens and the end-of-text token."""
        self.controls += batch.controls
        numbers = zip(batch.documents, batch.bytes.tolist(), batch.encoded.lengths.tolist(), strict=True)
        for document, size, tokens in numbers:
            counts = self.languages.setdefault(document.language, {"bytes": 0, "documents": 0, "tokens": 0})
            counts["bytes"] += size
            counts["documents"] += 1
            counts["tokens"] += tokens

    def facts(self, source: str) -> Iterator[Fact]:
        """Counts, told apart by `source` where the model has several."""
        of = f"{{source={source}}}" if source else ""
        also = f",source={source}" if source else ""
        totals = {
            name: sum(counts[name] for counts in self.languages.values())
            for name in ("tokens", "documents", "bytes")
        }
        yield Fact(f"tokens{of}", totals["tokens"], "token", label="Tokens")
        yield Fact(f"documents{of}", totals["documents"], "document", label="Documents")
        yield Fact(f"text.bytes{of}", totals["bytes"], "B", label="Text in the token shards")
        label = "Control strings found in the text of the token shards"
        yield Fact(f"control.strings{of}", self.controls, "finding", label=label)
        for language, counts in sorted(self.languages.items()):
            said = f"{{language={language}{also}}}"
            yield Fact(f"tokens{said}", counts["tokens"], "token", label="Tokens")
            yield Fact(f"text.bytes{said}", counts["bytes"], "B", label="Text in the token shards")


def _batches(documents: Iterator[Rendered]) -> Iterator[list[Rendered]]:
    batch: list[Rendered] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += sum(map(len, document.pieces))
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
