"""Passages of documents: a beginning that a model is given, and how the document goes on."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

import pyarrow.parquet as pq

from bigcode.api import ProcessContext
from bigcode_evals.scorer import Scorer

_BATCH = 256
# Characters of text for a token that are taken, at the most, before a passage is encoded.
_CHARACTERS = 12
_LEAST_DISTINCT = 8


@dataclass(frozen=True, slots=True)
class Passage:
    """`prompt` and `rest` are token ids; `text` and `tail` the bytes of both, and of `rest` alone."""

    key: str
    prompt: tuple[int, ...]
    rest: tuple[int, ...]
    text: bytes
    tail: bytes


def sample_passages(
    ctx: ProcessContext,
    name: str,
    scorer: Scorer,
    prefix: int,
    length: int,
    count: int,
    seed: int,
    limit: int,
) -> list[Passage]:
    """At most `count` passages of `prefix` and `length` tokens, one a document, in the order of keyed digests.

    They begin at a line. Of the shards about `limit` bytes are read, in proportion to their sizes. Documents that are
    too short, a document that stands there twice, and passages of few distinct bytes are left out.
    """
    kept: list[tuple[int, str]] = []
    seen: set[int] = set()
    # Some of the documents turn out to be too short: more of them are kept than passages are wanted.
    room = 3 * count
    for text in _documents(ctx, name, limit):
        number = int.from_bytes(blake2b(f"{seed}\0{text}".encode(), digest_size=8).digest(), "big")
        if number in seen or (len(kept) == room and -number <= kept[0][0]) or len(text) < prefix + length:
            continue
        seen.add(number)
        if len(kept) < room:
            heapq.heappush(kept, (-number, text))
        else:
            seen.discard(-heapq.heapreplace(kept, (-number, text))[0])
    found = []
    for number, text in sorted((-n, text) for n, text in kept):
        passage = _cut(scorer, f"{name} {number:016x}", text, number, prefix, length)
        if passage is not None:
            found.append(passage)
            if len(found) == count:
                break
    return found


def _documents(ctx: ProcessContext, name: str, limit: int) -> Iterator[str]:
    entries = ctx.entries(name)
    total = sum(entry.bytes for entry in entries)
    for entry in entries:
        left = limit * entry.bytes // max(1, total) if limit else 2**62
        for batch in pq.ParquetFile(ctx.path(entry)).iter_batches(_BATCH, columns=["content"]):
            if left <= 0:
                break
            for text in batch.column(0).to_pylist():
                left -= len(text)
                yield text
                if left <= 0:
                    break


def _cut(scorer: Scorer, key: str, text: str, number: int, prefix: int, length: int) -> Passage | None:
    wanted = (prefix + length) * _CHARACTERS
    last = max(0, len(text) - wanted)
    start = text.rfind("\n", 0, number % (last + 1)) + 1
    ids = tuple(scorer.encode(text[start : start + wanted])[: prefix + length])
    if len(ids) < prefix + length:
        return None
    whole = scorer.tokenizer.decode(list(ids), skip_special_tokens=False)
    head = scorer.tokenizer.decode(list(ids[:prefix]), skip_special_tokens=False)
    # A token may end within a character; such a passage has no text of its own.
    if (
        not text.startswith(whole, start)
        or not whole.startswith(head)
        or len(set(whole[len(head) :])) < _LEAST_DISTINCT
    ):
        return None
    return Passage(key, ids[:prefix], ids[prefix:], whole.encode(), whole[len(head) :].encode())
