"""The token classifier: it finds what was planted, as a detector that a policy can name; a stop changes nothing."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import load_file
from transformers import AutoModelForTokenClassification

from bigcode.api import Problem, parse_unit
from bigcode.decide.detection import measure
from bigcode.testing.context import JobContext, StageContext
from bigcode_pii.config import NerConfig, PlantedConfig
from bigcode_pii.folders import digest_folder
from bigcode_pii.ner import Ner
from bigcode_pii.planted import Planted
from bigcode_train.classifier.labelled import build_labelled, choose_blobs, part_of

_FOUND = importlib.util.spec_from_file_location(
    "classifier_jobs", Path(__file__).with_name("classifier_jobs.py")
)
assert _FOUND is not None
assert _FOUND.loader is not None
jobs = importlib.util.module_from_spec(_FOUND)
_FOUND.loader.exec_module(jobs)

STEPS = 240
RECALL = 0.8
"""Of planted e-mail addresses in held-out files; the tiny model of this test found .95 of them."""

Inputs = dict[str, dict[str, Path]]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return jobs.source_files()


@pytest.fixture(scope="module")
def inputs(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    folder = tmp_path_factory.mktemp("data")
    data = jobs.write_dataset(folder / "part.parquet", texts)
    return {"data.0": data, "tokenizer": jobs.train_tokenizer(folder / "bpe", data)}


@pytest.fixture(scope="module")
def finished(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> JobContext:
    return jobs.run(
        jobs.make_job(
            tmp_path_factory.mktemp("finished"), inputs, STEPS, {"patience": 0, "learningRate": 3e-3}
        )
    )


@pytest.fixture(scope="module")
def short(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> JobContext:
    """A run of 24 steps that looks at the development part after every 8 and keeps the checkpoints of 10, 20 and 24."""
    folder = tmp_path_factory.mktemp("short")
    return jobs.run(jobs.make_job(folder, inputs, 24, {"evaluateEvery": 8}, checkpointsKept=3))


def detector(job: JobContext) -> Ner:
    folder = job.out / "model"
    return Ner(NerConfig(path=str(folder), sha256=digest_folder(folder), window=64, overlap=16, batch=16))


def held_out(job: JobContext, texts: list[str]) -> tuple[pa.Table, pa.Table]:
    """The labels of the test part, made anew from the carriers that `labelled.json` names, and what `pii.ner` finds."""
    named = json.loads((job.out / "labelled" / "labelled.json").read_text(encoding="utf-8"))["parts"]["test"]
    carriers = pa.table(
        {"blob": named, "content": [{jobs.digest(t): t.encode() for t in texts}[b] for b in named]}
    )
    labelled = Planted(PlantedConfig(**jobs.PLANTED["config"])).build(carriers, StageContext())
    table = pa.table({"blob": [str(i) for i in range(labelled.num_rows)], "content": labelled["content"]})
    return labelled, detector(job).run(table, StageContext())


def test_the_exported_folder_is_a_detector_that_finds_planted_addresses_in_held_out_files(
    finished: JobContext, texts: list[str]
) -> None:
    labelled, found = held_out(finished, texts)
    score = measure(labelled, found).entities["EMAIL"]
    assert score.positives > 30
    assert score.recall is not None
    assert score.recall >= RECALL
    facts = {fact.id: fact for fact in finished.recorded}
    # The facts say what the detector does.
    assert facts["recall{entity=EMAIL}"].value == pytest.approx(score.recall, abs=1e-6)
    assert facts["recall{entity=EMAIL}"].interval == pytest.approx(score.recall_interval, abs=1e-5)
    assert facts["precision{entity=EMAIL}"].value == pytest.approx(score.precision_everywhere, abs=1e-6)
    assert facts["precision-on-labels{entity=EMAIL}"].value == pytest.approx(score.precision, abs=1e-6)


def test_facts_have_intervals_units_and_both_ways_of_matching(finished: JobContext) -> None:
    facts = {fact.id: fact for fact in finished.recorded}
    assert len(facts) == len(finished.recorded)
    for fact in facts.values():
        parse_unit(fact.unit)
    for name in ("precision", "recall", "f1"):
        partial, strict = facts[f"{name}{{entity=EMAIL}}"], facts[f"{name}{{entity=EMAIL,match=strict}}"]
        assert partial.value >= strict.value
        assert partial.interval[0] <= partial.value <= partial.interval[1]
    files = [facts[f"labelled.files{{part={part}}}"].value for part in ("train", "development", "test")]
    assert sum(files) == 60
    assert facts["steps"].value == STEPS


def test_a_file_is_in_one_part_only_and_no_other_file_moves_it(
    inputs: Inputs, finished: JobContext, tmp_path: Path
) -> None:
    parts = build_labelled(finished, 0.1, 0.2).parts
    digests = [item.blob for items in parts.values() for item in items]
    assert len(set(digests)) == len(digests)
    all_texts = jobs.source_files()
    fewer = jobs.write_dataset(
        tmp_path / "fewer.parquet", [t for t in all_texts if jobs.digest(t) != digests[0]]
    )
    other = jobs.make_job(tmp_path / "job", {**inputs, "data.0": fewer}, 1)
    moved = build_labelled(other, 0.1, 0.2).parts
    assert digests[0] not in {item.blob for items in moved.values() for item in items}
    for part, items in moved.items():
        assert all(part_of(item.blob, 3, 0.1, 0.2) == part for item in items)
        assert len({i.blob for i in items} - {i.blob for i in parts[part]}) <= 1
    assert set(choose_blobs(other, 3, 60)) - set(digests) == set(choose_blobs(other, 3, 60)) - set(
        digests[1:]
    )


def test_a_run_that_was_cut_off_goes_on_with_the_same_trace_and_ends_with_the_same_weights(
    short: JobContext, inputs: Inputs, tmp_path: Path
) -> None:
    shutil.copytree(short.scratch / "checkpoints-0", tmp_path / "job" / "checkpoints-0")
    for late in ("step-00000020", "step-00000024"):
        shutil.rmtree(tmp_path / "job" / "checkpoints-0" / late)
    again = jobs.run(jobs.make_job(tmp_path / "job", inputs, 24, {"evaluateEvery": 8}))
    assert jobs.losses(again) == jobs.losses(short)[10:]
    mine, theirs = (load_file(job.out / "model" / "model.safetensors") for job in (again, short))
    assert all((mine[name] == theirs[name]).all() for name in theirs)


def test_training_stops_early_and_keeps_the_best_weights(inputs: Inputs, tmp_path: Path) -> None:
    # With such a rate the first look is the best one.
    change = {
        "evaluateEvery": 4,
        "patience": 2,
        "learningRate": 0.5,
        "warmupSteps": 0,
        "schedule": "constant",
    }
    job = jobs.run(jobs.make_job(tmp_path, inputs, 60, change))
    looks = [(p["f1"], -p["loss"]) for p in job.points if p["series"] == "development"]
    steps = {fact.id: fact.value for fact in job.recorded}["steps"]
    assert steps == 4 * len(looks) < 60
    assert looks.index(max(looks)) == len(looks) - 3


def test_two_ranks_train_as_one_does(short: JobContext, inputs: Inputs, tmp_path: Path) -> None:
    plain = {name: {n: str(p) for n, p in files.items()} for name, files in inputs.items()}
    said = {"scratch": str(tmp_path / "job"), "steps": 24, "change": {"evaluateEvery": 8}, "inputs": plain}
    (tmp_path / "job").mkdir()
    (tmp_path / "job.json").write_text(json.dumps(said), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, jobs.__file__, str(tmp_path / "job.json")], capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    points, facts = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert [p["loss"] for p in points if p["series"] == "train"] == pytest.approx(
        jobs.losses(short), rel=1e-4
    )
    mine, theirs = ([p["digest"] for p in told if p["series"] == "order"] for told in (points, short.points))
    assert mine == theirs
    assert facts["world"] == 2


def test_a_second_model_learns_from_what_the_first_was_sure_of(
    inputs: Inputs, texts: list[str], tmp_path: Path
) -> None:
    # Files with addresses that nobody labelled.
    spare = [
        text + f'\nmail = "{name}' + "@" + f'harbour{i}-mail.com"\n'
        for i, (text, name) in enumerate(zip(texts, _NAMES, strict=False))
    ]
    data = jobs.write_dataset(tmp_path / "more.parquet", [*texts[: len(texts) // 2], *spare])
    labels = jobs.PLANTED | {"config": jobs.PLANTED["config"] | {"carriers": 30}}
    change = {"pseudo": {"rounds": 1, "threshold": 0.5, "files": 12}, "patience": 0, "empty": 0.5}
    job = jobs.make_job(tmp_path / "job", {**inputs, "data.0": data}, 50, change, labels=labels)
    facts = {fact.id: fact.value for fact in jobs.run(job).recorded}
    said = json.loads((job.out / "labelled" / "labelled.json").read_text(encoding="utf-8"))["parts"]
    assert 0 < facts["pseudo.files{round=1}"] <= 12
    assert facts["pseudo.labels{entity=EMAIL,round=1}"] >= facts["pseudo.files{round=1}"]
    assert {"development.f1{round=0}", "development.f1{round=1}"} <= set(facts)
    # What a model labelled is in no part that anything is measured on.
    assert not set(said["pseudo"]) & {
        blob for part in ("train", "development", "test") for blob in said[part]
    }
    if facts["round"] == 1:
        assert len(said["pseudo"]) == facts["pseudo.files{round=1}"]
    assert len([p for p in job.points if p["series"] == "train"]) == 100
    # An attempt that goes on from the end labels nothing anew and gives the same model.
    again = jobs.run(jobs.make_job(tmp_path / "job", {**inputs, "data.0": data}, 50, change, labels=labels))
    assert {f.id: f.value for f in again.recorded}["pseudo.labels{entity=EMAIL,round=1}"] == facts[
        "pseudo.labels{entity=EMAIL,round=1}"
    ]


_NAMES = (
    "ada",
    "grace",
    "linus",
    "alan",
    "barbara",
    "edsger",
    "donald",
    "tony",
    "niklaus",
    "john",
    "ken",
    "dennis",
)


def _annotated(path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {
        "factory": "bigcode_pii.annotated:Annotated",
        "config_class": "bigcode_pii.annotated_config:AnnotatedConfig",
        "config": {"path": str(path), "sha256": sha256(path.read_bytes()).hexdigest()},
    }


def test_annotated_texts_that_an_opt_out_took_away_are_not_learnt_from(
    inputs: Inputs, tmp_path: Path
) -> None:
    mail = "ada" + "@" + "harbour-mail.zz"
    rows = []
    for number in range(30):
        text = f"# file {number}\nmail = {mail}\n"
        start = text.index(mail)
        rows.append(
            {
                "content": text,
                "fragments": [{"category": "EMAIL", "position": [start, start + len(mail)], "value": mail}],
            }
        )
    labels = _annotated(tmp_path / "set.jsonl", rows)
    digests = [jobs.digest(row["content"]) for row in rows]

    def table(name: str, blobs: list[str | None]) -> dict[str, Path]:
        pq.write_table(pa.table({"blob": pa.array(blobs, pa.string())}), tmp_path / name)
        return {name: tmp_path / name}

    # The snapshot holds the first ten; verdicts hide two, as they do where an opt-out reaches a file.
    consent = {
        "snapshot.0": table("snapshot", digests[:10]),
        "verdicts.0": table("verdicts", [*digests[:8], None, None]),
    }
    job = jobs.make_job(tmp_path / "job", {**inputs, **consent}, 2, labels=labels)
    labelled = build_labelled(job, 0.1, 0.2)
    assert labelled.withdrawn == 2
    assert labelled.blobs == set(digests) - set(digests[8:10])
    jobs.run(job)
    named = json.loads((job.out / "labelled" / "labelled.json").read_text(encoding="utf-8"))["parts"].values()
    assert not set(digests[8:10]) & {blob for part in named for blob in part}
    with pytest.raises(Problem) as caught:
        build_labelled(jobs.make_job(tmp_path / "blind", inputs, 2, labels=labels), 0.1, 0.2)
    assert "E401" in str(caught.value)


@pytest.mark.parametrize(
    ("params", "change", "code"),
    [
        ({"architecture": {}}, {}, "E106"),
        ({"architecture": {"model_type": "lama"}}, {}, "E104"),
        ({"architecture": jobs.TINY | {"hiden_size": 4}}, {}, "E104"),
        ({"architecture": jobs.TINY | {"max_position_embeddings": 32}}, {}, "E105"),
        ({"architecture": jobs.TINY | {"vocab_size": 64}}, {}, "E105"),
        ({"architecture": {"model_type": "vit"}}, {}, "E105"),
        ({"budget_tokens": 100}, {}, "E105"),
        ({"sharding": "fsdp"}, {}, "E811"),
        ({}, {"tokenizer": "base"}, "E105"),
        ({"labels": jobs.PLANTED | {"config": {"positives": 0}}}, {}, "E707"),
    ],
)
def test_what_does_not_fit_is_refused(
    inputs: Inputs, tmp_path: Path, params: dict[str, Any], change: dict[str, Any], code: str
) -> None:
    with pytest.raises(Problem) as caught:
        jobs.run(jobs.make_job(tmp_path, inputs, 2, change, **params))
    assert code in str(caught.value)


ENCODERS = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32},
    "modernbert": {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32},
    "gpt_bigcode": {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 64},
    "starcoder2": {
        "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
        "intermediate_size": 32,
    },
}  # fmt: skip


def test_a_decoder_with_is_causal_false_sees_both_sides_of_a_token(short: JobContext, tmp_path: Path) -> None:
    def first_of(path: Path, last: int) -> Any:
        model = AutoModelForTokenClassification.from_pretrained(path).eval()
        return model(input_ids=torch.tensor([[5, 6, 7, last]])).logits[0, 0]

    assert not torch.equal(first_of(short.out / "model", 8), first_of(short.out / "model", 9))
    shutil.copytree(short.out / "model", tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "model" / "config.json").write_text(
        json.dumps(config | {"is_causal": True}), encoding="utf-8"
    )
    assert torch.equal(first_of(tmp_path / "model", 8), first_of(tmp_path / "model", 9))


@pytest.mark.parametrize("kind", sorted(ENCODERS))
def test_encoders_and_decoders_become_detectors_and_go_on_from_a_base(
    inputs: Inputs, tmp_path: Path, kind: str
) -> None:
    architecture = {"model_type": kind, **ENCODERS[kind]}
    change = {"balance": 0.5, "focal": 2.0, "microBatch": 5}
    first = jobs.run(jobs.make_job(tmp_path / "first", inputs, 3, change, architecture=architecture))
    detector(first)
    base = {path.name: path for path in (first.out / "model").iterdir()}
    second = jobs.run(
        jobs.make_job(
            tmp_path / "second", {**inputs, "base": base}, 3, change, architecture={"model_type": kind}
        )
    )
    assert jobs.losses(second)[0] < jobs.losses(first)[0]
    detector(second)
