"""Encodes texts literally, to the ids that the tokenizer's own artifact gives, several times as fast.

The reference is `tokenizer.json` in the hands of the `tokenizers` library. Where it is a byte-level BPE with single
digits (what `train.bpe` saves, and the published tokenizers of the StarCoder family), one compiled pass finds
pre-tokens and merges them, with the words it met before at hand; else, and where numba is not installed, the reference
encodes. Which characters are letters, digits and white space is asked of the reference, never of another table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, pre_tokenizers

_LAST = 0x10FFFF
_BLOCK = 256


class Encoded(NamedTuple):
    """Ids of texts in a row (uint32), whether each begins a pre-token (bool), and how many each text has (int64)."""

    ids: NDArray[np.uint32]
    starts: NDArray[np.bool_]
    lengths: NDArray[np.int64]


class Encoder(Protocol):
    name: str

    def encode(self, texts: Sequence[bytes]) -> Encoded:
        """Ids of texts in UTF-8; a control string in one becomes ordinary tokens, never a control token."""
        ...


def load_reference(path: Path) -> Tokenizer:
    """The tokenizer of a `tokenizer.json`, set to read control strings as text."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def make_encoder(path: Path, reference: Tokenizer | None = None) -> Encoder:
    """An encoder for a `tokenizer.json`, of the fastest kind that is exact for it. Each thread needs its own."""
    reference = reference or load_reference(path)
    form = read_form(json.loads(path.read_text(encoding="utf-8")))
    if form is not None:
        try:
            return WordEncoder(form, reference)
        except ImportError:
            pass
    return ReferenceEncoder(reference)


