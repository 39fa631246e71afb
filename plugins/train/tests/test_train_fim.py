"""Cuts between characters: the ids are those of the three parts, encoded each by itself by the tokenizer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from token_arrays import END
from tokenizers import Tokenizer

import bigcode.api
from bigcode.api import Problem
from bigcode_train.order import fim
from bigcode_train.order.fim import Marks, Patch
from bigcode_train.order.mixture import plan_mixture
from bigcode_train.order.packing import Recipe, Sequences
from bigcode_train.order.seams import Seams
from bigcode_train.tokens.bpe import save_tokenizer, train_bpe
from bigcode_train.tokens.encoder import ReferenceEncoder, load_reference
from bigcode_train.tokens.token_files import TokenFiles

SPECIAL = ("<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<filename>")
MARKS = Marks(prefix=1, middle=2, suffix=3, pad=4)
FILENAME = 5
PIECES = (
    *(
        "a",
        "b",
        "ab",
        "self",
        "return",
        "12",
        "3.14",
        " ",
        "",
        "\n",
        "\n\n",
        "\t",
        "\r\n",
        "   ",
        "\n    ",
        " \n",
    ),
    *(
        "'",
        "'s",
        "'t",
        "'ll",
        "'ve",
        "don't",
        "x='this'",
        "!=",
        "()",
        "_",
        "__init__",
        "def f(x):\n    return x",
    ),
    *(
        "é",
        "ß",
        "Ω",
        "中文",
        "字",
        "🙂",
        "👩\u200d💻",
        "’",
        "½",
        "٣",
        "\u0301",
        "ﬀ",
        "\u00a0",
        "\u3000",
        "\x00",
    ),
    *("<fim_prefix>", "<|endoftext|>"),
)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    sources = [
        path.read_text(encoding="utf-8") for path in sorted(Path(bigcode.api.__file__).parent.glob("*.py"))
    ]
    texts = [*sources, *random_texts(300, seed=1)]
    save_tokenizer(train_bpe(texts, 900, SPECIAL, 2), SPECIAL, folder)
    return folder / "tokenizer.json"


@pytest.fixture(scope="module")
def reference(artifact: Path) -> Tokenizer:
    return load_reference(artifact)


@pytest.fixture(scope="module")
def seams(artifact: Path) -> Seams:
    return Seams(artifact)


def random_texts(count: int, seed: int, longest: int = 60) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices(PIECES, k=draw.randint(1, longest))) for _ in range(count)]


def random_cuts(count: int, seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Two sorted numbers each; a third of them close to one another."""
    generator = np.random.default_rng(seed)
    cuts = generator.random((count, 2))
    close = generator.random(count) < 1 / 3
    cuts[close, 1] = np.minimum(cuts[close, 0] + 0.05 * generator.random(close.sum()), 1 - 1e-9)
    return np.sort(cuts, axis=1)


def encode(reference: Tokenizer, texts: Sequence[str]) -> tuple[list[Any], list[Any]]:
    encoded = ReferenceEncoder(reference).encode([text.encode() for text in texts])
    stops = np.cumsum(encoded.lengths)
    spans = list(zip(stops - encoded.lengths, stops, strict=True))
    ids = [encoded.ids[a:b].astype(np.uint16) for a, b in spans]
    return ids, [encoded.starts[a:b] for a, b in spans]


def parts_of(ids: Any, patch: Patch) -> list[list[int]]:
    parts = (
        (ids[: patch.head], patch.left),
        (patch.right, ids[patch.start : patch.stop], patch.before),
        (patch.after, ids[patch.tail :]),
    )
    return [[int(token) for piece in part for token in piece] for part in parts]


def test_thousands_of_documents_are_cut_as_the_tokenizer_would(reference: Tokenizer, seams: Seams) -> None:
    texts = [*random_texts(3000, seed=2), *random_texts(40, seed=3, longest=2000)]
    ids, starts = encode(reference, texts)
    cuts = random_cuts(len(texts), seed=4)
    within = 0
    for text, own, patch, cut in zip(texts, ids, seams.cut(ids, starts, cuts), cuts, strict=True):
        first, second = (int(part * (len(text) + 1)) for part in cut)
        said = [text[:first], text[first:second], text[second:]]
        expected = [reference.encode(part, add_special_tokens=False).ids for part in said]
        assert parts_of(own, patch) == expected, said
        assert patch.growth(len(own)) == sum(map(len, expected)) - len(own)
        within += len(own) > 60 and bool(len(patch.left))
    assert within > 500


def test_documents_cut_together_and_alone_are_cut_alike(reference: Tokenizer, seams: Seams) -> None:
    texts = random_texts(40, seed=5)
    ids, starts = encode(reference, texts)
    cuts = random_cuts(len(texts), seed=6)
    together = seams.cut(ids, starts, cuts)
    for number, patch in enumerate(together):
        (alone,) = seams.cut(ids[number : number + 1], starts[number : number + 1], cuts[number : number + 1])
        assert parts_of(ids[number], alone) == parts_of(ids[number], patch)
    assert seams.cut([], [], np.zeros((0, 2))) == []


