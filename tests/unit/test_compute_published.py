"""The models of the BigCode project: their specs give the published shapes, tokens, hours, energy and emissions."""

from __future__ import annotations

from pathlib import Path

import pytest

from bigcode.api.diagnostics import Diagnostic
from bigcode.host.manager import load_host
from bigcode.plan.compute import estimate_compute
from bigcode.plan.estimates import Estimate
from bigcode.plan.reconcile import check_compute
from bigcode.spec.workspace import Workspace, load_workspace

SPACE = Path(__file__).parents[2] / "specs" / "bigcode"
TOLERANCE = 0.05
"""Of the published numbers, which are rounded to two digits in part."""


@pytest.fixture(scope="module")
def published() -> Workspace:
    return load_workspace(SPACE, load_host().registry)


def estimates(workspace: Workspace, name: str) -> dict[str, Estimate]:
    return {e.name: e for e in estimate_compute(workspace, f"Model/{name}@1.0.0")}


def findings(workspace: Workspace, name: str) -> list[Diagnostic]:
    return check_compute(workspace, f"Model/{name}@1.0.0")


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        ("santacoder", "parameters", 1.1e9),
        ("santacoder", "tokens", 236e9),
        ("santacoder", "steps", 600_000),
        ("santacoder", "device.hours", 14_284),
        ("santacoder", "days", 6.2),
        ("starcoderbase", "parameters", 15.5e9),
        ("starcoderbase", "tokens", 1e12),
        ("starcoderbase", "steps", 250_000),
        ("starcoderbase", "epochs", 4),
        ("starcoderbase", "device.hours", 320_256),
        ("starcoderbase", "days", 26.1),
        ("starcoderbase", "energy", 89_671.68 * 1.2),
        ("starcoderbase", "emissions", 16_680),
        ("starcoder", "parameters", 15.5e9),
        ("starcoder", "tokens", 35e9),
        ("starcoder", "epochs", 2),
    ],
)
def test_a_published_number_follows_from_the_spec(
    published: Workspace, model: str, name: str, value: float
) -> None:
    assert estimates(published, model)[name].value == pytest.approx(value, rel=TOLERANCE)


def test_sizes_are_exact(published: Workspace) -> None:
    assert estimates(published, "santacoder")["parameters"].value == 1_124_886_528
    assert estimates(published, "starcoderbase")["parameters"].value == 15_517_456_384


def test_what_is_published_of_starcoder_fits_together(published: Workspace) -> None:
    assert findings(published, "starcoderbase") == []
    assert findings(published, "starcoder") == []


def test_what_is_published_of_santacoder_does_not_in_two_places(published: Workspace) -> None:
    flops, emissions = findings(published, "santacoder")
    assert "flops is declared as 2.1e+21 FLOP, the spec gives 1.593e+21" in flops.message
    assert "causal 1.729e+21, full 1.871e+21" in flops.hint
    assert "emissions is declared as 124 kgCO2e, the spec gives 149.1" in emissions.message
    assert "leaves out the PUE of 1.2" in emissions.hint
    assert {f.severity for f in (flops, emissions)} == {"warning"}


def test_the_published_emissions_lie_in_the_band_of_the_estimate(published: Workspace) -> None:
    emitted = estimates(published, "santacoder")["emissions"]
    assert emitted.low == pytest.approx(124, rel=TOLERANCE)
    assert emitted.value == pytest.approx(149.1, rel=TOLERANCE)
    assert emitted.high is not None
    assert emitted.high > 2 * emitted.value


def test_the_fit_that_is_chosen_turns_the_verdict_on_a_size(published: Workspace) -> None:
    """SantaCoder and StarCoderBase against the optimum of equal loss, by fit."""
    santa, base = estimates(published, "santacoder"), estimates(published, "starcoderbase")
    assert santa["size.share{fit=hoffmann-rounded}"].value == pytest.approx(0.53, abs=0.01)
    assert santa["overhead{fit=hoffmann-rounded}"].value == pytest.approx(0.17, abs=0.01)
    assert santa["size.share{fit=besiroglu}"].value == pytest.approx(0.40, abs=0.01)
    assert santa["overhead{fit=besiroglu}"].value == pytest.approx(0.58, abs=0.02)
    assert base["size.share{fit=hoffmann-rounded}"].value == pytest.approx(1.10, abs=0.01)
    assert base["overhead{fit=hoffmann-rounded}"].value == pytest.approx(0.0, abs=0.01)
    assert base["size.share{fit=besiroglu}"].value == pytest.approx(0.58, abs=0.01)
    assert base["overhead{fit=besiroglu}"].value == pytest.approx(0.14, abs=0.01)


def test_no_law_is_printed_alone(published: Workspace) -> None:
    found = estimates(published, "starcoderbase")
    named = [e for name, e in found.items() if name.startswith("optimal.parameters{")]
    band = found["optimal.parameters"]
    assert len(named) == 4
    assert band.low is not None
    assert band.high is not None
    assert all(band.low <= e.value <= band.high for e in named)
    assert all("prior" in e.method for e in (*named, band))


def test_a_model_on_a_base_is_judged_by_the_tokens_of_both(published: Workspace) -> None:
    alone, onward = estimates(published, "starcoderbase"), estimates(published, "starcoder")
    name = "optimal.tokens{fit=hoffmann}"
    assert alone[name].value < onward[name].value < 1.05 * alone[name].value
    assert onward["flops"].value == pytest.approx(0.035 * alone["flops"].value)
    assert onward["device.hours"].value == pytest.approx(0.035 * alone["device.hours"].value)


def test_a_rank_of_the_published_run_fits_its_device(published: Workspace) -> None:
    total = estimates(published, "starcoderbase")["memory.total"]
    assert total.low is not None
    assert total.low < 80e9