class ReferenceEncoder:
    """The tokenizers library itself."""

    name = "tokenizers"

    def __init__(self, reference: Tokenizer) -> None:
        self.reference = reference
        self.sizes = token_sizes(reference)

    def encode(self, texts: Sequence[bytes]) -> Encoded:
        found = self.reference.encode_batch_fast([text.decode() for text in texts], add_special_tokens=False)
        ids = [np.asarray(encoding.ids, np.uint32) for encoding in found]
        starts = [self._starts(text.decode(), one) for text, one in zip(texts, ids, strict=True)]
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        if not len(ids):
            return Encoded(np.zeros(0, np.uint32), np.zeros(0, np.bool_), lengths)
        return Encoded(np.concatenate(ids), np.concatenate(starts), lengths)

    def _starts(self, text: str, ids: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """A token begins a pre-token where as many bytes stand before it as before a pre-token. Where both do not add
        up, as with a vocabulary that is not of bytes, the text counts as one, which is never wrong."""
        ends = np.cumsum(self.sizes[ids])
        splitter = self.reference.pre_tokenizer
        words = splitter.pre_tokenize_str(text) if splitter is not None else []
        stops = np.cumsum(np.fromiter((len(word) for word, _ in words), np.int64, len(words)))
        if not len(ids) or not len(stops) or ends[-1] != stops[-1]:
            return np.asarray(np.arange(len(ids)) == 0)
        return np.isin(ends - self.sizes[ids], np.concatenate((np.zeros(1, np.int64), stops[:-1])))


class Form(NamedTuple):
    """What a byte-level BPE with single digits is made of: the id of each byte, and merges as int64 [n, 3]: left,
    right, made; in the order of their ranks."""

    byte_ids: NDArray[np.int64]
    merges: NDArray[np.int64]


def read_form(said: Mapping[str, Any]) -> Form | None:
    """The parts of a `tokenizer.json`; None where it is no plain byte-level BPE with single digits."""
    model, splits = said["model"], (said.get("pre_tokenizer") or {}).get("pretokenizers", [])
    plain = (
        said.get("normalizer") is None
        and all(token["special"] for token in said.get("added_tokens", ()))
        and model.get("type") == "BPE"
        and not any(model.get(name) for name in ("dropout", "unk_token", "byte_fallback", "ignore_merges"))
        and not any(model.get(name) for name in ("continuing_subword_prefix", "end_of_word_suffix"))
        and [split["type"] for split in splits] == ["Digits", "ByteLevel"]
        and splits[0]["individual_digits"]
        and not splits[1]["add_prefix_space"]
        and splits[1].get("use_regex", True)
    )
    vocabulary = model.get("vocab")
    letters = bytes_as_letters()
    if not plain or not all(letter in vocabulary for letter in letters):
        return None
    pairs = [tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in model["merges"]]
    merges = [[vocabulary[a], vocabulary[b], vocabulary[a + b]] for a, b in pairs]
    return Form(
        np.array([vocabulary[letter] for letter in letters], np.int64),
        np.array(merges, np.int64).reshape(-1, 3),
    )


class WordEncoder:
    """One compiled pass over texts; a word that was met before is looked up."""

    name = "words"

    def __init__(self, form: Form, reference: Tokenizer) -> None:
        """Raises ImportError where numba is not installed."""
        from bigcode_train.tokens import encoder_kernels as kernels

        self._kernels = kernels
        self._reference = ReferenceEncoder(reference)
        self._byte_ids = form.byte_ids
        self._keys, self._values = _tabulate(form.merges)
        self._classes = np.full(_LAST + 1, kernels.UNKNOWN, np.uint8)
        self._learn(0)
        self._words = (
            np.zeros((kernels.SLOTS, 4), np.int64),
            np.zeros(kernels.WORDS, np.uint8),
            np.zeros(kernels.IDS, np.int64),
            np.array([0, 0, 0, 1], np.int64),
        )

    def encode(self, texts: Sequence[bytes]) -> Encoded:
        sizes = np.fromiter(map(len, texts), np.int64, len(texts))
        bounds = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
        text = np.frombuffer(b"".join(texts), np.uint8)
        ids, starts = np.empty(len(text) + 1, np.uint32), np.empty(len(text) + 1, np.uint8)
        lengths = np.zeros(len(texts), np.int64)
        number, written = 0, 0
        while number < len(texts):
            number, written, unknown = self._kernels.encode_pieces(
                text, bounds, number, self._classes, self._byte_ids, self._keys, self._values, *self._words, ids,
                starts, lengths, written,
            )  # fmt: skip
            if unknown >= 0:
                # All that this text asks for at once, since it begins anew.
                blocks = {ord(letter) // _BLOCK for letter in set(texts[number].decode())}
                for block in sorted(blocks):
                    if self._classes[block * _BLOCK] == self._kernels.UNKNOWN:
                        self._learn(block)
        encoded = Encoded(ids[:written], starts[:written].view(np.bool_), lengths)
        return self._with_reference(texts, encoded) if (lengths < 0).any() else encoded

    def _with_reference(self, texts: Sequence[bytes], encoded: Encoded) -> Encoded:
        """Texts that the pass left out, encoded by the reference and put where they belong."""
        left = np.flatnonzero(encoded.lengths < 0)
        lengths = np.maximum(encoded.lengths, 0)
        places = (np.cumsum(lengths) - lengths)[left]
        found = self._reference.encode([texts[number] for number in left.tolist()])
        at = np.repeat(places, found.lengths)
        lengths[left] = found.lengths
        return Encoded(
            np.insert(encoded.ids, at, found.ids), np.insert(encoded.starts, at, found.starts), lengths
        )

    def _learn(self, block: int) -> None:
        """Ask the reference for the classes of a block of characters, of which none is half of a pair."""
        kernels = self._kernels
        numbers = np.arange(block * _BLOCK, (block + 1) * _BLOCK)
        text = "".join(map(chr, numbers.tolist()))
        letter, number, space = (_matches(pattern, text) for pattern in (r"\p{L}", r"\p{N}", r"\s"))
        digit = _isolated(pre_tokenizers.Digits(individual_digits=True), text)
        # What counts as a number in one place and not in another is split in ways of its own.
        classes = np.select(
            [number != digit, letter, digit, space],
            [kernels.STRANGE, kernels.LETTER, kernels.DIGIT, kernels.SPACE],
            kernels.OTHER,
        )
        self._classes[numbers] = classes


def token_sizes(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Bytes of text that each token of a byte-level vocabulary stands for, by id; control tokens stand for none."""
    known = tokenizer.get_vocab()
    sizes = np.zeros(max(known.values(), default=-1) + 1, np.int64)
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    for token, number in known.items():
        sizes[number] = 0 if token in special else len(token)
    return sizes


def bytes_as_letters() -> list[str]:
    """The character that stands for each byte in a byte-level vocabulary: itself where it prints, and those from 256
    on for the others in their order (Radford et al. 2019, the encoder of GPT-2)."""
    printed = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printed else next(others)) for byte in range(256)]


def _matches(pattern: str, text: str) -> NDArray[np.bool_]:
    """Which characters of a text a pattern of the reference's own dialect matches."""
    found = np.ones(len(text), np.bool_)
    for _, (start, stop) in pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str(text):
        found[start:stop] = False
    return found


def _isolated(splitter: Any, text: str) -> NDArray[np.bool_]:
    """Which characters a splitter sets apart from letters."""
    found = np.zeros(len(text), np.bool_)
    for _, (start, stop) in splitter.pre_tokenize_str("a" + "a".join(text) + "a"):
        if start % 2 and stop - start == 1:
            found[start // 2] = True
    return found


def _tabulate(merges: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Merges as an open hash table, at most two fifths full: keys (left times 2**32 plus right; -1 is empty) and values
    (rank times 2**32 plus the token made)."""
    size = 1 << max(4, int(len(merges) * 2.5).bit_length())
    keys, values = np.full(size, -1, np.int64), np.zeros(size, np.int64)
    for rank, (left, right, made) in enumerate(merges.tolist()):
        key = (left << 32) | right
        slot = ((key * 0x9E3779B97F4A7C15 & (2**64 - 1)) >> 32) & (size - 1)
        while keys[slot] >= 0 and keys[slot] != key:
            slot = (slot + 1) & (size - 1)
        keys[slot], values[slot] = key, (rank << 32) | made
    return keys, values
