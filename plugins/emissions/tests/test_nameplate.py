"""Emissions from device hours: every number is a formula over facts, in the unit that the fact declares."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bigcode.api import Fact, load_object, parse_unit
from bigcode.testing.context import JobContext
from bigcode_emissions.config import NameplateConfig
from bigcode_emissions.formulas import Amount, product, total
from bigcode_emissions.nameplate import NameplateMeter
from bigcode_emissions.plugin import bigcode_components

POLICY: Mapping[str, Any] = {
    "gridIntensity": {"value": 0.15495, "source": "grid report", "asOf": "2023-01-01", "region": ""},
    "pue": {"value": 1.2, "source": "site report", "asOf": "2023-01-01"},
    "power": {"basis": "nameplate", "perDevice": 280.0, "source": "data sheet", "asOf": "2023-01-01"},
    "embodied": {"share": 0.0, "source": ""},
    "scope": ["training"],
}
HOURS = "Model/santa@1.0.0/device.hours"
SECONDS = "Dataset/demo@1.0.0/wall"
TRAINING = {"stage": "training", "node": "Model/santa@1.0.0:train", "fact": HOURS}
DATA = {"stage": "data", "node": "Dataset/demo@1.0.0:observe", "fact": SECONDS}


def test_the_component_names_classes_that_load() -> None:
    (component,) = (c for c in bigcode_components() if c.name == "emissions.nameplate")
    assert (component.slot, component.deterministic) == ("meter", True)
    assert load_object(component.factory) is NameplateMeter
    assert load_object(component.config) is NameplateConfig


def test_a_published_figure_is_reproduced(tmp_path: Path) -> None:
    """StarCoderBase: 320,256 device hours at 280 W, PUE 1.2 and 0.15495 kg per kWh are 16.67 t."""
    facts, _ = meter(tmp_path, [TRAINING], [Fact(HOURS, 320256.0, "device*h")])
    assert facts["emissions"].value == pytest.approx(16673.6, abs=0.05)
    assert facts["energy{stage=training}"].value == pytest.approx(89671.68 * 1.2)


def test_declared_facts_carry_their_source_and_date(tmp_path: Path) -> None:
    facts, _ = meter(tmp_path, [TRAINING], [Fact(HOURS, 1.0, "device*h")])
    units = {"grid.intensity": "kgCO2e/kWh", "pue": "1", "power": "W/device"}
    for name, unit in units.items():
        fact = facts[name]
        assert (fact.kind, fact.unit, fact.as_of) == ("declared", unit, "2023-01-01")
        assert fact.source


def test_every_derived_fact_recomputes_in_its_unit(tmp_path: Path) -> None:
    inputs = [Fact(HOURS, 2.5, "device*h"), Fact(SECONDS, 90.0, "s")]
    facts, _ = meter(
        tmp_path,
        [TRAINING, DATA],
        inputs,
        {"embodied": {"share": 0.3, "source": "life cycle study"}},
    )
    known = facts | {fact.id: fact for fact in inputs}
    derived = [fact for fact in facts.values() if fact.kind == "derived"]
    assert len(derived) == 11
    for fact in derived:
        base, dims = evaluate(fact.formula, {letter: known[name] for letter, name in fact.terms})
        assert dims == dict(parse_unit(fact.unit).dims)
        assert fact.value == pytest.approx(base / parse_unit(fact.unit).scale, rel=1e-12)
    assert facts["emissions"].value == pytest.approx(1.3 * number(facts["emissions.operation"]))


def test_nodes_of_one_stage_are_added_up_whatever_their_order(tmp_path: Path) -> None:
    other = DATA | {"node": "Snapshot/pypi@1.0.0:collect", "fact": "Snapshot/pypi@1.0.0/wall"}
    inputs = [Fact(SECONDS, 1800.0, "s"), Fact("Snapshot/pypi@1.0.0/wall", 5400.0, "s")]
    facts, _ = meter(tmp_path, [DATA, other], inputs)
    assert facts["device.hours{stage=data}"].value == pytest.approx(2.0)
    assert meter(tmp_path, [other, DATA], inputs[::-1])[0] == facts


def test_a_stage_that_recorded_nothing_is_said_to_be_missing(tmp_path: Path) -> None:
    facts, warnings = meter(tmp_path, [TRAINING, DATA], [Fact(HOURS, 1.0, "device*h")])
    assert [w.code for w in warnings] == ["E613"]
    assert "energy{stage=data}" not in facts
    assert "measured stages" in facts["emissions"].label


def test_an_embodied_share_without_a_source_is_left_out_and_said(tmp_path: Path) -> None:
    change = {"embodied": {"share": 0.3, "source": ""}}
    facts, warnings = meter(tmp_path, [TRAINING], [Fact(HOURS, 1.0, "device*h")], change)
    assert [w.code for w in warnings] == ["E613"]
    assert facts["emissions"].value == facts["emissions{stage=training}"].value


def test_nothing_measured_gives_no_total(tmp_path: Path) -> None:
    facts, _ = meter(tmp_path, [TRAINING], [])
    assert set(facts) == {"grid.intensity", "pue", "power"}


def test_labels_hold_no_digits(tmp_path: Path) -> None:
    facts, _ = meter(tmp_path, [TRAINING, DATA], [Fact(HOURS, 1.0, "device*h"), Fact(SECONDS, 9, "s")])
    assert all(fact.label and not any(c.isdigit() for c in fact.label) for fact in facts.values())


def test_units_that_do_not_combine_are_refused() -> None:
    hour, watt = Amount(Fact("t", 1.0, "h")), Amount(Fact("p", 1.0, "W/device"))
    with pytest.raises(ValueError, match="do not combine"):
        product("x", "X", "kWh", {"t": hour, "p": watt})
    with pytest.raises(ValueError, match="not measured in"):
        total("x", "X", "kWh", [hour])


def meter(
    folder: Path, stages: list[dict[str, Any]], inputs: list[Fact], change: Mapping[str, Any] | None = None
) -> tuple[dict[str, Fact], list[Any]]:
    ctx = JobContext(
        config=NameplateConfig(),
        scratch=folder,
        params={"policy": {**POLICY, **(change or {})}, "stages": stages},
        input_facts={"stages": inputs},
    )
    NameplateMeter(ctx.config).run(ctx)
    facts = {fact.id: fact for fact in ctx.recorded}
    assert len(facts) == len(ctx.recorded)
    return facts, ctx.warnings


def number(fact: Fact) -> float:
    assert isinstance(fact.value, int | float)
    return fact.value


def evaluate(formula: str, terms: Mapping[str, Fact]) -> tuple[float, dict[str, int]]:
    """The value in base units and the dimensions of a formula of sums and products."""

    def walk(node: ast.expr) -> tuple[float, dict[str, int]]:
        if isinstance(node, ast.Name):
            unit = parse_unit(terms[node.id].unit)
            return number(terms[node.id]) * unit.scale, dict(unit.dims)
        assert isinstance(node, ast.BinOp)
        (left, left_dims), (right, right_dims) = walk(node.left), walk(node.right)
        if isinstance(node.op, ast.Add):
            assert left_dims == right_dims
            return left + right, left_dims
        powers = {k: left_dims.get(k, 0) + right_dims.get(k, 0) for k in left_dims | right_dims}
        return left * right, {k: v for k, v in powers.items() if v}

    return walk(ast.parse(formula, mode="eval").body)
