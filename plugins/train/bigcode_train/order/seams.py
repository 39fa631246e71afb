"""Cuts documents between characters, exactly: the ids are those of the three parts encoded each by itself.

Only what stands around a cut is encoded anew. The pre-tokenisation of this family looks ahead and never back, and
encodes each pre-token by itself. So the text before a cut keeps all pre-tokens but the last two, and the text after it
has its own pre-tokens until one of them ends where one of the document's ends; from there on both agree. Control
tokens are characters of their own, and text ends at them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigcode_train.order.fim import Patch, cut_between_tokens
from bigcode_train.tokens.encoder import load_reference, make_encoder
from bigcode_train.tokens.token_bytes import find_head, is_whole, token_texts

_AHEAD = 6
"""Pre-tokens after a cut that are tried before the rest of the part is encoded."""


class _Place(NamedTuple):
    """Where a cut is: the token that holds the first character after it, and bytes of that token before it."""

    token: int
    byte: int


class _Window(NamedTuple):
    """Text around a cut: tokens `first` to `stop`, in part where the cut goes through one. `meets` are the bytes of
    `text` before each pre-token of the document that begins in it, and that pre-token's first token; `closed` says
    that text ends where the window does."""

    first: int
    stop: int
    text: bytes
    meets: dict[int, int]
    closed: bool


class _Stretch(NamedTuple):
    """Tokens of a stretch, where pre-tokens begin, and which tokens are no text: control tokens, and pieces of
    characters that the stretch's ends cut through."""

    ids: NDArray[Any]
    words: NDArray[np.int64]
    opaque: list[int]
    places: tuple[_Place, _Place]


