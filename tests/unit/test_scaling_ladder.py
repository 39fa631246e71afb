"""A law fitted to small runs: it finds known constants, says how sure it is, and refuses what tells nothing."""

from __future__ import annotations

import json
import math
import random
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import pytest
from model_workspaces import model_specs
from workspaces import edit_spec, resource, specs, write_spec

from bigcode.api.diagnostics import Problem
from bigcode.api.facts import Fact
from bigcode.cli import run as bigcode
from bigcode.cli.common import open_spec
from bigcode.host.manager import load_host
from bigcode.plan.ladder import Run, fit_ladder
from bigcode.plan.ladder_plot import draw_ladder
from bigcode.plan.ladder_runs import runs_of_workspace
from bigcode.plan.scaling import FITS, Fit, optimum
from bigcode.spec.workspace import load_workspace
from bigcode.store.actions import Action

CODE = Fit("code", A=30, B=60, E=0.4, a=0.3, b=0.25)
"""Constants such as those of bits per byte on code."""
SIZES, TOKENS = (1e6, 4e6, 1.6e7, 6.4e7), (3e7, 1.2e8, 5e8, 2e9)


def runs(fit: Fit, noise: float = 0.0, seed: int = 1) -> list[Run]:
    """Sixteen runs whose losses are those of the law, times noise."""
    dice = random.Random(seed)
    return [
        Run(f"{n:g} on {d:g}", n, d, fit.loss(n, d) * math.exp(noise * dice.gauss(0, 1)))
        for n in SIZES
        for d in TOKENS
    ]


