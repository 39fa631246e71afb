"""Turns the documents of a dataset into token shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tokenizers import Tokenizer

from bigcode.api import Fact, ProcessContext, fail
from bigcode_train.bpe import END, encode_literally
from bigcode_train.config import TokensConfig
from bigcode_train.documents import Document, Shard, find_shards, read_documents
from bigcode_train.token_files import dtype_for, write_header, write_tokens

_BATCH_CHARACTERS = 4_000_000


class TokenWriter:
    """Encodes the input `data` with the input `tokenizer` and saves the output `tokens` (see `token_files`).

    Source text is encoded literally: a control string in it never becomes a control token.

    Raises:
        Problem: E707 when there is no document, E106 when the tokenizer lacks the end-of-text token.
    """

    def __init__(self, config: TokensConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        shards = find_shards(ctx)
        entry = next(e for e in ctx.entries("tokenizer") if Path(e.name).name == "tokenizer.json")
        tokenizer = Tokenizer.from_file(str(ctx.path(entry)))
        vocabulary = tokenizer.get_vocab_size()
        end = tokenizer.token_to_id(END)
        if end is None:
            raise fail("E106", f"the tokenizer lacks `{END}`, which closes every document")
        tally = _Tally()
        folder = ctx.scratch / "tokens"
        write_tokens(folder, _encode(shards, tokenizer, tally), end, dtype_for(vocabulary))
        header = {
            "format": 1,
            "dtype": dtype_for(vocabulary).str,
            "vocabulary": vocabulary,
            "tokenizer": entry.digest,
            "end": end,
            "tokens": tally.sum("tokens"),
            "documents": tally.sum("documents"),
            "languages": tally.languages,
            "shards": tally.shards,
        }
        write_header(folder, header)
        ctx.save("tokens", folder)
        ctx.fact(Fact("tokens", tally.sum("tokens"), "token", label="Tokens"))
        ctx.fact(Fact("documents", tally.sum("documents"), "document", label="Documents"))
        ctx.fact(Fact("text.bytes", tally.sum("bytes"), "B", label="Text in the token shards"))
        for language, counts in sorted(tally.languages.items()):
            ctx.fact(Fact(f"tokens{{language={language}}}", counts["tokens"], "token", label="Tokens"))


@dataclass
class _Tally:
    """What was encoded: counts by language, and the number of the first document of each shard."""

    languages: dict[str, dict[str, int]] = field(default_factory=dict)
    shards: list[tuple[int, str]] = field(default_factory=list)

    def add(self, document: Document, ids: Sequence[int]) -> None:
        """Count a document; its tokens include the end-of-text token that will close it."""
        counts = self.languages.setdefault(document.language, {"bytes": 0, "documents": 0, "tokens": 0})
        counts["bytes"] += len(document.text.encode())
        counts["documents"] += 1
        counts["tokens"] += len(ids) + 1

    def sum(self, name: str) -> int:
        return sum(counts[name] for counts in self.languages.values())


def _encode(shards: Sequence[Shard], tokenizer: Tokenizer, tally: _Tally) -> Iterator[list[int]]:
    """Ids of every document, in order. Large batches keep all threads of the encoder at work."""
    for shard in shards:
        tally.shards.append((tally.sum("documents"), shard.name))
        batch: list[Document] = []
        characters = 0
        for document in read_documents(shard):
            batch.append(document)
            characters += len(document.text)
            if characters >= _BATCH_CHARACTERS:
                yield from _encode_batch(batch, tokenizer, tally)
                batch, characters = [], 0
        yield from _encode_batch(batch, tokenizer, tally)


def _encode_batch(batch: Sequence[Document], tokenizer: Tokenizer, tally: _Tally) -> Iterator[list[int]]:
    encoded = encode_literally(tokenizer, [document.text for document in batch])
    for document, ids in zip(batch, encoded, strict=True):
        tally.add(document, ids)
        yield ids
