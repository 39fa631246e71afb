"""Attention within documents, for any model of transformers that lets its attention be replaced.

A model is given, in place of an attention mask, where its documents start: int32 [1, 1, 1, documents + 1], offsets
into the tokens of all rows one after the other. A mask of four dimensions is handed to the attention function as it
is; only the functions registered here know how to read it, and `probe.py` makes sure that a model uses one of them.

On CUDA devices each document is computed by the kernel for sequences of several lengths, where the type is one that
it takes. Everywhere else documents are computed in blocks of queries by matrix products, which for documents of a
few thousand tokens is faster on a CPU than its fused kernel and never touches what a query may not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface

NAME = "bigcode_documents"
BLOCK = 128
"""Queries of a document that are computed at once."""


def mark_documents(inputs: Tensor, end: int, whole: bool = False) -> tuple[Tensor, Tensor]:
    """Offsets of documents, int32 [1, 1, 1, documents + 1], and positions within them, int64 like `inputs`.

    `inputs` is int64 [rows, width] on the CPU. A document starts at each row's first token and at each `end`, which
    closes the one before and is the first that the next one sees; with `whole` a row is one document.
    """
    rows, width = inputs.shape
    opens = torch.zeros_like(inputs, dtype=torch.bool) if whole else inputs == end
    opens[:, 0] = True
    starts = opens.flatten().nonzero().flatten()
    offsets = torch.cat((starts, starts.new_tensor([rows * width])))
    positions = torch.arange(rows * width) - starts.repeat_interleave(offsets.diff())
    return offsets.int()[None, None, None], positions.view(rows, width)


def mask_of(offsets: Tensor, rows: int, width: int) -> Tensor:
    """The same as a mask: bool [rows, 1, width, width], true where a token (third axis) attends (last axis)."""
    bounds = offsets.flatten().long()
    segments = torch.arange(len(bounds) - 1, device=bounds.device).repeat_interleave(bounds.diff())
    segments = segments.view(rows, width)
    same = segments[:, None, :, None] == segments[:, None, None, :]
    return same & torch.ones(width, width, dtype=torch.bool, device=bounds.device).tril()


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """The attention function in the form that transformers asks for.

    `query` is [rows, heads, width, size], `key` and `value` have as many heads or a part of them; `attention_mask`
    holds the offsets of documents, or is None where each row is one. Returns [rows, width, heads, size].
    """
    rows, heads, width, size = query.shape
    scale = size**-0.5 if scaling is None else scaling
    window = sliding_window if sliding_window is not None and sliding_window < width else 0
    if attention_mask is not None and attention_mask.dtype != torch.int32:
        raise TypeError("this attention reads offsets of documents, not a mask")
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16) and not dropout:
        return _attend_on_cuda(query, key, value, attention_mask, scale, window), None
    # Each row starts a document, so as many documents as rows are whole rows. Asked of the shape alone: to read the
    # offsets would wait for the device in every layer.
    lengths = None
    if attention_mask is not None and attention_mask.numel() != rows + 1:
        lengths = attention_mask.flatten().diff().tolist()
    if dropout:
        return _attend_with_dropout(query, key, value, lengths, dropout, scale, window), None
    # [batch, tokens, heads of a group, size]: rows are a batch where all are alike, else one long row of documents.
    batch, tokens = (rows, width) if lengths is None else (1, rows * width)
    groups = key.shape[1]
    shape = (batch * groups, tokens, heads // groups, size)
    q = query.transpose(1, 2).reshape(batch, tokens, groups, heads // groups, size).transpose(1, 2)
    k, v = (x.transpose(1, 2).reshape(batch, tokens, groups, size).transpose(1, 2) for x in (key, value))
    out = _Blocks.apply(
        q.reshape(shape),
        k.reshape(shape[0], tokens, size),
        v.reshape(shape[0], tokens, size),
        lengths or [width],
        scale,
        window,
    )
    out = out.view(batch, groups, tokens, heads // groups, size).transpose(1, 2)
    return out.reshape(rows, width, heads, size), None


class _Blocks(torch.autograd.Function):
    """Causal attention of documents that lie one after the other.

    query [batch, tokens, heads, size], key and value [batch, tokens, size], lengths of the documents. The softmax is
    computed in fp32 and kept in the type of the query, as are the scores.
    """

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, lengths: Sequence[int], scale: float, window: int
    ) -> Tensor:
        batch, _, heads, size = q.shape
        out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
        q = q * scale
        kept = []
        for first, stop, low in _blocks(lengths, window):
            span, seen = stop - first, stop - low
            flat = (batch, span * heads, -1)
            scores = torch.bmm(q[:, first:stop].reshape(flat), k[:, low:stop].transpose(1, 2))
            scores = scores.view(batch, span, heads, seen)
            _hide(scores, first - low, window)
            chances = torch.softmax(scores, -1)
            kept.append(chances)
            part = torch.bmm(chances.view(flat), v[:, low:stop])
            out[:, first:stop] = part.view(batch, span, heads, size)
        ctx.save_for_backward(q, k, v, *kept)
        ctx.lengths, ctx.scale, ctx.window = lengths, scale, window
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, *kept = ctx.saved_tensors
        batch, _, heads, size = q.shape
        grad_q = torch.empty(q.shape, dtype=q.dtype, device=q.device)
        # Sums over many blocks of queries: kept in fp32.
        grad_k, grad_v = (torch.zeros(k.shape, dtype=torch.float32, device=k.device) for _ in range(2))
        for (first, stop, low), chances in zip(_blocks(ctx.lengths, ctx.window), kept, strict=True):
            span = stop - first
            flat = (batch, span * heads, -1)
            above, chances = grad[:, first:stop].reshape(flat), chances.view(flat)
            grad_v[:, low:stop] += torch.bmm(chances.transpose(1, 2), above)
            slope = torch.bmm(above, v[:, low:stop].transpose(1, 2))
            slope = torch.ops.aten._softmax_backward_data(slope, chances, -1, chances.dtype)
            grad_q[:, first:stop] = torch.bmm(slope, k[:, low:stop]).view(batch, span, heads, size)
            grad_k[:, low:stop] += torch.bmm(slope.transpose(1, 2), q[:, first:stop].reshape(flat))
        return grad_q.mul_(ctx.scale), grad_k.to(k.dtype), grad_v.to(v.dtype), None, None, None


def _blocks(lengths: Sequence[int], window: int) -> list[tuple[int, int, int]]:
    """First and last query of each block, and the first key that any of its queries sees."""
    found, start = [], 0
    for length in lengths:
        for first in range(start, start + length, BLOCK):
            low = max(start, first - window + 1) if window else start
            found.append((first, min(first + BLOCK, start + length), low))
        start += length
    return found


def _hide(scores: Tensor, offset: int, window: int) -> None:
    """Take away, in place, the keys that come after a query, or too long before it; `offset` keys come before the
    first query."""
    _, span, _, seen = scores.shape
    scores[..., offset:] += _above(span, scores.dtype, scores.device)
    if window:
        early = torch.ones(span, seen, dtype=torch.bool, device=scores.device).tril(offset - window)
        scores.masked_fill_(early[None, :, None], float("-inf"))


@lru_cache(maxsize=256)
def _above(span: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """[1, span, 1, span]: minus infinity above the diagonal, else nought."""
    square = torch.full((span, span), float("-inf"), dtype=dtype, device=device)
    return square.triu(1)[None, :, None]


def _attend_with_dropout(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    lengths: Sequence[int] | None,
    dropout: float,
    scale: float,
    window: int,
) -> Tensor:
    rows, heads, width, _ = query.shape
    key, value = (x.repeat_interleave(heads // key.shape[1], 1) for x in (key, value))
    mask = None
    if lengths is not None or window:
        bounds = torch.tensor([0, *(lengths or [width] * rows)], device=query.device).cumsum(0)
        mask = mask_of(bounds, rows, width)
        if window:
            mask &= torch.ones(width, width, dtype=torch.bool, device=query.device).triu(1 - window)
    out = F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout, is_causal=mask is None, scale=scale
    )
    return out.transpose(1, 2)


def _attend_on_cuda(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor | None, scale: float, window: int
) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    rows, heads, width, size = query.shape
    if offsets is None:
        bounds = torch.arange(0, rows * width + 1, width, dtype=torch.int32, device=query.device)
    else:
        bounds = offsets.flatten()
    q, k, v = (x.transpose(1, 2).reshape(rows * width, -1, size) for x in (query, key, value))
    seen = (window - 1 if window else -1, 0)
    out = varlen_attn(
        q, k, v, bounds, bounds, width, width, scale=scale, window_size=seen, enable_gqa=heads != k.shape[1]
    )
    return out.view(rows, width, heads, size)


def _hand_on(*_: Any, attention_mask: Tensor | None = None, **__: Any) -> Tensor | None:
    """What stands for a mask where the model was given none: nothing, since rows are causal by themselves."""
    return attention_mask


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, _hand_on)
