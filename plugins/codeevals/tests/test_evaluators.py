"""The evaluators end to end: a model folder in, facts and results out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bigcode.api import Config, Fact, Problem, load_object
from bigcode.api.canonical import canonical
from bigcode.testing.context import JobContext
from bigcode_codeevals.config import ProgramsConfig, TextsConfig
from bigcode_codeevals.plugin import bigcode_components
from bigcode_codeevals.programs import Programs
from bigcode_codeevals.texts import Texts

KNOWN = {
    "task_id": "known/1", "prompt": 'def same(x):\n    """Give x."""\n', "canonical_solution": "    return x\n",
    "entry_point": "same", "test": "def check(candidate):\n    assert candidate(7) == 7\n",
}  # fmt: skip
UNKNOWN = {**KNOWN, "task_id": "unknown/1", "prompt": 'def more(x):\n    """Give x."""\n', "entry_point": "more",
           "test": "def check(candidate):\n    assert candidate(7) == 8\n"}  # fmt: skip
TEXT = KNOWN["prompt"] + KNOWN["canonical_solution"] + "\nprint(same(1))\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tiny: SimpleNamespace) -> Mapping[str, Path]:
    """A model that knows how the first task goes on."""
    return tiny.reader(tmp_path_factory.mktemp("model"), [TEXT])


def suite_file(folder: Path, records: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    path = folder / "suite.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return str(path), sha256(path.read_bytes()).hexdigest()


def evaluate(
    tmp_path: Path,
    model: Mapping[str, Path],
    records: Sequence[Mapping[str, Any]] = (KNOWN, UNKNOWN),
    **more: Any,
) -> JobContext:
    path, digest = suite_file(tmp_path, records)
    context = {name: more.pop(name) for name in ("params", "input_facts") if name in more}
    said = {"sampling": {"temperature": 0, "max_new_tokens": 40}, "workers": 2, **more}
    config = ProgramsConfig(suite="file", name="ours", path=path, sha256=digest, **said)
    ctx = JobContext(config=config, scratch=tmp_path / "scratch", inputs={"model": model}, **context)
    ctx.scratch.mkdir(exist_ok=True)
    Programs(config).run(ctx)
    return ctx


def facts_of(ctx: JobContext) -> Mapping[str, Fact]:
    found = {fact.id.replace("{suite=ours}", ""): fact for fact in ctx.recorded}
    assert len(found) == len(ctx.recorded)
    return found


def test_the_components_name_classes_that_load() -> None:
    for component in bigcode_components():
        assert (component.slot, component.deterministic) == ("evaluator", False)
        assert issubclass(load_object(component.config), Config)
        assert callable(load_object(component.factory))


def test_a_model_that_knows_one_task_of_two_passes_half(tmp_path: Path, model: Mapping[str, Path]) -> None:
    ctx = evaluate(tmp_path, model)
    facts = facts_of(ctx)
    assert facts["pass_at_1"].value == 0.5
    assert facts["pass_at_1"].interval == (0, 1)
    assert (facts["tasks"].value, facts["samples"].value, facts["samples.passed"].value) == (2, 2, 1)
    failed = sum(f.value for name, f in facts.items() if name.startswith("samples.failed."))
    assert failed == 1
    assert facts["pass_at_1"].inputs == tuple(e.digest for e in ctx.entries("model"))


def test_how_it_was_asked_is_a_fact(tmp_path: Path, model: Mapping[str, Path]) -> None:
    facts = facts_of(
        evaluate(tmp_path, model, sampling={"temperature": 0.5, "samples": 3, "max_new_tokens": 30}, k=(1, 3))
    )
    assert facts["sampling.samples"].value == 3
    assert facts["sampling.temperature"].value == 0.5
    assert facts["sampling.top_p"].value == 0.95
    assert "\ndef " in json.loads(str(facts["sampling.stop"].value))
    assert (facts["limit.cpu"].value, facts["limit.wall"].unit) == (5.0, "s")
    assert {"version.torch", "version.transformers", "version.python", "version.bubblewrap"} <= set(facts)
    assert facts["pass_at_3"].value >= facts["pass_at_1"].value
    assert facts["samples"].value == 6


def test_the_harness_s_digest_changes_with_what_results_depend_on_and_not_with_the_machine(
    tmp_path: Path, model: Mapping[str, Path]
) -> None:
    first, other = {"temperature": 0, "max_new_tokens": 10}, {"temperature": 0, "max_new_tokens": 11}
    said = [
        facts_of(evaluate(tmp_path, model, [KNOWN], sampling=sampling, workers=workers))["harness"].value
        for sampling, workers in ((first, 1), ({**first, "batch": 2}, 2), (other, 1))
    ]
    assert said[0] == said[1] != said[2]


def test_results_are_canonical_and_hold_no_text(tmp_path: Path, model: Mapping[str, Path]) -> None:
    ctx = evaluate(tmp_path, model)
    data = (ctx.out / "results" / "results.json").read_bytes()
    assert data == canonical(json.loads(data))
    assert json.loads(data)["tasks"]["known/1"] == {"passed": 1}
    assert b"return" not in data
    assert not any(character.isdigit() for fact in ctx.recorded for character in fact.label)


def test_the_record_of_decontamination_is_read(tmp_path: Path, model: Mapping[str, Path]) -> None:
    _, digest = suite_file(tmp_path, (KNOWN, UNKNOWN))
    clean = {"dataset": "Dataset/a@1", "suites": [{"name": "theirs", "sha256": digest}]}
    dirty = {"dataset": "Dataset/b@1", "suites": []}
    dropped = Fact("Dataset/a@1/files.dropped{reason=contamination.theirs}", 3, "file")
    ctx = evaluate(
        tmp_path, model, params={"decontamination": [clean]}, input_facts={"verdicts": [dropped]}
    )  # fmt: skip
    assert facts_of(ctx)["decontaminated"].value == "yes"
    assert facts_of(ctx)["decontaminated.files"].value == 3
    assert not ctx.warnings
    for record, said in (([clean, dirty], "no"), ([], "not recorded")):
        ctx = evaluate(tmp_path, model, params={"decontamination": record})
        assert facts_of(ctx)["decontaminated"].value == said
        assert ["may be known" in warning.message for warning in ctx.warnings] == [True]


def test_without_a_sandbox_nothing_is_drawn(
    tmp_path: Path, model: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bigcode_codeevals.sandbox.pool.find_bubblewrap", lambda: None)
    with pytest.raises(Problem) as caught:
        evaluate(tmp_path, model)
    assert [d.code for d in caught.value.diagnostics] == ["E806"]
    assert not (tmp_path / "scratch" / "out").exists()


def test_what_breaks_the_sandbox_gives_no_result(tmp_path: Path, model: Mapping[str, Path]) -> None:
    with pytest.raises(Problem) as caught:
        evaluate(tmp_path, model, [{**KNOWN, "test": "def check(candidate:\n"}])
    assert [d.code for d in caught.value.diagnostics] == ["E807"]
    assert not (tmp_path / "scratch" / "out").exists()


def test_summaries_are_compared_by_their_words(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, tiny: SimpleNamespace
) -> None:
    summary = "f ( )\n# Summary: call the function f now\n"
    model = tiny.reader(tmp_path_factory.mktemp("summaries"), [summary])
    records = [
        {"code_tokens": ["f", "(", ")"], "docstring_tokens": ["Call", "the", "function", "f", "now"]},
        {"code_tokens": ["q"], "docstring_tokens": ["Something", "else"]},
    ]
    path, digest = suite_file(tmp_path, records)
    sampling = {"temperature": 0, "max_new_tokens": 40}
    said = {"name": "ours", "path": path, "sha256": digest, "format": "code-to-text", "sampling": sampling}
    config = TextsConfig.model_validate(said)
    ctx = JobContext(config=config, scratch=tmp_path / "scratch", inputs={"model": model})
    ctx.scratch.mkdir()
    Texts(config).run(ctx)
    facts = facts_of(ctx)
    assert facts["exact"].value == 0.5
    assert 0.5 <= facts["bleu.mean"].value < 1
    assert facts["bleu.mean"].interval is not None
    assert b"call the" not in (ctx.out / "results" / "results.json").read_bytes()


def test_a_model_without_tokenizer_is_named(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, tiny: SimpleNamespace
) -> None:
    folder = tmp_path_factory.mktemp("bare")
    files = dict(tiny.save(tiny.build(), folder))
    del files["tokenizer.json"]
    with pytest.raises(Problem) as caught:
        evaluate(tmp_path, files)
    assert [d.code for d in caught.value.diagnostics] == ["E805"]
