"""What the plugin says of a licence policy before it runs: warnings for a reviewer, with their place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bigcode.api import Diagnostic, Place, Uses
from bigcode_licenses import plugin


class Workspace(dict[str, Any]):
    """Resources by address, with the places of their fields."""

    def place(self, address: str, *path: str | int) -> Place:
        return Place("licenses.yaml", 10 + path[-1] if isinstance(path[-1], int) else 5)


def policy(
    allow: list[str], uses: str = "licenses.tiers", kind: str = "LicensePolicy", **settings: Any
) -> Any:
    spec = SimpleNamespace(
        classifier=Uses.model_validate({"uses": uses, "with": settings.pop("with_", {})}),
        allow=tuple(allow),
        attribution=settings.pop("attribution", "allow"),
    )
    return SimpleNamespace(kind=kind, address="LicensePolicy/permissive@1.0.0", spec=spec)


def check(resource: Any) -> list[Diagnostic]:
    return list(plugin.bigcode_validate(resource, Workspace()))


@pytest.mark.parametrize("uses", ["licenses.tiers", "licenses.text"])
def test_a_permissive_list_is_fine(uses: str):
    assert check(policy(["MIT", "Apache-2.0", "BSD-3-Clause", "Apache-2.0 WITH LLVM-exception"], uses)) == []


@pytest.mark.parametrize(
    "entry, message, hint",
    [
        ("MPL-2.0", "not permissive by the table: weak-copyleft", "decision record"),
        ("MTI", "no licence that the table knows", "MIT"),
        ("mit", "no licence that the table knows", "MIT"),
        ("MIT OR Apache-2.0", "no licence that the table knows", ""),
        ("BSD-2-Clause-FreeBSD", "deprecated", "BSD-2-Clause-Views"),
        ("LicenseRef-Ours", "no licence that the table knows", ""),
    ],
)
def test_an_entry_that_the_table_doubts_is_a_warning_at_its_line(entry: str, message: str, hint: str):
    (found,) = check(policy(["MIT", entry]))
    assert message in found.message
    assert hint in found.hint
    assert (found.severity, found.place) == ("warning", Place("licenses.yaml", 11))


def test_the_settings_say_which_list_is_asked():
    assert check(policy(["Artistic-2.0"], with_={"permissiveBy": "blueoak"})) == []
    assert check(policy(["CC-BY-4.0"])) == []
    (found,) = check(policy(["CC-BY-4.0"], with_={"permissiveBy": "both"}))
    assert "Blue Oak: not listed" in found.message


def test_an_entry_that_the_policy_itself_shuts_out_is_a_warning():
    assert check(policy(["MIT-0", "CC0-1.0"], attribution="exclude")) == []
    (found,) = check(policy(["MIT"], attribution="exclude"))
    assert "admits nothing" in found.message


def test_other_resources_and_other_classifiers_are_left_alone():
    assert check(policy(["GPL-3.0-only"], kind="Dataset")) == []
    assert check(policy(["GPL-3.0-only"], uses="others.classifier")) == []


def test_a_workspace_without_places_leaves_the_place_to_the_core():
    (found,) = plugin.bigcode_validate(policy(["GPL-3.0-only"]), {})
    assert found.place is None


@pytest.mark.parametrize(
    "entry", ["", " ", "MIT WITH", "MIT WITH (", "(", "\x00", "MIT WITH GPL-2.0-only", "a" * 5000]
)
def test_any_text_is_a_warning_and_no_failure(entry: str):
    assert all(found.severity == "warning" for found in check(policy([entry])))
