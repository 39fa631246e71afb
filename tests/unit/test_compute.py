"""What a plan says of the cost of a model, and what it finds where declared numbers do not fit together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from model_workspaces import model_specs
from workspaces import POLICY, edit_spec, resource, specs, write_spec

from bigcode.api.diagnostics import Diagnostic, Problem
from bigcode.api.facts import Fact
from bigcode.api.resource import identity
from bigcode.api.units import parse_unit
from bigcode.host.manager import load_host
from bigcode.plan.compute import brief, estimate_compute
from bigcode.plan.devices import devices
from bigcode.plan.estimates import Estimate
from bigcode.plan.reconcile import check_compute
from bigcode.spec.workspace import Workspace, load_workspace

MODEL = "Model/tiny@1.0.0"
PLAN: dict[str, Any] = {"device": "A100 80GB", "devices": 8, "utilisation": 0.4}
EMISSIONS = {
    "meter": {"uses": "emissions.nameplate", "version": 1},
    "gridIntensity": {"value": "0.1 kgCO2e/kWh", "source": "a test", "asOf": "2026-01-01"},
    "pue": {"value": 1.5, "source": "a test", "asOf": "2026-01-01"},
    "power": {"perDevice": "250 W", "source": "a test", "asOf": "2026-01-01"},
}


@pytest.fixture
def space(tmp_path: Path) -> Path:
    """A model of 1.1 billion parameters on 20 billion tokens, on eight A100."""
    for file, value in {**specs(), **model_specs()}.items():
        if value["kind"] in ("Card", "Release", "License", "Evaluation", "EmissionsPolicy"):
            continue
        write_spec(tmp_path / file, value)
    model = tmp_path / "model.yaml"
    edit_spec(
        model,
        "architecture",
        value={
            "model_type": "gpt_bigcode",
            "n_embd": 2048,
            "n_layer": 24,
            "n_head": 16,
            "n_positions": 2048,
            "vocab_size": 49280,
        },
    )
    edit_spec(model, "trainer", "with", value={"batch": 64, "context": 2048})
    edit_spec(model, "budget", value={"tokens": "20B tokens"})
    edit_spec(model, "runtime", value={"sharding": "fsdp"})
    edit_spec(model, "plan", value=PLAN)
    return tmp_path


def load(space: Path) -> Workspace:
    return load_workspace(space, load_host().registry)


def estimates(space: Path, **more: Any) -> dict[str, Estimate]:
    return {e.name: e for e in estimate_compute(load(space), MODEL, **more)}


def findings(space: Path, *facts: dict[str, Any], **plan: Any) -> list[Diagnostic]:
    edit_spec(space / "model.yaml", "plan", value={**PLAN, **plan})
    edit_spec(
        space / "model.yaml", "facts", value=[{"source": "a test", "asOf": "2026-01-01", **f} for f in facts]
    )
    return check_compute(load(space), MODEL)


def test_every_estimate_says_its_unit_and_method(space: Path) -> None:
    for estimate in estimate_compute(load(space), MODEL):
        assert estimate.subject == MODEL
        assert parse_unit(estimate.unit)
        assert estimate.method
        low, high = estimate.low, estimate.high
        assert low is None or low <= estimate.value
        assert high is None or high >= estimate.value


def test_hours_are_operations_over_the_stated_share_of_the_peak(space: Path) -> None:
    found = estimates(space)
    hours = found["device.hours"]
    assert hours.value == pytest.approx(found["flops{formula=causal}"].value / (312e12 * 0.4 * 3600))
    assert "40.0% of 312.0 TFLOP/s of the A100 80GB" in hours.method
    assert found["days"].value == pytest.approx(hours.value / 24 / 8)


def test_a_utilisation_counts_by_the_formula_that_the_plan_names(space: Path) -> None:
    causal = estimates(space)["device.hours"].value
    edit_spec(space / "model.yaml", "plan", "formula", value="full")
    assert estimates(space)["device.hours"].value > causal


def test_without_a_plan_there_are_sizes_and_laws_and_no_hours(space: Path) -> None:
    edit_spec(space / "model.yaml", "plan", value=None)
    found = estimates(space)
    assert {"parameters", "flops", "memory.total", "overhead{fit=hoffmann}"} <= set(found)
    assert not {"device.hours", "days", "energy", "emissions"} & set(found)


def test_a_person_reads_totals_and_all_laws_first(space: Path) -> None:
    whole = estimate_compute(load(space), MODEL)
    short = [e.name for e in brief(whole)]
    assert len(short) < len(whole) / 2
    assert {"parameters", "device.hours", "memory.total"} <= set(short)
    assert sum(name.startswith("optimal.parameters{fit=") for name in short) == 4
    assert "optimal.parameters" in short


def test_a_policy_that_counts_no_training_is_not_taken(space: Path) -> None:
    other = {**EMISSIONS, "scope": ["data"]}
    write_spec(space / "data.yaml", resource("EmissionsPolicy", "data", other, **POLICY))
    assert "emissions" not in estimates(space)


def test_the_plan_is_no_part_of_what_is_built(space: Path) -> None:
    before = identity(load(space).resources[MODEL].spec)
    edit_spec(space / "model.yaml", "plan", "utilisation", value=0.2)
    assert identity(load(space).resources[MODEL].spec) == before


def test_memory_falls_with_ranks_and_says_what_it_holds(space: Path) -> None:
    few = estimates(space)
    edit_spec(space / "model.yaml", "plan", "devices", value=16)
    many = estimates(space)
    assert many["memory.optimizer"].value == few["memory.optimizer"].value / 2
    assert many["memory.activations"].value == few["memory.activations"].value / 2
    parts = ("weights", "gradients", "optimizer", "gathered", "activations", "logits")
    assert few["memory.total"].value == pytest.approx(sum(few[f"memory.{part}"].value for part in parts))
    assert few["memory.weights"].value * 8 == 4 * few["parameters"].value


def test_without_sharding_every_rank_holds_all(space: Path) -> None:
    edit_spec(space / "model.yaml", "runtime", "sharding", value="none")
    found = estimates(space)
    assert found["memory.weights"].value == 4 * found["parameters"].value
    assert found["memory.gathered"].value == 2 * found["parameters"].value


def test_replicas_and_tensor_ranks_share_what_their_group_holds(space: Path) -> None:
    whole = estimates(space)
    edit_spec(space / "model.yaml", "runtime", value={"sharding": "hsdp", "replicas": 2})
    assert estimates(space)["memory.weights"].value == 2 * whole["memory.weights"].value
    edit_spec(space / "model.yaml", "runtime", value={"sharding": "fsdp", "tensor": 2})
    found = estimates(space)
    assert found["memory.weights"].value == whole["memory.weights"].value
    assert found["memory.activations"].value == 2 * whole["memory.activations"].value


def test_stages_are_counted_each_with_its_context(space: Path) -> None:
    before = estimates(space)
    stages = [{"tokens": "15B tokens"}, {"tokens": "5B tokens", "context": 1024}]
    edit_spec(space / "model.yaml", "stages", value=stages)
    found = estimates(space)
    assert found["tokens"].value == before["tokens"].value
    assert found["flops{formula=6ND}"].value == before["flops{formula=6ND}"].value
    assert found["flops"].value < before["flops"].value
    assert found["steps"].value == 15_000_000_000 // (64 * 2048) + 5_000_000_000 // (64 * 1024)
    assert found["memory.activations"].value == before["memory.activations"].value


def test_a_micro_batch_bounds_what_a_rank_computes_at_once(space: Path) -> None:
    whole = estimates(space)["memory.activations"].value
    edit_spec(space / "model.yaml", "trainer", "with", "microBatch", value=2)
    assert estimates(space)["memory.activations"].value == whole / 4


def test_epochs_come_from_the_shards_or_else_from_the_plan(space: Path) -> None:
    assert "epochs" not in estimates(space)
    edit_spec(space / "model.yaml", "plan", "dataTokens", value="10B tokens")
    assert estimates(space)["epochs"].value == 2
    counted = Fact(f"{MODEL}/tokens", 5_000_000_000, "token")
    assert estimates(space, facts={counted.id: counted})["epochs"].value == 4
    parts = [Fact(f"{MODEL}/tokens{{source={name}}}", 2_000_000_000, "token") for name in ("code", "issues")]
    parts.append(Fact(f"{MODEL}/tokens{{language=Python,source=code}}", 2_000_000_000, "token"))
    parts.append(Fact("Model/other@1.0.0/tokens", 2_000_000_000, "token"))
    assert estimates(space, facts={part.id: part for part in parts})["epochs"].value == 5


def test_energy_is_of_the_device_until_a_policy_says_more(space: Path) -> None:
    found = estimates(space)
    assert found["energy"].value == pytest.approx(found["device.hours"].value * 0.4)
    assert "emissions" not in found
    write_spec(space / "emissions.yaml", resource("EmissionsPolicy", "grid", EMISSIONS, **POLICY))
    found = estimates(space)
    hours = found["device.hours"].value
    assert found["energy"].value == pytest.approx(hours * 0.25 * 1.5)
    assert found["energy"].low == pytest.approx(hours * 0.25)
    assert found["emissions"].value == pytest.approx(hours * 0.25 * 1.5 * 0.1)
    assert found["emissions"].high == pytest.approx(hours * 0.4 * 1.5 * 0.1 * 50.5 / 24.7)


def test_the_policy_of_the_release_goes_before_others(space: Path) -> None:
    other = {**EMISSIONS, "power": {**EMISSIONS["power"], "perDevice": "100 W"}}
    write_spec(space / "emissions.yaml", resource("EmissionsPolicy", "grid", EMISSIONS, **POLICY))
    write_spec(space / "other.yaml", resource("EmissionsPolicy", "other", other, **POLICY))
    assert "emissions" not in estimates(space)
    released = {"artifacts": {"model": "Model/tiny"}, "emissions": "EmissionsPolicy/other"}
    write_spec(space / "release.yaml", resource("Release", "tiny", released))
    assert "100 W" in estimates(space)["energy"].method
    edit_spec(space / "model.yaml", "plan", "emissions", value="EmissionsPolicy/grid")
    assert "250 W" in estimates(space)["energy"].method


def test_numbers_that_fit_together_give_no_finding(space: Path) -> None:
    hours = estimates(space)["device.hours"].value
    assert findings(space, gpuHours=round(hours), days=round(hours / 24 / 8, 2)) == []


def test_hours_days_and_devices_are_held_against_each_other(space: Path) -> None:
    hours = estimates(space)["device.hours"].value
    (found,) = findings(space, gpuHours=hours, days=hours / 24 / 8 * 2)
    assert found.severity == "warning"
    assert "on 8 devices, which make" in found.message
    assert "or 4 devices for" in found.hint
    assert found.place is not None


def test_hours_are_held_against_operations_and_utilisation(space: Path) -> None:
    hours = estimates(space)["device.hours"].value
    (found,) = findings(space, gpuHours=2 * hours)
    assert "are a utilisation of 20.0%, the plan says 40.0% of 312.0 TFLOP/s" in found.message
    assert "`utilisation: 0.200`" in found.hint


def test_days_alone_are_checked_too(space: Path) -> None:
    (found,) = findings(space, days=estimates(space)["days"].value / 2)
    assert "a utilisation of 80.0%" in found.message


def test_nobody_trains_faster_than_the_peak(space: Path) -> None:
    (found,) = findings(space, gpuHours=1)
    assert "more than the A100 80GB can do" in found.message


def test_the_tolerance_is_stated_in_the_plan(space: Path) -> None:
    hours = estimates(space)["device.hours"].value
    assert len(findings(space, gpuHours=1.2 * hours)) == 1
    assert findings(space, gpuHours=1.2 * hours, tolerance=0.25) == []


def test_declared_facts_are_held_against_the_spec(space: Path) -> None:
    (found,) = findings(space, {"id": "parameters", "value": 1_500_000_000, "unit": "parameter"})
    assert found.message.startswith("parameters is declared as 1.5e+09 parameter, the spec gives 1.12")
    assert findings(space, {"id": "parameters", "value": 1_100_000_000, "unit": "parameter"}) == []
    (found,) = findings(space, {"id": "tokens.seen", "value": 3, "unit": "person"})
    assert "declared in person, it is measured in token" in found.message
    assert findings(space, {"id": "anything.else", "value": 3, "unit": "person"}) == []


def test_energy_may_be_stated_for_the_devices_alone(space: Path) -> None:
    write_spec(space / "emissions.yaml", resource("EmissionsPolicy", "grid", EMISSIONS, **POLICY))
    hours = estimates(space)["device.hours"].value
    alone = {"id": "energy", "value": hours * 0.25, "unit": "kWh"}
    whole = {"id": "energy", "value": hours * 0.25 * 1.5 / 1000, "unit": "MWh"}
    wrong = {"id": "energy", "value": hours, "unit": "kWh"}
    assert findings(space, alone) == []
    assert findings(space, whole) == []
    assert len(findings(space, wrong)) == 1


def test_emissions_that_leave_out_the_pue_are_told_so(space: Path) -> None:
    write_spec(space / "emissions.yaml", resource("EmissionsPolicy", "grid", EMISSIONS, **POLICY))
    hours = estimates(space)["device.hours"].value
    (found,) = findings(space, {"id": "emissions", "value": hours * 0.025, "unit": "kgCO2e"})
    assert "leaves out the PUE of 1.5" in found.hint


def test_a_rank_must_fit_its_device(space: Path) -> None:
    (found,) = findings(space, device="V100 16GB")
    assert "GB, the V100 16GB has 16 GB" in found.message
    assert "`recompute: true` takes 5.8 GB" in found.hint
    edit_spec(space / "model.yaml", "runtime", "recompute", value=True)
    assert findings(space, device="V100 16GB") == []
    (found,) = findings(space, device="V100 16GB", devices=1)
    assert "recompute" not in found.hint


def test_the_runtime_starts_as_many_ranks_as_are_planned(space: Path) -> None:
    edit_spec(space / "model.yaml", "runtime", "processes", value=4)
    (found,) = findings(space)
    assert "starts 4 ranks, the plan counts 8 devices" in found.message


def test_an_unknown_device_names_its_neighbour(space: Path) -> None:
    edit_spec(space / "model.yaml", "plan", "device", value="A100 80G")
    with pytest.raises(Problem) as caught:
        estimates(space)
    (found,) = caught.value.diagnostics
    assert found.code == "E105"
    assert found.hint == "Did you mean `A100 80GB`?"


def test_an_impossible_architecture_is_said_at_its_place(space: Path) -> None:
    edit_spec(space / "model.yaml", "architecture", "n_head", value=7)
    with pytest.raises(Problem, match="cannot be shared by 7 heads"):
        estimates(space)


def test_an_architecture_that_is_not_known_gets_tokens_and_a_finding(space: Path) -> None:
    edit_spec(space / "model.yaml", "architecture", value={"model_type": "mamba"})
    assert set(estimates(space)) == {"tokens", "steps"}
    (found,) = findings(space)
    assert "known is task causal-lm with an architecture of gpt_bigcode" in found.message


def test_every_device_of_the_table_has_a_source() -> None:
    assert {"V100 32GB", "A100 40GB", "A100 80GB", "H100 SXM", "H100 PCIe", "H200"} <= set(devices())
    for device in devices().values():
        assert device.source
        assert device.arithmetic in ("bf16", "fp16", "fp32")
        assert min(device.peak, device.memory, device.power) > 0