class Seams:
    """Cuts for the tokenizer of one `tokenizer.json`. One thread at a time."""

    def __init__(self, path: Path) -> None:
        reference = load_reference(path)
        self._encoder = make_encoder(path, reference)
        self._texts = token_texts(reference)
        self._control = np.array([not text for text in self._texts])
        self._heads = np.array([sum(b & 0xC0 != 0x80 for b in text) for text in self._texts], np.uint8)
        self._heads[self._control] = 1
        self._whole = np.array([is_whole(text) for text in self._texts])

    def cut(
        self,
        stretches: Sequence[NDArray[Any]],
        starts: Sequence[NDArray[np.bool_]],
        cuts: NDArray[np.float64],
    ) -> list[Patch]:
        """Cut each stretch, given its ids and which of them begin a pre-token, at two of the places before, between
        and after its characters: float64 [n, 2] in parts of its length, sorted."""
        patches = [cut_between_tokens(0, (0.0, 0.0))] * len(stretches)
        held = [number for number, ids in enumerate(stretches) if len(ids)]
        found = [
            self._read(stretches[n], starts[n], two) for n, two in zip(held, cuts[held].tolist(), strict=True)
        ]
        windows = [
            window
            for stretch in found
            for window in (
                self._before(stretch, stretch.places[0]),
                self._after(stretch, stretch.places[0]),
                self._before(stretch, stretch.places[1]),
                self._after(stretch, stretch.places[1]),
            )
        ]
        encoded = self._encoder.encode([window.text for window in windows])
        ends = np.cumsum(encoded.lengths).tolist()
        ids, begins = encoded.ids.tolist(), encoded.starts.tolist()
        for index, (number, stretch) in enumerate(zip(held, found, strict=True)):
            four = slice(4 * index, 4 * index + 4)
            bounds = [ends[4 * index - 1] if index else 0, *ends[four]]
            spans = [(bounds[i], bounds[i + 1]) for i in range(4)]
            met = [
                self._meet(windows[4 * index + i], ids[slice(*spans[i])], begins[slice(*spans[i])])
                for i in (1, 3)
            ]
            patches[number] = self._join(stretch, windows[four], met, [encoded.ids[a:b] for a, b in spans])
        return patches

    def _read(self, ids: NDArray[Any], starts: NDArray[np.bool_], cuts: Sequence[float]) -> _Stretch:
        """Find the places of the cuts, and what the text around them may not reach over."""
        heads = self._heads[ids]
        hidden = self._control[ids]
        if not (self._whole[ids[0]] and self._whole[ids[-1]]):
            for run in self._broken_ends(ids):
                heads[run], hidden[run] = 0, True
        opaque = np.flatnonzero(hidden)
        begins = starts.copy()
        begins[0] = True
        if len(opaque):
            begins[opaque] = True
            begins[np.minimum(opaque + 1, len(ids) - 1)] = True
        ends = heads.cumsum(dtype=np.int64)
        count = int(ends[-1])
        characters = [int(cut * (count + 1)) for cut in cuts]
        tokens = ends.searchsorted(characters, "right").tolist()
        places = []
        for character, token in zip(characters, tokens, strict=True):
            if character == count:
                places.append(_Place(len(ids), 0))
            else:
                within = character - int(ends[token]) + int(heads[token])
                places.append(_Place(token, find_head(self._texts[ids[token]], within)))
        return _Stretch(ids, np.flatnonzero(begins), opaque.tolist(), (places[0], places[1]))

    def _broken_ends(self, ids: NDArray[Any]) -> list[slice]:
        """The tokens before the first and after the last that is of whole characters, where they are not."""
        whole = np.flatnonzero(self._whole[ids])
        first, last = (int(whole[0]), int(whole[-1]) + 1) if len(whole) else (len(ids), len(ids))
        runs = [slice(0, first), slice(last, len(ids))]
        return [run for run in runs if not is_whole(self._text(ids[run]))]

    def _before(self, stretch: _Stretch, place: _Place) -> _Window:
        """The text that ends at a cut, from the pre-token before the last on."""
        token, byte = place
        index = bisect_left(stretch.opaque, token)
        low = stretch.opaque[index - 1] + 1 if index else 0
        word = int(stretch.words.searchsorted(token - (byte == 0), "right")) - 2
        first = min(max(int(stretch.words[max(word, 0)]), low), token)
        text = self._text(stretch.ids[first:token])
        if byte:
            text += self._texts[stretch.ids[token]][:byte]
        return _Window(first, token, text, {}, True)

    def _after(self, stretch: _Stretch, place: _Place) -> _Window:
        """The text that begins at a cut, and a few pre-tokens more."""
        token, byte = place
        index = bisect_left(stretch.opaque, token)
        high = stretch.opaque[index] if index < len(stretch.opaque) else len(stretch.ids)
        word = int(stretch.words.searchsorted(token, "right"))
        words = stretch.words[word : word + _AHEAD + 1].tolist()
        stop = max(min(words.pop() if len(words) > _AHEAD else len(stretch.ids), high), token)
        texts = [self._texts[number] for number in stretch.ids[token:stop].tolist()]
        meets, at = {}, -byte
        wanted = set(words)
        for place_of, text in enumerate(texts, token):
            if place_of in wanted:
                meets[at] = place_of
            at += len(text)
        return _Window(token, stop, b"".join(texts)[byte:], meets, stop == high)

    def _meet(self, window: _Window, ids: Sequence[int], begins: Sequence[bool]) -> tuple[int, int] | None:
        """The token from which on the text after a cut agrees with its document, and ids of the window before it."""
        at = 0
        for size, (number, begin) in enumerate(zip(ids, begins, strict=True)):
            if begin and at in window.meets:
                return window.meets[at], size
            at += len(self._texts[number])
        # A window that reaches the end of its text is right up to there.
        return (window.stop, len(ids)) if window.closed else None

    def _join(
        self,
        stretch: _Stretch,
        windows: Sequence[_Window],
        met: Sequence[tuple[int, int] | None],
        parts: Sequence[NDArray[Any]],
    ) -> Patch:
        first, second = stretch.places
        stop, before = windows[2].first, parts[2]
        if met[0] is not None and met[0][0] <= stop:
            start, right = met[0][0], parts[1][: met[0][1]]
        else:
            # The cuts stand close to one another, or what follows the first agrees with the document nowhere.
            right, before, start, stop = self._encode(stretch, first, second), parts[2][:0], 0, 0
        if met[1] is not None:
            tail, after = met[1][0], parts[3][: met[1][1]]
        else:
            tail = len(stretch.ids)
            after = self._encode(stretch, second, _Place(tail, 0))
        return Patch(windows[0].first, parts[0], right, start, stop, before, after, tail)

    def _encode(self, stretch: _Stretch, first: _Place, stop: _Place) -> NDArray[Any]:
        """Ids of the text from one place to another, whatever stands between."""
        parts: list[NDArray[Any]] = []
        at = first.token
        opaque = stretch.opaque[bisect_left(stretch.opaque, at) : bisect_left(stretch.opaque, stop.token)]
        for end in (*opaque, stop.token):
            text = self._text(stretch.ids[at:end])
            if end == stop.token and stop.byte:
                text += self._texts[stretch.ids[end]][: stop.byte]
            if text := text[first.byte if at == first.token else 0 :]:
                parts.append(self._encoder.encode([text]).ids)
            if end < stop.token:
                parts.append(stretch.ids[end : end + 1])
            at = end + 1
        return np.concatenate(parts) if parts else np.zeros(0, np.uint32)

    def _text(self, ids: NDArray[Any]) -> bytes:
        return b"".join([self._texts[number] for number in ids.tolist()])
