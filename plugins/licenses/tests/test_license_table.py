"""The reviewed table: two questions, two lists, and a rule for where the lists differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from bigcode_licenses import table
from bigcode_licenses.table import CATEGORIES, category_of, current, look_up, permissive

REVIEWED = yaml.safe_load((table.DATA / "attribution.yaml").read_text())["licenses"]
BLUE_OAK = json.loads((table.DATA / "blueoak.json").read_text())
SIDES = ("blueoak", "scancode", "both", "either")


@pytest.mark.parametrize(
    "identifier, category, tier, attribution",
    [
        ("MIT", "permissive", "Silver", "required"),
        ("0BSD", "permissive", "Bronze", "none"),
        ("Zlib", "permissive", "Bronze", "source-only"),
        ("MPL-2.0", "weak-copyleft", "", "required"),
        ("AGPL-3.0-only", "copyleft", "", "required"),
        ("BUSL-1.1", "proprietary", "", "required"),
        ("LicenseRef-scancode-bigcode-open-rail-m-v1", "proprietary", "", "required"),
        ("LicenseRef-scancode-unknown", "unknown", "", "required"),
    ],
)
def test_what_the_table_says_of_a_licence(identifier: str, category: str, tier: str, attribution: str):
    row = look_up(identifier)
    assert row is not None
    assert (row.category, row.blue_oak, row.attribution) == (category, tier, attribution)
    assert row.permissive == (category == "permissive")


def test_a_licence_that_nobody_lists_has_no_row():
    assert look_up("Nonesuch-1.0") is None
    assert category_of("Nonesuch-1.0") == "unknown"


@pytest.mark.parametrize(
    "identifier, permissive_by",
    [
        ("Artistic-2.0", {"blueoak", "either"}),
        ("Ruby", {"blueoak", "either"}),
        ("CC-BY-4.0", {"scancode", "either"}),
        ("MIT", set(SIDES)),
        ("GPL-3.0-only", set()),
    ],
)
def test_the_setting_says_which_list_wins(identifier: str, permissive_by: set[str]):
    assert {side for side in SIDES if permissive(identifier, side)} == permissive_by


@pytest.mark.parametrize(
    "expression, category",
    [
        ("MIT OR GPL-3.0-only", "permissive"),
        ("MIT AND GPL-3.0-only", "copyleft"),
        ("(GPL-2.0-only OR MPL-2.0) AND MIT", "weak-copyleft"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "weak-copyleft"),
        ("Apache-2.0 WITH LLVM-exception", "permissive"),
        ("GPL-2.0-only WITH Nonesuch-exception", "copyleft"),
        ("MIT AND LicenseRef-Ours", "unknown"),
        ("MIT OR LicenseRef-Ours", "permissive"),
    ],
)
def test_a_choice_is_as_good_as_its_best_branch_and_a_sum_as_bad_as_its_worst(expression: str, category: str):
    assert category_of(expression) == category


def test_yesterdays_identifiers_lead_to_todays():
    old = look_up("GPL-2.0")
    assert old is not None
    assert old.deprecated
    assert current("GPL-2.0") == "GPL-2.0-only"
    assert current("apache-2.0") == "Apache-2.0"
    assert current("Nonesuch-1.0") == ""


def test_each_entry_is_complete_and_known():
    for identifier, entry in REVIEWED.items():
        assert set(entry) == {"permissive", "attribution", "copyleft", "patent", "basis", "reviewed"}, (
            identifier
        )
        assert entry["attribution"] in ("required", "source-only", "none")
        assert entry["copyleft"] in ("none", "weak", "strong", "network")
        assert look_up(identifier), identifier


def test_the_review_differs_from_both_lists_only_where_they_differ():
    """One exception: the JSON licence limits what the software is for, which neither category shows."""
    differing = {
        identifier
        for identifier, entry in REVIEWED.items()
        if entry["permissive"] not in {permissive(identifier, side) for side in ("blueoak", "scancode")}
    }
    assert differing <= {"JSON"}


def test_copyleft_and_permissive_exclude_each_other():
    for identifier, entry in REVIEWED.items():
        assert not (entry["permissive"] and entry["copyleft"] != "none"), identifier
        category = look_up(identifier).category
        if entry["copyleft"] == "weak":
            assert category in ("weak-copyleft", "copyleft"), identifier
        if entry["attribution"] == "none":
            assert category == "permissive", identifier


def test_the_blue_oak_list_is_complete_and_ships_with_its_licence():
    assert [tier["name"] for tier in BLUE_OAK] == ["Model", "Gold", "Silver", "Bronze", "Lead"]
    assert sum(len(tier["licenses"]) for tier in BLUE_OAK) == 224
    text = Path(table.DATA / "blueoak.LICENSE.txt").read_text()
    assert "@blueoak/list, version 15.0.0" in text
    assert "CC0 1.0 Universal" in text


def test_categories_are_those_that_verdicts_know():
    assert CATEGORIES == ("permissive", "weak-copyleft", "copyleft", "proprietary", "unknown")
