"""The whole way of a tiny workspace: data, tokenizer, training on two ranks, evaluation, cards, release."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from model_workspaces import PLANTED, Ran, bigcode, write_model_workspace
from workspaces import bundle_of, edit_spec, root_of, tasks_of_last_run, verdicts_of

from bigcode.cli import run

MODEL_SIDE = {"Tokenizer", "Model", "Evaluation"}


@dataclass(frozen=True)
class Built:
    """The workspace, and what the two runs that built it printed: one that was killed, one that went on."""

    space: Path
    killed: Ran
    resumed: Ran


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Applied from nothing; the first run dies by SIGKILL when the training is about to start."""
    space = write_model_workspace(tmp_path_factory.mktemp("model"))
    killed = bigcode("apply", space, env={"BIGCODE_FAULT": "process.started:kill:4"})
    return Built(space, killed, bigcode("apply", space))


@dataclass(frozen=True)
class OptedOut:
    """The built workspace after one more wish: what was foreseen, what was done."""

    space: Path
    foreseen: Ran
    applied: Ran


@pytest.fixture(scope="module")
def opted_out(built: Built, tmp_path_factory: pytest.TempPathFactory) -> OptedOut:
    """A copy in which the owner of vendored code is left out. The mirror of the runs is lost on the way."""
    space = tmp_path_factory.mktemp("opted-out") / "tiny"
    shutil.copytree(built.space, space, ignore=shutil.ignore_patterns("mlflow"))
    assert bigcode("optout", "add", space, "requestlib").code == 0
    foreseen = bigcode("plan", space, "--impact", "--exit-code")
    return OptedOut(space, foreseen, bigcode("apply", space))


def finished(ran: Ran) -> set[str]:
    """Nodes that did work, by the lines that an apply prints."""
    words = [line.split() for line in ran.err.splitlines()]
    return {w[0] for w in words if len(w) > 2 and "#" in w[0] and w[2].startswith("task")}


def spaces_files(space: Path) -> Iterator[tuple[str, bytes]]:
    """Every byte of what may be shown: cards, release folders, the bundle, MLflow, journals, logs."""
    store = space / ".bigcode"
    parts = ("mlflow", "runs", "actions", "refs")
    for folder in (space / "governance", space / "releases", *(store / part for part in parts)):
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            yield str(path.relative_to(space)), readable(path)
    yield from ((str(log), log.read_bytes()) for log in store.glob("work/*/log.txt"))


def readable(path: Path) -> bytes:
    """A file's bytes, and the values of a table, which are compressed in the file."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    import pyarrow.parquet as pq

    return json.dumps(pq.read_table(path).to_pylist(), default=repr).encode()


def guesses(name: str) -> list[bytes]:
    """A name, and what anybody can compute from it."""
    forms = {name, *name.split("/"), f"owner:{name}", f"repository:{name}"}
    plain = [form.encode() for form in sorted(forms)]
    digests = [f(form) for form in plain for f in (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha512)]
    return [*plain, *(d.hexdigest().encode() for d in digests), *(d.digest() for d in digests)]


def test_a_run_that_was_killed_before_training_is_gone_on_with(built: Built) -> None:
    assert built.killed.code == -9
    assert built.resumed.code == 0, built.resumed.err
    before, after = finished(built.killed), finished(built.resumed)
    assert {"Tokenizer/tiny@1.0.0#train", "Model/tiny@1.0.0#tokens"} <= before
    assert "Model/tiny@1.0.0#train" in after
    assert not before & after


def test_a_second_apply_does_nothing(built: Built, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(built.space), "--exit-code", "--as-of", "2026-11-10"]) == 0
    assert run(["apply", str(built.space)]) == 0
    assert "Nothing to do" in capsys.readouterr().out


def test_what_was_built_loads_with_the_libraries_that_people_use(built: Built, tmp_path: Path) -> None:
    program = """