def table(path: Path, found: Sequence[Run], loss: str = "loss") -> Path:
    lines = [f"name,parameters,tokens,{loss}"] + [
        f"{r.name},{r.parameters},{r.tokens},{r.loss!r}" for r in found
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("fit", [CODE, *FITS], ids=lambda f: f.name)
def test_exact_runs_give_the_constants_that_made_them(fit: Fit) -> None:
    ladder = fit_ladder(runs(fit), "nat/token", draws=3)
    for name in ("A", "B", "E", "a", "b"):
        assert getattr(ladder.fit, name) == pytest.approx(getattr(fit, name), rel=1e-4)
    assert ladder.residual < 1e-7


def test_noisy_runs_give_constants_near_them_inside_the_interval() -> None:
    ladder = fit_ladder(runs(CODE, noise=0.002), "bit/B", draws=60)
    for name, (value, band) in ladder.constants().items():
        assert value == pytest.approx(getattr(CODE, name), rel=0.25)
        assert band is not None
        assert band[0] <= value <= band[1]
    best, sizes, _ = ladder.best(1e18)
    assert best.parameters == pytest.approx(optimum(CODE, 1e18).parameters, rel=0.25)
    assert sizes is not None
    assert sizes[0] < best.parameters < sizes[1]


def test_one_run_that_went_wrong_does_not_decide() -> None:
    spoiled = runs(CODE)
    spoiled[5] = Run("diverged", spoiled[5].parameters, spoiled[5].tokens, 3 * spoiled[5].loss)
    ladder = fit_ladder(spoiled, "bit/B", draws=0)
    assert ladder.fit.a == pytest.approx(CODE.a, rel=0.02)
    assert ladder.fit.b == pytest.approx(CODE.b, rel=0.02)


def test_the_order_of_the_runs_changes_nothing() -> None:
    noisy = runs(CODE, noise=0.002)
    assert fit_ladder(noisy, "bit/B", draws=5) == fit_ladder(noisy[::-1], "bit/B", draws=5)


def test_fewer_than_five_runs_are_refused() -> None:
    with pytest.raises(Problem, match="4 finished runs are known; a law of five constants takes 5"):
        fit_ladder(runs(CODE)[:4], "bit/B")


def test_few_runs_give_a_fit_and_no_interval() -> None:
    chosen = [runs(CODE)[i] for i in (0, 1, 3, 6, 8, 15)]
    ladder = fit_ladder(chosen, "bit/B")
    assert ladder.draws == ()
    assert [r.message for r in ladder.remarks] == ["6 runs give no interval"]


def test_runs_that_several_laws_fit_are_told_so() -> None:
    """Six runs of this kind have two laws that go through all of them."""
    chosen = [runs(CODE)[i] for i in (0, 3, 5, 10, 12, 15)]
    ladder = fit_ladder(chosen, "bit/B")
    assert ladder.residual < 1e-9
    assert any("several laws fit the runs as well" in r.message for r in ladder.remarks)


@pytest.mark.parametrize(
    "found",
    [
        [Run("a", n, 20 * n, CODE.loss(n, 20 * n)) for n in (1e6, 2e6, 4e6, 8e6, 1.6e7)],
        [Run("a", 1e6, d, CODE.loss(1e6, d)) for d in (1e7, 2e7, 4e7, 8e7, 1.6e8)],
    ],
    ids=["one proportion", "one size"],
)
def test_runs_that_do_not_tell_size_from_tokens_are_refused(found: list[Run]) -> None:
    with pytest.raises(Problem, match="do not tell their effects apart"):
        fit_ladder(found, "bit/B")


@pytest.mark.parametrize("loss", [math.nan, math.inf, 0.0, -1.0])
def test_a_loss_that_is_none_names_its_run(loss: float) -> None:
    with pytest.raises(Problem, match="run broken: parameters, tokens and loss are numbers above zero"):
        fit_ladder([*runs(CODE), Run("broken", 1e6, 1e7, loss)], "bit/B")


def test_the_drawing_holds_every_run_and_is_the_same_each_time() -> None:
    ladder = fit_ladder(runs(CODE), "bit/B", draws=0)
    drawn = draw_ladder(ladder, 1e19)
    root = ET.fromstring(drawn)
    circles = root.findall("{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 16
    for circle in circles:
        assert 0 < float(circle.attrib["cx"]) < 720
        assert 0 < float(circle.attrib["cy"]) < 400
    assert drawn == draw_ladder(ladder, 1e19)


def test_the_command_reads_a_table_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    csv = table(tmp_path / "runs.csv", runs(CODE), "bits_per_byte")
    assert bigcode(["scaling", "--runs", str(csv), "--budget", "1e18", "--plot", "ladder.svg"]) == 0
    out = capsys.readouterr().out
    assert "16 runs, loss in bit/B" in out
    for fit in FITS:
        assert fit.name in out
    assert "prior" in out
    assert (tmp_path / "ladder.svg").read_text().startswith("<svg")


def test_the_command_gives_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv = table(tmp_path / "runs.csv", runs(CODE))
    assert bigcode(["scaling", "--runs", str(csv), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["format"] == "bigcode.scaling/1"
    assert document["constants"]["a"]["value"] == pytest.approx(CODE.a, rel=1e-3)
    largest = 6 * max(SIZES) * max(TOKENS)
    assert [o["flops"] for o in document["optima"]] == [10 * largest, 100 * largest]
    assert set(document["optima"][0]["published"]) == {fit.name for fit in FITS}


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("name,tokens,loss\na,1,1\n", "E106", "the table lacks parameters"),
        ("parameters,tokens\n1,1\n", "E106", "the table lacks bits_per_byte or loss"),
        ("parameters,tokens,loss,bits_per_byte\n1,1,1,1\n", "E106", "two columns of loss"),
        ("parameters,tokens,loss\n1,many,2\n", "E105", "runs.csv:2:1"),
        ("", "E106", "the table lacks parameters and tokens"),
        ("parameters,tokens,loss\n1e6,1e7,2\n", "E105", "1 finished runs are known"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: str, says: str
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(text)
    assert bigcode(["scaling", "--runs", str(path)]) == 3
    err = capsys.readouterr().err
    assert code in err
    assert says in err


def models(space: Path, count: int) -> Path:
    """A workspace of several models, the last of them on a base."""
    made = model_specs()
    for file, value in {**specs(), "tokenizer.yaml": made["tokenizer.yaml"]}.items():
        if value["kind"] != "Card":
            write_spec(space / file, value)
    for index in range(count):
        spec = dict(made["model.yaml"]["spec"])
        write_spec(space / f"model-{index}.yaml", resource("Model", f"m{index}", spec))
    edit_spec(space / f"model-{count - 1}.yaml", "base", value="Model/m0")
    return space


def test_finished_models_of_a_workspace_are_its_runs(tmp_path: Path) -> None:
    workspace = load_workspace(models(tmp_path, 4), load_host().registry)
    facts = {
        f"Model/m{i}@1.0.0/{name}": Fact(f"Model/m{i}@1.0.0/{name}", value, unit)
        for i in (0, 1, 3)
        for name, value, unit in (
            ("parameters", 1e6, "parameter"),
            ("tokens.seen", 1e7, "token"),
            ("loss.final", 2.0, "nat/token"),
        )
    }
    found, unit, remarks = runs_of_workspace(workspace, facts)
    assert [r.name for r in found] == ["Model/m0@1.0.0", "Model/m1@1.0.0"]
    assert unit == "nat/token"
    assert remarks == []


def test_bits_per_byte_are_taken_where_all_have_them(tmp_path: Path) -> None:
    space = models(tmp_path, 3)
    facts: dict[str, Fact] = {}
    for i in range(3):
        evaluation = {
            "model": f"Model/m{i}",
            "suites": [{"uses": "evals.bits-per-byte", "version": 2}],
        }
        write_spec(space / f"evaluation-{i}.yaml", resource("Evaluation", f"e{i}", evaluation))
        for name, value in (
            (f"Model/m{i}@1.0.0/parameters", 1e6),
            (f"Model/m{i}@1.0.0/tokens.seen", 1e7),
            (f"Model/m{i}@1.0.0/loss.final", 2.0),
            (f"Evaluation/e{i}@1.0.0/bits_per_byte.model", 0.9),
        ):
            facts[name] = Fact(name, value)
    workspace = load_workspace(space, load_host().registry)
    found, unit, _ = runs_of_workspace(workspace, facts)
    assert unit == "bit/B"
    assert {r.loss for r in found} == {0.9}
    del facts["Evaluation/e1@1.0.0/bits_per_byte.model"]
    found, unit, _ = runs_of_workspace(workspace, facts)
    assert unit == "nat/token"
    assert {r.loss for r in found} == {2.0}


def test_a_workspace_where_nothing_is_finished_asks_for_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bigcode(["scaling", str(models(tmp_path, 2))]) == 3
    assert "0 finished runs are known" in capsys.readouterr().err


def test_the_command_reads_what_the_store_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six finished models; one that is not applied and one on a base are left out."""
    space = models(tmp_path, 8)
    store = open_spec(str(space), "").session().store
    store.prepare()
    for index, made in enumerate(runs(CODE)[i] for i in (0, 1, 3, 6, 8, 15)):
        address = f"Model/m{index}@1.0.0"
        facts = (
            Fact("parameters", made.parameters, "parameter"),
            Fact("tokens.seen", made.tokens, "token"),
            Fact("loss.final", made.loss, "nat/token"),
        )
        key = f"{index:064x}"
        store.actions.commit(Action(key, "train.causal-lm", 1, "", {}, {}, {}, facts))
        store.refs.move(address, 0, {"nodes": {f"{address}#train": {"": key}}})
    assert bigcode(["scaling", str(space), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [r["name"] for r in document["runs"]] == [f"Model/m{i}@1.0.0" for i in range(6)]
    assert document["unit"] == "nat/token"
    assert document["constants"]["b"]["value"] == pytest.approx(CODE.b, rel=1e-3)
