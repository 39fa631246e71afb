"""A licence from structured restrictions: its text, its facts, and what it may not lose from its parents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bigcode.api import Fact, Problem, load_object
from bigcode.testing.context import JobContext
from bigcode_openrail.config import OpenRailConfig
from bigcode_openrail.generate import OpenRail, name_of
from bigcode_openrail.plugin import bigcode_components
from bigcode_openrail.restrictions import load_base

BASE: dict[str, Any] = {
    "generator": {"uses": "openrail.m", "version": 1, "with": {}},
    "title": "Santa licence",
    "prefix": "open",
    "artifact": ["model"],
    "licensor": "The BigCode project",
    "restrictions": [],
    "added": [],
    "flowDown": True,
    "parent": None,
    "textSource": "",
}
SPAM = {"id": "spam", "text": "to send mail that nobody asked for", "equivalentTo": "", "reviewer": ""}
ABUSE = {"id": "abuse", "text": "to defame", "equivalentTo": "harassment", "reviewer": "ethics group"}


def test_the_component_names_classes_that_load() -> None:
    (component,) = bigcode_components()
    assert (component.slot, component.deterministic) == ("license", True)
    assert load_object(component.factory) is OpenRail
    assert load_object(component.config) is OpenRailConfig


def test_the_base_has_fourteen_restrictions_that_name_their_source() -> None:
    base = load_base()
    assert len(base) == 14
    letters = [clause.source[-2] for clause in base.values()]
    assert letters == sorted(letters)
    assert all(clause.text and clause.domain and clause.as_of for clause in base.values())


def test_all_restrictions_of_the_base_stand_in_the_text_when_none_is_named(tmp_path: Path) -> None:
    text, facts = generate(tmp_path)
    for clause in load_base().values():
        assert f"[{clause.id}] {clause.text};" in text
    assert facts["restrictions"].value == 14


@pytest.mark.parametrize(
    "section",
    ["Preamble", "Definitions", "Copyright", "Patents", "Use restrictions", "what flows down", "Output",
     "Updates", "No warranty", "Limits of liability", "Termination", "Severability", "Attachment A"],
)  # fmt: skip
def test_the_text_has_the_sections_of_the_family(tmp_path: Path, section: str) -> None:
    assert section in generate(tmp_path)[0]


@pytest.mark.parametrize(
    "prefix, artifact, name",
    [
        ("open", ["model"], "OpenRAIL-M"),
        ("research", ["source", "model", "application"], "ResearchRAIL-AMS"),
        ("", ["model", "data"], "RAIL-DM"),
    ],
)
def test_the_name_follows_prefix_and_artifact(
    tmp_path: Path, prefix: str, artifact: list[str], name: str
) -> None:
    assert name_of(prefix, artifact) == name
    text, _ = generate(tmp_path, prefix=prefix, artifact=artifact)
    assert name in text
    assert ("royalty-free" in text) == bool(prefix)
    assert ("research" in text) == (prefix == "research")


def test_each_restriction_is_a_fact_with_its_text_and_source(tmp_path: Path) -> None:
    _, facts = generate(tmp_path, restrictions=["malware"], added=[SPAM])
    assert set(facts) == {"restrictions", "restriction{id=malware}", "restriction{id=spam}"}
    malware = facts["restriction{id=malware}"]
    assert (malware.kind, malware.unit, malware.value) == ("declared", "text", load_base()["malware"].text)
    assert malware.source == "BigCode OpenRAIL-M v1, attachment A (c)"
    assert malware.as_of
    spam = facts["restriction{id=spam}"]
    assert (spam.kind, spam.source, spam.inputs) == (
        "measured",
        "the License spec",
        facts["restrictions"].inputs,
    )


def test_the_same_spec_gives_the_same_bytes_whatever_the_order_of_its_keys(tmp_path: Path) -> None:
    first = generate(tmp_path, added=[SPAM])
    again = generate(tmp_path, added=[dict(reversed(SPAM.items()))], order=reversed)
    assert first == again


def test_a_licence_without_flow_down_says_so(tmp_path: Path) -> None:
    text, _ = generate(tmp_path, flowDown=False)
    assert "what flows down" not in text
    assert "need not bind" in text


def test_a_restriction_that_the_base_does_not_define_is_refused(tmp_path: Path) -> None:
    assert codes(tmp_path, restrictions=["malware", "mischief"]) == [("E802", "mischief")]


def test_an_added_restriction_may_not_take_the_id_of_the_base(tmp_path: Path) -> None:
    assert codes(tmp_path, added=[SPAM | {"id": "malware"}]) == [("E802", "malware")]


def test_an_equivalence_names_a_restriction_that_exists(tmp_path: Path) -> None:
    assert codes(tmp_path, added=[SPAM | {"equivalentTo": "mischief", "reviewer": "ethics group"}]) == [
        ("E802", "mischief")
    ]


class TestParents:
    def test_a_child_that_keeps_all_is_generated(self, tmp_path: Path) -> None:
        text, _ = generate(tmp_path, parents=[BASE | {"added": [SPAM]}], added=[SPAM])
        assert "[spam]" in text

    def test_a_child_that_loses_some_is_refused_with_their_ids(self, tmp_path: Path) -> None:
        parent = BASE | {"restrictions": ["malware", "harassment"], "added": [SPAM]}
        (found,) = problem(tmp_path, parents=[parent], restrictions=["malware"]).diagnostics
        assert found.code == "E801"
        assert "harassment, spam" in found.message

    def test_what_a_grandparent_asks_holds_too(self, tmp_path: Path) -> None:
        parents = [BASE | {"flowDown": False, "restrictions": ["malware"]}, BASE | {"added": [SPAM]}]
        assert codes(tmp_path, parents=parents) == [("E801", "spam")]

    def test_a_parent_without_flow_down_asks_nothing(self, tmp_path: Path) -> None:
        parent = BASE | {"flowDown": False, "added": [SPAM]}
        assert "[spam]" not in generate(tmp_path, parents=[parent])[0]

    def test_flow_down_cannot_end_with_the_child(self, tmp_path: Path) -> None:
        assert codes(tmp_path, parents=[BASE], flowDown=False) == [("E801", "flowDown")]

    def test_other_words_under_the_same_id_are_not_the_same_restriction(self, tmp_path: Path) -> None:
        parent = BASE | {"added": [SPAM]}
        assert codes(tmp_path, parents=[parent], added=[SPAM | {"text": "to send mail at night"}]) == [
            ("E801", "spam")
        ]

    def test_a_reviewed_equivalent_stands_for_a_parents_restriction(self, tmp_path: Path) -> None:
        parent = BASE | {"restrictions": ["malware", "harassment"]}
        text, facts = generate(tmp_path, parents=[parent], restrictions=["malware"], added=[ABUSE])
        assert "[abuse]" in text
        assert facts["restriction{id=abuse}"].source.endswith("equivalent to harassment")
        assert codes(
            tmp_path, parents=[parent], restrictions=["malware"], added=[ABUSE | {"reviewer": ""}]
        ) == [("E801", "harassment")]

    def test_an_equivalence_that_a_parent_had_reviewed_carries_on(self, tmp_path: Path) -> None:
        parent = BASE | {"restrictions": ["malware"], "added": [ABUSE]}
        grandparent = BASE | {"restrictions": ["malware", "harassment"]}
        child = {"restrictions": ["malware"], "added": [ABUSE | {"equivalentTo": "", "reviewer": ""}]}
        assert "[abuse]" in generate(tmp_path, parents=[parent, grandparent], **child)[0]

    def test_all_that_is_wrong_is_said_at_once(self, tmp_path: Path) -> None:
        found = codes(tmp_path, parents=[BASE], restrictions=["mischief"], flowDown=False)
        assert [code for code, _ in found] == ["E801", "E801", "E802"]


def job(folder: Path, parents: list[Mapping[str, Any]], spec: Mapping[str, Any], order: Any) -> JobContext:
    params = {"license": dict(order(list((BASE | spec).items()))), "parents": parents}
    ctx = JobContext(config=OpenRailConfig(), scratch=folder, params=params)
    OpenRail(ctx.config).run(ctx)
    return ctx


def generate(
    folder: Path, parents: list[Mapping[str, Any]] | None = None, order: Any = iter, **spec: Any
) -> tuple[str, dict[str, Fact]]:
    ctx = job(folder, parents or [], spec, order)
    text = (ctx.out / "text" / "LICENSE.md").read_text(encoding="utf-8")
    assert all(fact.label and not any(c.isdigit() for c in fact.label) for fact in ctx.recorded)
    return text, {fact.id: fact for fact in ctx.recorded}


def problem(folder: Path, parents: list[Mapping[str, Any]] | None = None, **spec: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        job(folder, parents or [], spec, iter)
    assert not (folder / "out").exists()
    assert caught.value.exit_code == 3
    return caught.value


def codes(folder: Path, **spec: Any) -> list[tuple[str, str]]:
    """Codes, each with the last quoted or listed name of its message."""
    found = []
    for diagnostic in problem(folder / "refused", **spec).diagnostics:
        words = diagnostic.message.replace(",", " ").replace(":", " ").split()
        quoted = [word.strip("`") for word in words if word.startswith("`")]
        found.append((diagnostic.code, quoted[-1] if quoted else words[-1]))
    return found