import json, sys
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, cache = sys.argv[1:]
data = load_dataset(folder + "/dataset", cache_dir=cache)
tokenizer = AutoTokenizer.from_pretrained(folder + "/tokenizer")
model = AutoModelForCausalLM.from_pretrained(folder + "/model")
beside = AutoTokenizer.from_pretrained(folder + "/model")
prompt = tokenizer("def add(a, b):", return_tensors="pt")
written = model.generate(input_ids=prompt["input_ids"], max_new_tokens=8, do_sample=False)
print(json.dumps({
    "rows": {name: split.num_rows for name, split in data.items()},
    "columns": sorted(data["train"].column_names),
    "text": tokenizer.decode(tokenizer("x = 12\\n")["input_ids"]),
    "vocabulary": [len(tokenizer), len(beside)],
    "type": model.config.model_type,
    "multi_query": model.config.multi_query,
    "new": written.shape[1] - prompt["input_ids"].shape[1],
}))
"""
    release = built.space / "releases" / "tiny" / "tiny"
    done = subprocess.run(
        [sys.executable, "-c", program, str(release), str(tmp_path / "cache")],
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found["rows"]) == {"train", "validation"}
    assert min(found["rows"].values()) > 0
    assert {"content", "language", "license", "repository", "path", "blob"} <= set(found["columns"])
    assert found["text"] == "x = 12\n"
    assert found["vocabulary"] == [384, 384]
    assert (found["type"], found["multi_query"]) == ("gpt_bigcode", True)
    assert 0 < found["new"] <= 8


def test_mlflow_shows_data_training_evaluation_and_cards(built: Built) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{built.space / '.bigcode' / 'mlflow' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "attributes.status = 'FINISHED'")
    by_name = {r.info.run_name: r for r in runs}
    training = by_name["Model/tiny@1.0.0"]
    assert training.data.params["train.architecture.n_layer"] == "1"
    assert training.data.metrics["steps"] == 16
    curve = client.get_metric_history(training.info.run_id, "train.loss")
    assert len(curve) >= 8
    assert max(point.step for point in curve) == 16
    assert {d.dataset.name for d in training.inputs.dataset_inputs} >= {"train.tokens.0", "train.tokenizer"}
    evaluation = by_name["Evaluation/tiny@1.0.0"]
    assert evaluation.data.metrics["bits_per_byte.model"] > 0
    assert {d.dataset.name for d in evaluation.inputs.dataset_inputs} >= {
        "suite.0.evals.bits-per-byte.held_out"
    }
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    cards = {a.path for r in parents for f in client.list_artifacts(r.info.run_id, "cards")
             for a in client.list_artifacts(r.info.run_id, f.path)}  # fmt: skip
    assert {
        "cards/model@1.0.0/tiny.model-card.md",
        "cards/governance@1.0.0/tiny.governance-card.html",
    } <= cards


def test_cards_are_what_the_facts_give(built: Built, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["card", str(built.space), "--check"]) == 0
    card = built.space / "governance" / "cards" / "tiny" / "tiny.model-card.md"
    card.write_text(card.read_text().replace("26,048", "26,049"))
    assert run(["card", str(built.space), "--check"]) == 8
    assert "tiny.model-card.md" in capsys.readouterr().err
    assert run(["apply", str(built.space)]) == 0


def test_the_impact_of_an_opt_out_is_foreseen(opted_out: OptedOut) -> None:
    assert opted_out.foreseen.code == 4
    assert "Model/tiny@1.0.0 is pinned and overtaken by its data" in opted_out.foreseen.out
    lines = opted_out.foreseen.out.splitlines()
    assert any(line.split()[:1] == ["optout.owner"] and "0 ->" in line for line in lines)
    assert any(line.split()[:1] == ["optout.copy"] and "0 ->" in line for line in lines)
    assert any("Card/tiny" in line and "printed values change" in line for line in lines)


def test_a_model_is_not_overtaken_when_held_out_files_alone_leave(
    built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = tmp_path / "tiny"
    shutil.copytree(built.space, space)
    assert run(["optout", "add", str(space), "mixer"]) == 0
    assert run(["plan", str(space), "--impact"]) == 0
    told = capsys.readouterr().out
    assert "files leave" in told
    assert "overtaken by its data" not in told


def test_an_opt_out_reruns_no_tokenizer_training_or_evaluation(opted_out: OptedOut) -> None:
    assert opted_out.applied.code == 0, opted_out.applied.err
    worked = finished(opted_out.applied)
    assert "Dataset/tiny@1.0.0#verdicts" in worked
    assert not {node for node in worked if node.split("/")[0] in MODEL_SIDE}
    steps = {step for step, _ in tasks_of_last_run(opted_out.space)}
    assert not {
        s for s in steps if s.startswith(("collect", "observe", "cluster", "gather", "decide.license"))
    }


def test_rows_of_who_opted_out_show_a_keyed_id_and_a_reason_alone(
    opted_out: OptedOut, tmp_path: Path
) -> None:
    rows = [
        r
        for r in verdicts_of(bundle_of(opted_out.space, tmp_path / "bundle"))
        if r["reason"] == "optout.owner"
    ]
    assert rows
    assert all(
        value is None for row in rows for column, value in row.items() if column not in ("row", "reason")
    )


def test_a_pinned_model_prints_as_stale(built: Built, opted_out: OptedOut) -> None:
    (told,) = [line for line in opted_out.applied.out.splitlines() if "moved on" in line]
    assert all(f"{kind}/tiny@1.0.0" in told for kind in MODEL_SIDE)
    card = Path("governance", "cards", "tiny", "tiny.model-card.md")
    assert "| Data has changed since | no |" in (built.space / card).read_text()
    assert "| Data has changed since | yes |" in (opted_out.space / card).read_text()
    assert run(["plan", str(opted_out.space), "--exit-code"]) == 0
    assert run(["card", str(opted_out.space), "--check"]) == 0


def test_only_a_plan_that_says_so_trains_again(
    opted_out: OptedOut, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space, path = tmp_path / "tiny", tmp_path / "plan.json"
    shutil.copytree(opted_out.space, space, ignore=shutil.ignore_patterns("mlflow"))
    edit_spec(space / "project.yaml", "execution", "trackers", value=[])
    plan = ["plan", "Tokenizer/tiny@1.0.0", "-w", str(space), "--exit-code", "--out", str(path)]
    assert run(plan) == 0
    assert run(["apply", str(path), "--retrain"]) == 2
    assert run([*plan, "--retrain"]) == 4
    capsys.readouterr()
    assert run(["apply", str(path)]) == 0
    assert "Tokenizer/tiny@1.0.0#" in capsys.readouterr().err
    assert run([*plan, "--retrain"]) == 0, "it has followed its data"


def test_a_lost_mirror_is_begun_again(opted_out: OptedOut) -> None:
    assert (opted_out.space / ".bigcode" / "mlflow" / "mlflow.db").exists()
    assert "mirror failed" not in opted_out.applied.err


@pytest.mark.parametrize("which", ["built", "opted_out"])
def test_its_bundle_verifies(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    space: Path = request.getfixturevalue(which).space
    bundle = bundle_of(space, tmp_path / "bundle")
    assert run(["verify", str(bundle)]) == 0
    last = (
        request.getfixturevalue(which).resumed if which == "built" else request.getfixturevalue(which).applied
    )
    assert root_of(bundle) in last.out
    manifest = (bundle / "manifests/Dataset/tiny@1.0.0/shards.json").read_text()
    assert manifest.index("train/c-00") < manifest.index("train/cpp-00")


@pytest.mark.parametrize("which", ["built", "opted_out"])
def test_names_in_the_opt_out_list_are_in_no_public_byte(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    made = request.getfixturevalue(which)
    space: Path = made.space
    assert all(name in (space / "optouts" / "list.json").read_text() for name in PLANTED)
    bundle = bundle_of(space, tmp_path / "bundle")
    shown = dict(spaces_files(space))
    shown |= {f"bundle/{p.relative_to(bundle)}": readable(p) for p in bundle.rglob("*") if p.is_file()}
    printed = (made.killed, made.resumed) if which == "built" else (made.foreseen, made.applied)
    shown |= {f"output {n}": (ran.out + ran.err).encode() for n, ran in enumerate(printed)}
    shown["plan"] = bigcode("plan", space, "--impact", "--json").out.encode()
    shown["github"] = bigcode("plan", space, "--format", "github").out.encode()
    secret = [guess for name in PLANTED for guess in guesses(name)]
    found = [(file, guess) for file, data in shown.items() for guess in secret if guess in data]
    assert not found
    assert len(shown) > 100


def test_a_release_is_refused_when_the_opt_outs_are_old(
    built: Built, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["release", str(built.space), "--as-of", "2027-05-20"]) == 5
    assert "E406" in capsys.readouterr().err
    assert not (built.space / "bigcode.lock").exists()
    assert not (built.space / "releases" / "tiny" / "tiny-1.0.0").exists()


def test_a_release_is_written_once_and_freezes_what_it_holds(
    built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = tmp_path / "tiny"
    shutil.copytree(built.space, space, ignore=shutil.ignore_patterns("mlflow"))
    edit_spec(space / "project.yaml", "execution", "trackers", value=[])
    release = ["release", str(space), "--as-of", "2026-11-10"]
    assert run(release) == 0
    out = capsys.readouterr().out
    assert "gate opt-out-age: ok" in out
    assert "gate approvals: ok: none are required by the Project" in out
    folder = space / "releases" / "tiny" / "tiny-1.0.0"
    written = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
    assert {p.relative_to(folder).parts[0] for p in written} >= {
        "dataset",
        "tokenizer",
        "model",
        "cards",
        "evidence",
    }
    lock = (space / "bigcode.lock").read_bytes()

    edit_spec(space / "release.yaml", "terms", value="Said later.")
    assert run([*release[:3], "2026-11-20"]) == 0
    assert "nothing changed" in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()} == written
    assert (space / "bigcode.lock").read_bytes() == lock

    assert run(["verify", str(folder / "evidence"), "--data", str(folder / "dataset")]) == 0
    shard = next((folder / "dataset").rglob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    assert run(["verify", str(folder / "evidence"), "--data", str(folder / "dataset")]) == 8
    assert run(release) == 8, "a damaged release cannot be made again from specs that say more"

    capsys.readouterr()
    edit_spec(space / "dataset.yaml", "split", "seed", value=2)
    assert run(["validate", str(space)]) == 3
    assert run(["apply", str(space)]) == 3
    err = capsys.readouterr().err
    assert "E210" in err
    assert "Dataset/tiny@1.0.0 was released" in err
