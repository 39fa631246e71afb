"""The adapter for token classifiers, on a tiny model whose weights are written by hand: embeddings, no layers, and a
classifier that reads them. It shows windows, offsets and labels, and says nothing about any real model."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcode.api import Problem
from bigcode.testing.context import StageContext
from bigcode_pii.config import NerConfig
from bigcode_pii.folders import digest_folder
from bigcode_pii.ner import Ner, byte_offsets, cut_windows, read_label

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "anna", "berg", "hunter", "é", ":", "x"]
LABELS = ["O", "B-PER", "I-PER", "B-PASSWORD", "I-PASSWORD"]
MEANING = {"anna": 1, "berg": 2, "hunter": 3}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    torch.manual_seed(1)
    model = BertForTokenClassification(
        BertConfig(
            vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=0, num_attention_heads=1, intermediate_size=16,
            max_position_embeddings=16, num_labels=len(LABELS), id2label=dict(enumerate(LABELS)),
            label2id={label: i for i, label in enumerate(LABELS)},
        )
    )  # fmt: skip
    with torch.no_grad():
        embeddings = model.bert.embeddings
        for table in (
            embeddings.word_embeddings,
            embeddings.position_embeddings,
            embeddings.token_type_embeddings,
        ):
            table.weight.zero_()
        model.classifier.weight.zero_()
        model.classifier.bias.zero_()
        for index, word in enumerate(WORDS):
            embeddings.word_embeddings.weight[index, index] = 1.0
            model.classifier.weight[MEANING.get(word, 0), index] = 9.0
    model.save_pretrained(folder)
    return folder


def stage(checkpoint: Path, **settings: Any) -> Ner:
    return Ner(
        NerConfig(path=str(checkpoint), sha256=digest_folder(checkpoint), window=8, overlap=2, **settings)
    )


def test_spans_are_joined_over_tokens_and_windows_and_placed_in_bytes(checkpoint: Path) -> None:
    text = "é x anna berg : hunter " + "x é " * 9 + "anna berg anna"
    data = text.encode()
    findings = stage(checkpoint, batch=2).find(data)
    assert [(f.entity, data[f.start : f.end].decode()) for f in findings] == [
        ("NAME", "anna berg"), ("PASSWORD", "hunter"), ("NAME", "anna berg"), ("NAME", "anna"),
    ]  # fmt: skip
    assert all(f.kind == "ner" and f.score > 0.9 for f in findings)


def test_the_columns_are_those_of_the_rules(checkpoint: Path) -> None:
    contents = [b"", b"x", b"anna berg", b"hunter " * 20, b"\0 \r\n"]
    given_table = pa.table({"blob": list("abcde"), "content": pa.array(contents, pa.binary())})
    result = stage(checkpoint).run(given_table, StageContext())
    assert result["pii_name"].to_pylist() == [0, 0, 1, 0, 0]
    assert result["pii_password"].to_pylist() == [0, 0, 0, 20, 0]
    rows = pa.concat_tables(
        [stage(checkpoint).run(given_table.slice(i, 1), StageContext()) for i in range(5)]
    )
    assert rows.combine_chunks().equals(result.combine_chunks())


def test_entities_threshold_and_labels_are_those_of_the_config(checkpoint: Path) -> None:
    text = b"anna hunter"
    assert [f.entity for f in stage(checkpoint, entities=("PASSWORD",)).find(text)] == ["PASSWORD"]
    assert stage(checkpoint, threshold=1.0).find(text) == []
    assert [f.entity for f in stage(checkpoint, labels={"PER": "USERNAME"}).find(text)] == [
        "USERNAME",
        "PASSWORD",
    ]


def test_a_checkpoint_is_loaded_only_as_pinned(checkpoint: Path) -> None:
    for settings, code in (
        ({"path": str(checkpoint), "sha256": "0" * 64}, "E702"),
        ({"path": str(checkpoint / "none"), "sha256": "0" * 64}, "E109"),
        ({}, "E109"),
        ({"path": str(checkpoint), "sha256": digest_folder(checkpoint), "window": 16, "overlap": 14}, "E105"),
    ):
        with pytest.raises(Problem) as caught:
            Ner(NerConfig(**settings))
        assert code in str(caught.value)


@given(st.integers(1, 400), st.integers(1, 60), st.data())
def test_windows_judge_each_token_once_within_themselves(count: int, room: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, room - 1))
    windows = list(cut_windows(count, room, overlap))
    assert [windows[0][2], windows[-1][3]] == [0, count]
    assert all(a[3] == b[2] for a, b in pairwise(windows))
    for start, end, first, last in windows:
        assert 0 < end - start <= room
        assert start <= first <= last <= end


@given(st.text(max_size=50))
def test_offsets_count_bytes(text: str) -> None:
    assert byte_offsets(text).tolist() == [len(text[:i].encode()) for i in range(len(text) + 1)]


def test_labels_are_read_by_name() -> None:
    assert read_label("B-EMAIL", {}) == ("EMAIL", True)
    assert read_label("I-IP_ADDRESS", {}) == ("IP_ADDRESS", False)
    assert read_label("NAME", {}) == ("NAME", False)
    assert read_label("O", {}) == (None, False)
    assert read_label("B-AMBIGUOUS", {}) == (None, True)
    assert read_label("B-THING", {"THING": "KEY"}) == ("KEY", True)
