"""The encoder of token shards: the tokenizer's own ids and pre-tokens, for any text, and no other."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from bigcode_train.tokens.encoder import Encoder, ReferenceEncoder, WordEncoder, load_reference, make_encoder

STAR = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?=\p{N})|\s+(?!\S)|\s+"  # as one expression
)
ALPHABETS = (
    "  \t\n\r\x0b\x0c\x85\u00a0\u2003\u3000\u2028\x1c\x1f",
    "'sdmtlvreSD ",
    "0123456789²½Ⅷ٣万",
    "abcXYZéßñ日本語",
    '!@#$%^&*()-=_+[]{};:"<>|`~🐍é\u0300\u200b\ufeff',
)
CASES = {
    "nothing": "",
    "blanks before a digit": "x =   1\n\n   2\t\t3",
    "blanks before a word": "if  a:\n\n\n    return   b  ",
    "blanks before a sign": "a  (b)\t\t[c]   =d",
    "other white space": "a\u00a0\u00a0b\u3000c\u20031\r\n\r\n",
    "contractions": "it's we'll I'd they've you're a'b 'tis ''s x''t 3's \n's 's's 'LL",
    "numbers that are no digits": "x² ½ cup Ⅷ ٣ 1e9 0x1F",
    "combining marks": "e\u0301a\u0300 \u200bzero",
    "control strings": "<|endoftext|><fim_prefix> <filename>a<|endoftext",
    "one long word": "a" * 5000 + " b",
    "repeats": "aaaa" * 300 + " " * 3000 + "=" * 2049 + "x",
    "astral": "🐍𝔘𝟘 𐍈",
    "NUL": "\x00\x01 \x7f",
}


@pytest.fixture(scope="module")
def path(tokenizer_files: dict[str, Path]) -> Path:
    return tokenizer_files["tokenizer.json"]


@pytest.fixture(scope="module")
def reference(path: Path) -> ReferenceEncoder:
    return ReferenceEncoder(load_reference(path))


@pytest.fixture(scope="module")
def encoder(path: Path) -> Encoder:
    return make_encoder(path)


def assert_same(encoder: Encoder, reference: Encoder, texts: Sequence[str]) -> None:
    found, expected = (one.encode([text.encode() for text in texts]) for one in (encoder, reference))
    assert found.lengths.tolist() == expected.lengths.tolist()
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.starts.tolist() == expected.starts.tolist()


def test_the_tokenizers_that_are_trained_here_have_the_fast_encoder(encoder: Encoder) -> None:
    assert isinstance(encoder, WordEncoder)


@pytest.mark.parametrize("case", CASES)
def test_ids_and_marks_are_those_of_the_tokenizer(
    case: str, encoder: Encoder, reference: ReferenceEncoder
) -> None:
    assert_same(encoder, reference, [CASES[case]])


def test_random_text_of_every_kind_of_character_agrees(encoder: Encoder, reference: ReferenceEncoder) -> None:
    rng = random.Random(11)
    texts = []
    for _ in range(3000):
        words = (rng.choices(rng.choice(ALPHABETS), k=rng.randint(1, 3)) for _ in range(rng.randint(1, 40)))
        texts.append("".join(letter for word in words for letter in word))
    assert_same(encoder, reference, texts)


def test_characters_of_all_scripts_agree(encoder: Encoder, reference: ReferenceEncoder) -> None:
    numbers = [*range(0x3400), *range(0x3400, 0x110000, 37)]
    letters = [chr(number) for number in numbers if not 0xD800 <= number <= 0xDFFF]
    texts = ["".join(f" {c}a{c}{c}  {c}1" for c in letters[i : i + 500]) for i in range(0, len(letters), 500)]
    assert_same(encoder, reference, texts)


def test_more_words_than_are_remembered_agree(encoder: Encoder, reference: ReferenceEncoder) -> None:
    rng = random.Random(3)
    words = ["".join(rng.choices("abcdefghij", k=8)) for _ in range(70_000)]
    assert_same(encoder, reference, [" ".join(words), " ".join(words[:100])])


def test_how_texts_are_batched_does_not_change_them(path: Path) -> None:
    texts = [text.encode() for text in CASES.values()]
    together = make_encoder(path).encode(texts)
    apart = [make_encoder(path).encode([text]) for text in texts]
    assert together.ids.tolist() == np.concatenate([one.ids for one in apart]).tolist()
    assert together.lengths.tolist() == [len(one.ids) for one in apart]


def test_marks_are_where_one_expression_splits(encoder: Encoder, reference: ReferenceEncoder) -> None:
    """White space before a digit is one pre-token; without its arm the expression parts it."""
    text = CASES["blanks before a digit"]
    (whole, without) = (
        [word for word, _ in pre_tokenizers.Split(Regex(said), "isolated").pre_tokenize_str(text)]
        for said in (STAR, STAR.replace(r"|\s+(?=\p{N})", ""))
    )
    found = encoder.encode([text.encode()])
    sizes = reference.sizes[found.ids]
    begins = (np.cumsum(sizes) - sizes)[found.starts].tolist()
    ends = [*begins[1:], len(text)]
    assert [text[a:b] for a, b in zip(begins, ends, strict=True)] == whole
    assert whole != without


def test_a_control_string_in_text_never_becomes_a_control_token(
    encoder: Encoder, special: tuple[str, ...], path: Path
) -> None:
    text = "".join(special)
    ids = encoder.encode([text.encode()]).ids
    assert ids.min() >= len(special)
    assert Tokenizer.from_file(str(path)).decode(ids.tolist()) == text


def test_a_plain_tokenizer_would_have_let_the_control_token_in(path: Path, note: str) -> None:
    plain = Tokenizer.from_file(str(path))
    assert plain.token_to_id("<|endoftext|>") in plain.encode(note).ids


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["pre_tokenizer"].update(pretokenizers=said["pre_tokenizer"]["pretokenizers"][1:]),
        lambda said: said["pre_tokenizer"]["pretokenizers"][1].update(add_prefix_space=True),
        lambda said: said.update(normalizer={"type": "NFC"}),
        lambda said: said["added_tokens"][1].update(special=False),
        lambda said: said["model"].update(ignore_merges=True),
    ],
    ids=["digits together", "blank in front", "normalised", "a token in text", "whole words"],
)
def test_a_tokenizer_of_another_form_encodes_for_itself(
    change: object, path: Path, tmp_path: Path, special: tuple[str, ...]
) -> None:
    said = json.loads(path.read_text(encoding="utf-8"))
    change(said)  # type: ignore[operator]
    other = tmp_path / "tokenizer.json"
    other.write_text(json.dumps(said), encoding="utf-8")
    encoder = make_encoder(other)
    assert encoder.name == "tokenizers"
    expected = load_reference(other).encode("port = 8080", add_special_tokens=False).ids
    assert encoder.encode([b"port = 8080"]).ids.tolist() == expected


def test_marks_of_a_vocabulary_that_is_not_of_bytes_say_no_more_than_they_know() -> None:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "port": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    found = ReferenceEncoder(tokenizer).encode([b"port unknown port", b""])
    assert found.ids.tolist() == [1, 0, 1]
    assert found.starts.tolist() == [True, False, False]


def test_without_numba_the_tokenizer_encodes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bigcode_train.tokens.encoder_kernels", None)
    monkeypatch.delattr("bigcode_train.tokens.encoder_kernels", raising=False)
    assert make_encoder(path).name == "tokenizers"


def test_no_text_has_no_tokens(encoder: Encoder, reference: ReferenceEncoder) -> None:
    assert_same(encoder, reference, [])
    assert_same(encoder, reference, ["", ""])
