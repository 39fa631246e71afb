"""Overlays and variables: they set what a run may differ in, and nothing that was reviewed."""

from __future__ import annotations

from typing import Any

import pytest


def test_an_overlay_that_touches_identity(bench: Any) -> None:
    bench.write("env/big.yaml", "Snapshot/corpus:\n  buckets: 64\n")
    at = bench.spot("env/big.yaml", "buckets")
    for command in ("validate", "plan", "apply"):
        bench.refused(command, "--env", "big").only(
            "E203", at=at, says="Snapshot/corpus buckets", hint="Runtime"
        )


@pytest.mark.parametrize(
    ("text", "spot"),
    [
        ("Dataset/tiny@1.0.0:\n  split: {validation: 0.5}\n", "validation"),
        ("Dataset/tiny:\n  quality:\n    rules: []\n", "rules"),
        ("LicensePolicy/permissive:\n  allow: [GPL-3.0-only]\n", "allow"),
        ("Project/tiny:\n  smallCell: 1\n", "smallCell"),
        ("Snapshot/corpus:\n  collector: {uses: sources.git}\n", "uses"),
    ],
)
def test_identity_and_prose_are_out_of_reach_at_any_depth(bench: Any, text: str, spot: str) -> None:
    bench.write("env/big.yaml", text)
    bench.refused("validate", "--env", "big").only("E203", at=bench.spot("env/big.yaml", spot))


def test_the_name_of_a_field_in_python_is_no_way_around(bench: Any) -> None:
    bench.write("env/big.yaml", "Snapshot/corpus:\n  blob_partitions: 64\n")
    at = bench.spot("env/big.yaml", "blob_partitions")
    bench.refused("validate", "--env", "big").only("E104", at=at, hint="`blobPartitions`")


def test_an_overlay_that_names_nothing(bench: Any) -> None:
    bench.write("env/big.yaml", "Project/tny:\n  execution: {workers: 2}\n")
    at = bench.spot("env/big.yaml", "Project/tny")
    bench.refused("plan", "--env", "big").only("E202", at=at, hint="Did you mean `Project/tiny`?")


def test_an_overlay_that_is_not_there(bench: Any) -> None:
    bench.write("env/small.yaml", "Project/tiny: {}\n")
    found = bench.refused("plan", "--env", "big").only("E001", says="env/big.yaml", hint="small")
    assert found["place"] is None


@pytest.mark.parametrize(
    ("text", "code", "spot", "says"),
    [
        ("- a\n", "E105", "- a", "a mapping from addresses"),
        ("Project/tiny: 3\n", "E105", "3", "no mapping of fields"),
        ("Project/tiny:\n  execution: {wrokers: 2}\n", "E104", "wrokers", "unknown field `wrokers`"),
        (
            "Project/tiny:\n  execution: {workers: two}\n",
            "E105",
            "two",
            "execution.workers: should be a whole number",
        ),
        ("Project/tiny:\n  execution: {workers: 0}\n", "E105", "0", "greater than or equal to 1"),
        ("Project/tiny:\n  execution: [1]\n", "E105", "execution", "does not fit"),
        ("Project/tiny:\n\texecution: 1\n", "E103", "\t", "tab"),
        ("Project/tiny:\n  execution: {workers: 1, workers: 2}\n", "E102", "workers: 2", "stands twice"),
    ],
)
def test_an_error_in_an_overlay_has_its_place_in_the_overlay(
    bench: Any, text: str, code: str, spot: str, says: str
) -> None:
    bench.write("env/big.yaml", text)
    bench.refused("validate", "--env", "big").only(code, at=bench.spot("env/big.yaml", spot), says=says)


def test_an_empty_overlay_and_one_of_runtime_fields_change_no_key(bench: Any) -> None:
    bench.write("env/none.yaml", "# nothing\n")
    bench.write("env/more.yaml", "Project/tiny:\n  execution: {executor: local, workers: 1}\n")
    for name in ("none", "more"):
        done = bench.run("plan", str(bench.space), "--env", name, "--exit-code")
        assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    "text",
    [
        "${oc.env:HOME}",
        "${oc.decode:1}",
        "${vars.nope}",
        "${spec.smallCell}",
        "${vars.${vars.name}}",
        "${",
        "x ${vars.a b}",
    ],
)
def test_only_variables_of_the_workspace_are_read(bench: Any, text: str) -> None:
    bench.write("vars.yaml", "name: tiny\n")
    bench.change("project.yaml", "title: Tiny", f"title: '{text}'")
    refusal = bench.refused("validate")
    found = refusal.only(
        "E206", at=bench.spot("project.yaml", f"'{text}'"), says=text, hint="which holds name"
    )
    assert "/root" not in refusal.ran.err + str(found)


def test_variables_cannot_read_the_environment_for_others(bench: Any) -> None:
    bench.write("vars.yaml", "home: ${oc.env:HOME}\n")
    bench.refused("validate").only("E206", at=bench.spot("vars.yaml", "${oc"))


def test_variables_that_are_no_mapping(bench: Any) -> None:
    bench.write("vars.yaml", "- a\n")
    bench.refused("validate").only("E105", at=bench.spot("vars.yaml", "- a"), says="vars.yaml is a mapping")


def test_a_variable_of_the_wrong_type_has_its_place_where_it_is_used(bench: Any) -> None:
    bench.write("vars.yaml", "buckets: four\n")
    bench.change("snapshot.yaml", "buckets: 4", "buckets: ${vars.buckets}")
    bench.refused("validate").only(
        "E105", at=bench.spot("snapshot.yaml", "${vars"), says="should be a whole number"
    )


def test_a_variable_keeps_its_type_and_the_key(bench: Any) -> None:
    bench.write("vars.yaml", "buckets: 4\nkind: Dataset\n")
    bench.change("snapshot.yaml", "buckets: 4", "buckets: ${vars.buckets}")
    bench.change("card.yaml", "Dataset/tiny", "${vars.kind}/tiny")
    assert bench.run("plan", str(bench.space), "--exit-code").code == 0
