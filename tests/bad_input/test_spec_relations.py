"""Resources that do not fit together: references, components, and what is not offered yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from workspaces import resource


def add(bench: Any, file: str, kind: str, name: str, spec: dict[str, Any], version: str = "1.0.0") -> None:
    bench.write(file, yaml.safe_dump(resource(kind, name, spec, version), sort_keys=False))


def license_spec(**more: Any) -> dict[str, Any]:
    return {"generator": {"uses": "openrail.m", "version": 1}, "title": "Terms", "licensor": "nobody", **more}


# ---------------------------------------------------------------- references


def test_a_dangling_reference(bench: Any) -> None:
    bench.change("dataset.yaml", "Snapshot/corpus", "Snapshot/corpse")
    at = bench.spot("dataset.yaml", "Snapshot/corpse")
    bench.refused("validate").only(
        "E202", at=at, says="names nothing", hint="Did you mean `Snapshot/corpus@1.0.0`?"
    )


def test_a_reference_to_another_version(bench: Any) -> None:
    bench.change("dataset.yaml", "Snapshot/corpus", "Snapshot/corpus@2.0.0")
    at = bench.spot("dataset.yaml", "Snapshot/corpus@2.0.0")
    bench.refused("validate").only("E202", at=at, hint="`Snapshot/corpus@1.0.0`")


def test_a_reference_to_a_kind_that_there_is_none_of(bench: Any) -> None:
    bench.change("card.yaml", "Dataset/tiny", "Model/tiny")
    bench.refused("validate").only(
        "E202", at=bench.spot("card.yaml", "Model/tiny"), hint="Dataset/tiny@1.0.0"
    )


def test_a_reference_to_the_wrong_kind(bench: Any) -> None:
    bench.change("dataset.yaml", "pii: PIIPolicy/mask", "pii: LicensePolicy/permissive")
    at = bench.spot("dataset.yaml", "pii: ^LicensePolicy/permissive")
    bench.refused("validate").only("E202", at=at, says="should name a PIIPolicy")


def test_a_reference_that_has_not_the_form_of_one(bench: Any) -> None:
    bench.change("dataset.yaml", "Snapshot/corpus", "corpus")
    at = bench.spot("dataset.yaml", "snapshot: ^corpus")
    bench.refused("validate").only("E105", at=at, says="reads Kind/name or Kind/name@version")


def test_an_ambiguous_reference(bench: Any) -> None:
    bench.write("snapshot-2.yaml", bench.text("snapshot.yaml").replace("1.0.0", "2.0.0"))
    at = bench.spot("dataset.yaml", "Snapshot/corpus")
    found = bench.refused("validate").only("E208", at=at, hint="Add the version.")
    assert "Snapshot/corpus@1.0.0, Snapshot/corpus@2.0.0" in found["message"]


def test_what_refers_to_a_resource_with_errors_is_not_itself_an_error(bench: Any) -> None:
    bench.change("snapshot.yaml", "buckets: 4", "buckets: none")
    bench.refused("validate").only("E105", at=bench.spot("snapshot.yaml", "none"))


def test_a_circle(bench: Any) -> None:
    add(bench, "one.yaml", "License", "one", license_spec(parent="License/two"))
    add(bench, "two.yaml", "License", "two", license_spec(parent="License/one"))
    found = bench.refused("validate").only("E204", at=bench.spot("two.yaml", "License/one"))
    assert found["message"].endswith("License/one@1.0.0 -> License/two@1.0.0 -> License/one@1.0.0")


def test_a_resource_that_refers_to_itself(bench: Any) -> None:
    bench.change("dataset.yaml", "spec:\n", "spec:\n  supersedes: Dataset/tiny@1.0.0\n")
    bench.refused("plan").only("E204", at=bench.spot("dataset.yaml", "Dataset/tiny@1.0.0"))


def test_a_resource_that_is_declared_twice(bench: Any) -> None:
    bench.write("more/snapshot.yaml", bench.text("snapshot.yaml"))
    at = bench.spot("more/snapshot.yaml", "name: ^corpus")
    bench.refused("validate").only("E205", at=at, hint=f"The other one is in {bench.path('snapshot.yaml')}.")


def test_two_projects(bench: Any) -> None:
    add(bench, "second.yaml", "Project", "zweites", {"title": "Second"})
    bench.refused("validate").only("E207", at=bench.spot("second.yaml", "Project"), says="Project/tiny@1.0.0")


def test_a_policy_without_the_record_of_its_decision(bench: Any) -> None:
    bench.change("pii.yaml", "  rationale: governance/decisions/0001.md\n", "")
    bench.refused("validate").only("E106", at=bench.spot("pii.yaml", "name: mask"), hint="decision record")


# ---------------------------------------------------------------- components


def test_an_unknown_component(bench: Any) -> None:
    bench.change("dataset.yaml", "dedup.minhash", "dedup.minhush")
    at = bench.spot("dataset.yaml", "dedup.minhush")
    for command in ("validate", "plan", "apply"):
        bench.refused(command).only("E302", at=at, hint="Did you mean `dedup.minhash`?")


def test_a_component_in_the_wrong_slot(bench: Any) -> None:
    bench.change("dataset.yaml", "uses: dedup.minhash\n    version: 2", "uses: quality.text\n    version: 1")
    at = bench.spot("dataset.yaml", "dedup:\n    uses: ^quality.text")
    for command in ("validate", "plan"):
        bench.refused(command).only(
            "E305", at=at, says="is an observer, a clusterer is needed", hint="dedup.minhash"
        )


def test_a_component_in_a_list_in_the_wrong_slot(bench: Any) -> None:
    bench.change(
        "dataset.yaml", "uses: quality.text\n      version: 1", "uses: dedup.minhash\n      version: 2"
    )
    at = bench.spot("dataset.yaml", "- uses: ^dedup.minhash")
    bench.refused("validate").only("E305", at=at, hint="languages.linguist")


def test_a_behaviour_version_that_the_plugin_does_not_offer(bench: Any) -> None:
    bench.change("licenses.yaml", "version: 1\n", "version: 7\n")
    at = bench.spot("licenses.yaml", "licenses.text")
    bench.refused("validate").only(
        "E306", at=at, says="behaviour version 1, the spec asks for 7", hint="`version: 1`"
    )


def test_an_unknown_setting_of_a_component(bench: Any) -> None:
    bench.change("dataset.yaml", "threshold: 0.7", "treshold: 0.7")
    at = bench.spot("dataset.yaml", "treshold")
    bench.refused("validate").only("E104", at=at, says="dedup.minhash with", hint="Did you mean `threshold`?")


def test_a_wrong_setting_of_a_component(bench: Any) -> None:
    bench.change("dataset.yaml", "threshold: 0.7", "threshold: high")
    at = bench.spot("dataset.yaml", "threshold: ^high")
    bench.refused("validate").only(
        "E105", at=at, says="dedup.minhash with.threshold: should be a number, not `high`"
    )


def test_an_executor_that_nobody_offers(bench: Any) -> None:
    bench.change("project.yaml", "executor: inline", "executor: warp")
    bench.refused("validate").only("E302", at=bench.spot("project.yaml", "executor: ^warp"))


def test_an_executor_that_is_none(bench: Any) -> None:
    bench.change("project.yaml", "executor: inline", "executor: pii.patterns")
    at = bench.spot("project.yaml", "executor: ^pii.patterns")
    bench.refused("validate").only("E305", at=at, says="is an observer, an executor is needed")


# ---------------------------------------------------------------- siblings


@pytest.mark.parametrize(
    ("text", "spot", "says"),
    [
        ("sibling: issues", "^issues", "a sibling of kind issues says which dataset it is of"),
        ("sibling: near-dedup", "^near-dedup", "a sibling of kind near-dedup says which dataset it is of"),
    ],
)
def test_a_sibling_of_nothing(bench: Any, text: str, spot: str, says: str) -> None:
    bench.change("dataset.yaml", "spec:\n", f"spec:\n  {text}\n")
    for command in ("validate", "plan", "apply"):
        bench.refused(command).only("E311", at=bench.spot("dataset.yaml", f"sibling: {spot}"), says=says)


def test_all_siblings_that_are_of_nothing_are_told_at_once(bench: Any) -> None:
    bench.change("dataset.yaml", "spec:\n", "spec:\n  sibling: issues\n")
    copy = bench.text("dataset.yaml").replace("version: 1.0.0", "version: 2.0.0")
    bench.write("dataset-2.yaml", copy)
    bench.change("card.yaml", "Dataset/tiny", "Dataset/tiny@1.0.0")
    found = bench.refused("plan").found
    assert [(d["code"], Path(d["place"]["file"]).name) for d in found] == [
        ("E311", "dataset-2.yaml"),
        ("E311", "dataset.yaml"),
    ]
