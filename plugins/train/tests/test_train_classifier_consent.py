"""Through `bigcode apply`: a file that is opted out is no file that the token classifier learns from."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from model_workspaces import bigcode
from workspaces import data_workspace, edit_spec, resource, write_spec

from bigcode.testing.corpus import build_corpus
from bigcode_pii.folders import digest_folder

_SETTINGS = {
    "entities": ["EMAIL", "KEY"], "window": 64, "overlap": 16, "batch": 8, "warmupSteps": 1, "precision": "fp32",
    "logEvery": 1,
}  # fmt: skip
_TINY = {
    "model_type": "llama", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64, "is_causal": False,
}  # fmt: skip


def outputs_of(space: Path, output: str) -> dict[str, bytes]:
    """The files of an output of the newest classifier, by name."""
    store = space / ".bigcode"
    found = [p for p in (store / "actions").rglob("*") if p.is_file() and b"labelled.json" in p.read_bytes()]
    newest = json.loads(max(found, key=lambda path: path.stat().st_mtime_ns).read_bytes())
    entries = newest["outputs"][output]
    return {name: (store / "objects" / digest[:2] / digest).read_bytes() for name, digest, *_ in entries}


def learnt_from(space: Path) -> set[str]:
    """Digests of the files that the newest classifier was made from."""
    parts = json.loads(outputs_of(space, "labelled")["labelled.json"])["parts"]
    return {blob for part in parts.values() for blob in part}


def only_of(owner: str) -> set[str]:
    """Digests of the files that nobody but the owner has; a licence text is everybody's."""
    holders: dict[str, set[str]] = {}
    for row in build_corpus():
        holders.setdefault(sha256(row["content"].encode()).hexdigest(), set()).add(row["owner"])
    return {blob for blob, owners in holders.items() if owners == {owner}}


pytestmark = pytest.mark.slow


@pytest.fixture
def space(tmp_path: Path) -> Path:
    space = data_workspace(tmp_path)
    edit_spec(space / "dataset.yaml", "split", "validation", value=0.0)
    dataset: dict[str, Any] = {"dataset": "Dataset/tiny@1.0.0"}
    write_spec(
        space / "tokenizer.yaml",
        resource(
            "Tokenizer",
            "tiny",
            dataset | {"algorithm": {"uses": "train.bpe", "version": 1}, "vocabulary": 384},
        ),
    )
    model = {
        "task": "pii-token-classifier",
        "tokenizer": "Tokenizer/tiny",
        "data": [dataset],
        "tokens": {"uses": "train.tokens", "version": 2},
        "trainer": {"uses": "train.token-classifier", "version": 1, "with": _SETTINGS},
        "labels": {"uses": "pii.planted", "version": 1, "with": {"carriers": 100}},
        "architecture": _TINY,
        "budget": {"tokens": "2048 tokens"},
        "seed": 1,
        "runtime": {"threads": 1},
    }
    write_spec(space / "model.yaml", resource("Model", "pii", model))
    return space


def test_an_opted_out_file_leaves_the_labelled_set(space: Path) -> None:
    ran = bigcode("apply", space)
    assert ran.code == 0, ran.err
    before = learnt_from(space)
    assert before & only_of("widgets")
    assert bigcode("optout", "add", space, "widgets").code == 0
    ran = bigcode("apply", space, "--retrain")
    assert ran.code == 0, ran.err
    after = learnt_from(space)
    assert after
    assert not after & only_of("widgets")
    assert after < before


def test_a_policy_names_the_model_as_its_detector(space: Path, tmp_path: Path) -> None:
    assert bigcode("apply", space).code == 0
    folder = tmp_path / "detector"
    folder.mkdir()
    for name, data in outputs_of(space, "model").items():
        (folder / name).write_bytes(data)
    settings = {"path": str(folder), "sha256": digest_folder(folder), "window": 64, "overlap": 16}
    edit_spec(space / "pii.yaml", "detector", value={"uses": "pii.ner", "version": 1, "with": settings})
    ran = bigcode("apply", space)
    assert ran.code == 0, ran.err
    assert "pii.ner" in ran.err or "observe.pii" in ran.err
    # Other weights than those that were pinned are not used.
    (folder / "config.json").write_bytes((folder / "config.json").read_bytes() + b" ")
    edit_spec(space / "pii.yaml", "detector", "with", "threshold", value=0.6)
    ran = bigcode("apply", space)
    assert ran.code == 1
    assert "E702" in ran.err
