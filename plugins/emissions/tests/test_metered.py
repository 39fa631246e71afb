"""Emissions from what machines metered, with the method of each stage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bigcode.api import Fact, load_object, parse_unit
from bigcode.testing.context import JobContext
from bigcode_emissions.config import MeteredConfig
from bigcode_emissions.metered import Metered
from bigcode_emissions.plugin import bigcode_components

MODEL, EVALUATION = "Model/santa@1.0.0", "Evaluation/held-out@1.0.0"
POLICY: Mapping[str, Any] = {
    "gridIntensity": {"value": 0.5, "source": "grid report", "asOf": "2023-01-01", "region": ""},
    "pue": {"value": 1.2, "source": "site report", "asOf": "2023-01-01"},
    "power": {"basis": "nameplate", "perDevice": 300.0, "source": "data sheet", "asOf": "2023-01-01"},
    "embodied": {"share": 0.0, "source": ""},
    "scope": ["training", "evaluation"],
}
STAGES = [
    {"stage": "training", "node": f"{MODEL}#train", "fact": f"{MODEL}/device.hours"},
    {
        "stage": "evaluation",
        "node": f"{EVALUATION}#suite.0.a",
        "fact": f"{EVALUATION}/device.hours{{suite=a}}",
    },
    {
        "stage": "evaluation",
        "node": f"{EVALUATION}#suite.1.b",
        "fact": f"{EVALUATION}/device.hours{{suite=b}}",
    },
]
HOURS = [
    Fact(f"{MODEL}/device.hours", 10.0, "device*h"),
    Fact(f"{EVALUATION}/device.hours{{suite=a}}", 1.0, "device*h"),
    Fact(f"{EVALUATION}/device.hours{{suite=b}}", 1.0, "device*h"),
]


def metered(node: str, energy: float, source: str = "RAPL and NVML", covered: float = 1.0) -> list[Fact]:
    resource, _, step = node.partition("#")
    return [
        Fact(f"{resource}/meter.energy{{step={step}}}", energy, "kWh"),
        Fact(f"{resource}/meter.source{{step={step}}}", source, "text"),
        Fact(f"{resource}/meter.covered{{step={step}}}", covered, "1"),
    ]


def unmetered(node: str, load: float) -> list[Fact]:
    resource, _, step = node.partition("#")
    return [
        Fact(f"{resource}/meter.source{{step={step}}}", "none", "text"),
        Fact(f"{resource}/meter.busy{{step={step},of=cpu}}", load, "1"),
    ]


def emit(
    folder: Path, inputs: list[Fact], change: Mapping[str, Any] | None = None, **settings: Any
) -> tuple[dict[str, Fact], list[Any]]:
    ctx = JobContext(
        config=MeteredConfig(**settings),
        scratch=folder,
        params={"policy": {**POLICY, **(change or {})}, "stages": STAGES},
        input_facts={"stages": inputs},
    )
    Metered(ctx.config).run(ctx)
    assert len({fact.id for fact in ctx.recorded}) == len(ctx.recorded)
    return {fact.id: fact for fact in ctx.recorded}, ctx.warnings


def test_the_component_names_classes_that_load() -> None:
    (component,) = (c for c in bigcode_components() if c.name == "emissions.metered")
    assert component.slot == "meter"
    assert load_object(component.factory) is Metered
    assert load_object(component.config) is MeteredConfig


def test_counters_come_before_nameplates_and_each_stage_says_its_method(tmp_path: Path) -> None:
    facts, warnings = emit(tmp_path, HOURS + metered(f"{MODEL}#train", 2.0, covered=0.9))
    assert not warnings
    assert facts["energy.machines{stage=training}"].value == 2.0
    assert facts["energy.method{stage=training}"].value == "RAPL and NVML"
    assert facts["energy.covered{stage=training}"].value == 0.9
    assert facts["energy.machines{stage=evaluation}"].value == pytest.approx(0.6)
    assert facts["energy.method{stage=evaluation}"].value == "nameplate"
    assert "energy.covered{stage=evaluation}" not in facts


def test_pue_is_applied_once_and_both_sides_of_it_are_shown(tmp_path: Path) -> None:
    facts, _ = emit(tmp_path, HOURS + metered(f"{MODEL}#train", 2.0))
    assert facts["energy{stage=training}"].value == pytest.approx(2.4)
    assert facts["energy.machines"].value == pytest.approx(2.6)
    assert facts["energy"].value == pytest.approx(2.6 * 1.2)
    assert facts["emissions"].value == pytest.approx(2.6 * 1.2 * 0.5)


def test_a_stage_metered_in_part_names_both_methods(tmp_path: Path) -> None:
    facts, _ = emit(tmp_path, HOURS + metered(f"{EVALUATION}#suite.0.a", 0.1, "RAPL"))
    assert facts["energy.machines{stage=evaluation}"].value == pytest.approx(0.4)
    assert facts["energy.method{stage=evaluation}"].value == "RAPL; nameplate"
    assert "energy.covered{stage=evaluation}" not in facts


def test_load_counts_where_the_settings_ask_for_it(tmp_path: Path) -> None:
    inputs = HOURS + unmetered(f"{MODEL}#train", 0.5)
    facts, _ = emit(tmp_path / "a", inputs)
    assert facts["energy.machines{stage=training}"].value == pytest.approx(3.0)
    facts, _ = emit(tmp_path / "b", inputs, load=True)
    assert facts["energy.machines{stage=training}"].value == pytest.approx(1.5)
    assert facts["energy.method{stage=training}"].value == "nameplate times load"
    assert facts["energy.method{stage=evaluation}"].value == "nameplate"


@pytest.mark.parametrize(
    "basis, said", [("constant", "constant"), ("measured", "constant, measured elsewhere")]
)
def test_a_power_that_is_no_nameplate_is_called_what_it_is(tmp_path: Path, basis: str, said: str) -> None:
    facts, _ = emit(tmp_path, HOURS, {"power": {**POLICY["power"], "basis": basis}})
    assert facts["energy.method{stage=training}"].value == said


def test_a_stage_that_recorded_nothing_is_said_to_be_missing(tmp_path: Path) -> None:
    facts, warnings = emit(tmp_path, HOURS[1:])
    assert [w.code for w in warnings] == ["E613"]
    assert "energy{stage=training}" not in facts
    assert "measured stages" in facts["emissions"].label


def test_energy_without_hours_is_enough(tmp_path: Path) -> None:
    facts, warnings = emit(tmp_path, HOURS[1:] + metered(f"{MODEL}#train", 2.0))
    assert not warnings
    assert facts["energy.machines{stage=training}"].value == 2.0


def test_facts_have_units_and_words_without_digits(tmp_path: Path) -> None:
    facts, _ = emit(tmp_path, HOURS + metered(f"{MODEL}#train", 2.0))
    for fact in facts.values():
        parse_unit(fact.unit)
        assert fact.label
        assert not any(c.isdigit() for c in fact.label + fact.method)
