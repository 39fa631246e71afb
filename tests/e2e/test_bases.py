"""A model goes on from another one, or from a checkpoint that was made elsewhere, and its licence goes on with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from model_workspaces import bigcode, model_specs, write_model_workspace
from workspaces import edit_spec, write_spec

from bigcode.run.adopting import digest_of


def with_base(name: str, **more: Any) -> dict[str, Any]:
    model = model_specs()["model.yaml"]
    model["metadata"]["name"] = name
    model["spec"] |= more
    return model


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model of its own, one that goes on from it, and one that goes on from a folder; all on one process."""
    from transformers import AutoConfig, AutoModelForCausalLM

    space = write_model_workspace(tmp_path_factory.mktemp("bases"))
    for file in (
        "evaluation",
        "release",
        "license",
        "emissions",
        "card-model",
        "card-governance",
        "card-emissions",
    ):
        (space / f"{file}.yaml").unlink()
    architecture = dict(model_specs()["model.yaml"]["spec"]["architecture"])
    kind = architecture.pop("model_type")
    made = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, vocab_size=384, **architecture))
    made.save_pretrained(space / "elsewhere")
    outside = {"path": "elsewhere", "license": "Apache-2.0", "sha256": digest_of(space / "elsewhere")}
    write_spec(space / "next.yaml", with_base("next", base="Model/tiny"))
    write_spec(space / "adopted.yaml", with_base("adopted", checkpoint=outside))
    for file in ("model", "next", "adopted"):
        edit_spec(space / f"{file}.yaml", "runtime", "processes", value=1)
    ran = bigcode("apply", space)
    assert ran.code == 0, ran.err
    return space


def facts_of(space: Path, model: str) -> dict[str, Any]:
    address = f"Model/{model}@1.0.0"
    shown = json.loads(bigcode("show", address, "-w", space, "--json").out)["resources"][address]
    return {fact["id"].removeprefix(f"{address}/"): fact["value"] for fact in shown["facts"]}


def test_a_model_begins_where_its_base_ended(space: Path) -> None:
    first, then = facts_of(space, "tiny"), facts_of(space, "next")
    assert then["loss.first"] < first["loss.first"]
    assert then["loss.final"] < first["loss.final"]


def test_a_folder_from_elsewhere_is_taken_in_by_its_digest(space: Path) -> None:
    assert facts_of(space, "adopted")["base.bytes"] > 0
    model = with_base(
        "altered", checkpoint={"path": "elsewhere", "license": "Apache-2.0", "sha256": "00" * 32}
    )
    write_spec(space / "altered.yaml", model)
    ran = bigcode("apply", "Model/altered", "-w", space)
    (space / "altered.yaml").unlink()
    assert ran.code == 1
    assert "E702" in ran.err
    assert digest_of(space / "elsewhere") in ran.err


def test_a_release_passes_the_licence_of_its_base_on(space: Path) -> None:
    specs = model_specs()
    outside = {"path": "elsewhere", "license": "License/theirs", "sha256": digest_of(space / "elsewhere")}
    ours, theirs = specs["license.yaml"], json.loads(json.dumps(specs["license.yaml"]))
    theirs["metadata"]["name"] = "theirs"
    release = specs["release.yaml"]
    release["spec"] |= {"artifacts": {"model": "Model/bound"}, "evaluations": [], "emissions": None}
    written = {
        "bound": with_base("bound", checkpoint=outside),
        "license": ours,
        "theirs": theirs,
        "release": release,
    }
    for file, value in written.items():
        write_spec(space / f"{file}.yaml", value)
    refused = bigcode("plan", space)
    assert refused.code == 3
    assert "E801" in refused.err
    assert "License/theirs@1.0.0" in refused.err
    edit_spec(space / "license.yaml", "parent", value="License/theirs")
    assert bigcode("plan", space).code == 0