def test_control_tokens_in_a_document_are_whole_and_text_ends_at_them(
    reference: Tokenizer, seams: Seams
) -> None:
    draw = random.Random(7)
    for _ in range(300):
        texts = random_texts(3, seed=draw.randrange(10**6), longest=12)
        pieces, starts = encode(reference, texts)
        control = np.array([FILENAME], np.uint16)
        ids = np.concatenate((control, pieces[0], control, pieces[1], control, control, pieces[2]))
        yes = np.ones(1, bool)
        begins = np.concatenate((yes, starts[0], yes, starts[1], yes, yes, starts[2]))
        # A private character stands for each control token.
        text = "\ue000" + texts[0] + "\ue000" + texts[1] + "\ue000\ue000" + texts[2]
        cuts = random_cuts(1, seed=draw.randrange(10**6))
        first, second = (int(part * (len(text) + 1)) for part in cuts[0])
        expected = [
            with_controls(reference, part) for part in (text[:first], text[first:second], text[second:])
        ]
        (patch,) = seams.cut([ids], [begins], cuts)
        assert parts_of(ids, patch) == expected


def with_controls(reference: Tokenizer, text: str) -> list[int]:
    found: list[int] = []
    for number, piece in enumerate(text.split("\ue000")):
        found += [FILENAME] if number else []
        found += reference.encode(piece, add_special_tokens=False).ids
    return found


def test_no_text_is_lost_where_a_stretch_begins_or_ends_within_a_character(
    reference: Tokenizer, seams: Seams
) -> None:
    letters = "日本語の文字列🙂éàü ab"
    draw = random.Random(8)
    text = "".join(draw.choices(letters, k=400))
    (ids,), (starts,) = encode(reference, [text])
    sizes = ReferenceEncoder(reference)
    for _ in range(200):
        first = draw.randrange(len(ids) - 20)
        stop = draw.randrange(first + 10, len(ids))
        (patch,) = seams.cut([ids[first:stop]], [starts[first:stop]], random_cuts(1, draw.randrange(10**6)))
        joined = [token for part in parts_of(ids[first:stop], patch) for token in part]
        assert read(reference, joined) == read(reference, ids[first:stop].tolist())
    assert sizes.name == "tokenizers"


def read(reference: Tokenizer, ids: Sequence[int]) -> bytes:
    """The bytes of tokens, whether or not they are whole characters."""
    letters = {letter: byte for byte, letter in enumerate(alphabet())}
    return bytes(letters[letter] for number in ids for letter in reference.id_to_token(number))


def alphabet() -> list[str]:
    printed = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printed else next(others)) for byte in range(256)]


@pytest.fixture(scope="module")
def files(reference: Tokenizer) -> TokenFiles:
    """Documents of many lengths, as token shards hold them."""
    texts = [*random_texts(200, seed=9, longest=40), *random_texts(10, seed=10, longest=400)]
    ids, starts = encode(reference, texts)
    closed = [np.append(own, END).astype(np.uint16) for own in ids]
    marks = np.concatenate([np.append(own, True) for own in starts])
    offsets = np.concatenate(([0], np.cumsum([len(own) for own in closed]))).astype(np.int64)
    header = {"end": END, "source": "", "shards": ["part-0"], "texts": texts}
    packed = np.packbits(marks, bitorder="little")
    return TokenFiles(np.concatenate(closed), offsets, header, packed, None, np.arange(len(texts)))


@pytest.mark.parametrize("packing", ["documents", "best-fit", "starcoder"])
def test_rows_cut_between_characters_are_full_and_tell_the_same_text(
    reference: Tokenizer, seams: Seams, files: TokenFiles, packing: Any
) -> None:
    recipe = Recipe(128, 3, 1.0, 0.5, MARKS, "character", packing, 0, seams)
    sequences = Sequences([files], recipe, plan_mixture([files]))
    count = sequences.blocks[0].rows_an_epoch
    rows = sequences.rows(0, count)
    assert rows.shape == (count, 129)
    if packing == "starcoder":
        return
    assert not (rows == MARKS.pad).any()
    whole = 0
    known = {text.encode() for text in files.header["texts"]}
    for place, plan in sequences._plans(0, count):
        for document, piece, _ in plan.row(place.row):
            if piece.patch is None:
                continue
            base = int(files.offsets[document])
            body = files.ids[base + piece.start : base + piece.stop]
            body = body[: len(body) - (body[-1] == END)]
            joined = [token for part in parts_of(body, piece.patch) for token in part]
            assert read(reference, joined) == read(reference, body.tolist())
            whole += read(reference, joined) in known
    assert whole > 120


def test_old_token_shards_without_marks_say_so(seams: Seams, files: TokenFiles) -> None:
    old = TokenFiles(files.ids, files.offsets, files.header)
    recipe = Recipe(128, 3, 1.0, 0.5, MARKS, "character", "documents", 0, seams)
    with pytest.raises(Problem, match="hold no marks"):
        Sequences([old], recipe, plan_mixture([old])).rows(0, 1)


def test_what_happens_to_a_document_follows_from_its_key_and_number() -> None:
    documents, starts = np.arange(500), np.zeros(500, np.int64)
    orders, cuts = fim.draw_cuts(b"12345678", documents, starts, 0.5)
    assert np.array_equal(fim.draw_cuts(b"12345678", documents[100:200], starts[:100], 0.5)[1], cuts[100:200])
    assert fim.draw_cuts_of_one(b"12345678", 42, 0) == tuple(cuts[42])
    assert (cuts[:, 0] <= cuts[:, 1]).all()
    assert 200 < (orders == fim.SPM).sum() < 300
    assert np.array_equal(fim.choose(b"12345678", documents, 0.5), fim.choose(b"12345678", documents, 0.5))
    assert not fim.choose(b"12345678", documents, 0.0).any()
    assert fim.choose(b"12345678", documents, 1.0).all()
