"""The documented settings for StarPII, on a stand-in whose folder has the shape that its training script gives.

The model itself is gated, and its terms forbid to pass it on: it was never loaded here. What is shown is that labels of
that form are read, by the settings that the README names; nothing is said about what StarPII finds.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bigcode_pii.config import NerConfig
from bigcode_pii.folders import digest_folder
from bigcode_pii.ner import Ner

CATEGORIES = ("NAME", "EMAIL", "EMAIL_EXAMPLE", "USERNAME", "KEY", "IP_ADDRESS", "PASSWORD", "AMBIGUOUS")
LABELS = ["O", *(f"{place}-{category}" for category in CATEGORIES for place in "BI")]
WORDS = ["<pad>", "<unk>", "<cls>", "<sep>", *(category.lower() for category in CATEGORIES), "x"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("starpii")
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s+"), "removed")
    PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", pad_token="<pad>", cls_token="<cls>", sep_token="<sep>"
    ).save_pretrained(folder)
    model = BertForTokenClassification(
        BertConfig(
            vocab_size=len(WORDS), hidden_size=24, num_hidden_layers=0, num_attention_heads=1, intermediate_size=24,
            max_position_embeddings=1024, id2label=dict(enumerate(LABELS)),
            label2id={label: i for i, label in enumerate(LABELS)},
        )
    )  # fmt: skip
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "LayerNorm" not in name:
                weight.zero_()
        for index, word in enumerate(WORDS):
            model.bert.embeddings.word_embeddings.weight[index, index] = 1.0
            label = f"B-{word.upper()}"
            model.classifier.weight[LABELS.index(label) if label in LABELS else 0, index] = 9.0
    model.save_pretrained(folder)
    return folder


def test_its_labels_are_read_and_those_without_an_entity_left_out(folder: Path) -> None:
    text = b"x name x email x email_example x username x key x ip_address x password x ambiguous x"
    settings = NerConfig(path=str(folder), sha256=digest_folder(folder), window=1024, overlap=128)
    found = [(f.entity, text[f.start : f.end].decode()) for f in Ner(settings).find(text)]
    assert found == [
        ("NAME", "name"), ("EMAIL", "email"), ("USERNAME", "username"), ("KEY", "key"), ("IP_ADDRESS", "ip_address"),
        ("PASSWORD", "password"),
    ]  # fmt: skip


def test_user_names_stay_where_the_policy_says_so(folder: Path) -> None:
    text = b"x username x ambiguous x"
    settings = NerConfig(
        path=str(folder), sha256=digest_folder(folder), window=1024, overlap=128,
        entities=("EMAIL", "KEY"), labels={"AMBIGUOUS": "KEY"},
    )  # fmt: skip
    assert [f.entity for f in Ner(settings).find(text)] == ["KEY"]
