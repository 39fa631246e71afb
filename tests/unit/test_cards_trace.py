"""Every printed number leads to a fact, and a card that says something else is caught."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.api import Fact
from bigcode.api.canonical import digest
from bigcode.cards.render import CardRequest, Rendered, load_templates, render_card
from bigcode.cards.trace import check_trace, facts_printed

ROOT = Path(__file__).parents[2]
TEMPLATES, GLOSSARY = load_templates(ROOT / "governance/templates")
WORLD = json.loads((ROOT / "tests/golden/cards/world.json").read_text("utf-8"))
CARDS = sorted(WORLD["cards"])
SURFACES = ("markdown", "html")


def request(name: str) -> CardRequest:
    return CardRequest.from_json({**WORLD, **WORLD["cards"][name]}, TEMPLATES, GLOSSARY)


def check(asked: CardRequest, card: Rendered, surface: str, **changes: Any) -> list[str]:
    given_: dict[str, Any] = {
        "text": card.markdown if surface == "markdown" else card.html,
        "trace": card.trace[surface],
        "facts": asked.facts,
        "declared": asked.declared,
        "resources": asked.resources,
        "verbatim": asked.verbatim,
        "glossary": [*asked.glossary, asked.address],
        "labels": [label for item in asked.series for label in (item.x_label, item.y_label)],
        **changes,
    }
    return [
        str(d) for d in check_trace(given_.pop("text"), given_.pop("trace"), given_.pop("facts"), **given_)
    ]


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", CARDS)
def test_a_card_agrees_with_its_trace(name: str, surface: str) -> None:
    asked = request(name)
    assert check(asked, render_card(asked), surface) == []


@pytest.mark.parametrize("surface", SURFACES)
def test_a_trace_is_plain_json_with_offsets_into_the_text(surface: str) -> None:
    card = render_card(request("model-card"))
    trace = json.loads(json.dumps(card.trace))[surface]
    text = card.markdown if surface == "markdown" else card.html
    printed = {
        text[s["start"] : s["end"]] for s in trace["spans"] if s.get("fact", "").endswith("/tokens.seen")
    }
    assert "2,998,272 tokens" in printed
    assert "Model/meadow-tiny@1.0.0/tokens.seen" in facts_printed(trace)


@pytest.mark.parametrize("surface", SURFACES)
def test_a_changed_fact_is_caught(surface: str) -> None:
    asked = request("model-card")
    card = render_card(asked)
    name = "Model/meadow-tiny@1.0.0/steps"
    changed = {**asked.facts, name: replace(asked.facts[name], value=733)}
    found = check(asked, card, surface, facts=changed)
    assert found
    assert f"`732 steps` is printed where fact {name} gives `733 steps`" in found[0]


@pytest.mark.parametrize("surface", SURFACES)
def test_a_changed_text_is_caught_even_with_a_trace_that_was_sealed_again(surface: str) -> None:
    asked = request("model-card")
    card = render_card(asked)
    text = card.markdown if surface == "markdown" else card.html
    span = next(s for s in card.trace[surface]["spans"] if s["text"] == "732 steps")
    forged = text[: span["start"]] + "999 steps" + text[span["end"] :]
    assert "not the one that the trace was made for" in check(asked, card, surface, text=forged)[0]
    spans = [{**s, "text": "999 steps"} if s is span else s for s in card.trace[surface]["spans"]]
    trace = {"surface": surface, "sha256": digest(forged.encode()), "spans": spans}
    assert "gives `732 steps`" in check(asked, card, surface, text=forged, trace=trace)[0]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "99"}, "is no name"),
        ({"numbering": "99"}, "is no number of a heading"),
        ({"tick": "plot-1.x"}, "is no tick"),
        ({"fact": "Model/meadow-tiny@1.0.0/steps"}, "gives `732 steps`"),
        ({"fact": "Model/meadow-tiny@1.0.0/steps", "name": "99"}, "stands for one thing"),
        ({}, "stands for one thing"),
        ({"verbatim": "license", "sha256": digest(b"other")}, "does not have its digest"),
    ],
)
def test_a_number_cannot_be_passed_off_as_something_else(entry: Mapping[str, Any], message: str) -> None:
    asked = request("model-card")
    text = "There are 99.\n"
    trace = {"surface": "markdown", "spans": [{"start": 10, "end": 12, "text": "99", **entry}]}
    found = check(asked, render_card(asked), "markdown", text=text, trace=trace)
    assert message in found[0]


def test_spans_that_overlap_are_refused() -> None:
    asked = request("model-card")
    spans = [{"start": n, "end": n + 2, "name": "1.0.0", "text": "1.0.0"} for n in (0, 1)]
    trace = {"surface": "markdown", "spans": spans}
    found = check(asked, render_card(asked), "markdown", text="123", trace=trace)
    assert any("overlap" in message for message in found)


def test_a_setting_is_compared_with_its_resource() -> None:
    asked = request("model-card")
    resources = json.loads(json.dumps(WORLD["resources"]))
    resources["Model/meadow-tiny@1.0.0"]["spec"]["seed"] = 4321
    found = check(asked, render_card(asked), "markdown", resources=resources)
    assert any("gives `4321`" in message for message in found)


_NUMBERS = st.one_of(
    st.integers(0, 10**14),
    st.floats(0, 1e12, allow_nan=False),
    st.floats(1e-12, 1, allow_nan=False),
    st.none(),
)
_WORDS = st.one_of(st.text(max_size=24), st.text("12345 a|*_`<&\\\n{}=/", max_size=12))
_KINDS = st.sampled_from(["measured", "derived", "declared", "estimated"])


@st.composite
def fact_sets(draw: st.DrawFn) -> dict[str, Fact]:
    """Facts of the made-up world with anything in their values, words and keys, some of them missing."""
    found: dict[str, Fact] = {}
    for item in draw(st.lists(st.sampled_from(WORLD["facts"]), unique_by=lambda f: f["id"], max_size=25)):
        fact = Fact.from_json(item)
        name = fact.id
        if fact.id.endswith("}") and draw(st.booleans()):
            name = f"{fact.id.partition('=')[0]}={draw(_WORDS)}}}"
        kind = draw(_KINDS)
        value = draw(_WORDS) if isinstance(fact.value, str) else draw(_NUMBERS)
        words = {part: draw(_WORDS) for part in ("label", "source", "method", "component", "as_of")}
        number = isinstance(value, int | float)
        interval = (value * 0.5, value * 1.5) if kind == "estimated" and number else None  # type: ignore[operator]
        withheld = value is None and draw(st.booleans())
        found[name] = replace(
            fact, id=name, value=value, kind=kind, interval=interval, withheld=withheld, **words
        )
    return found


EVERYTHING = """---
name: {{ subject.metadata.name }}
files: {{ fact("files.kept", plain=true) }}
size: {{ size_category("files.kept") }}
---
# {{ title }}

## {{ numbering() }} {{ fact("files.kept") }} in {{ count("files.kept", "language") }}

{{ fact("bytes.kept", unit="MB", digits=2) }} {{ label("bytes.kept") }} {{ how("bytes.kept") }}
{{ status("bytes.kept") }}

| Language | Files | Share |
|---|---:|---:|
{% for row in group("files.kept", "language", top=2) %}
| {{ row.key }} | {{ row.value }} | {{ share(row.id, "files.kept") }} |
{% endfor %}
| rest | {{ rest("files.kept", "language", top=2) }} | {{ rest("files.kept", "language", top=2, whole="files.kept") }} |

{{ bars("files.kept", "language", title="Languages", top=3) }}

{{ bars("files.kept", "license", title="Licences", log=true) }}

{{ compare([("kept", "files.kept"), ("collected", "files.in")], title="Files") }}

```
{{ fact("optout.as_of") }} {{ formula("files.dropped") }}
```

{{ listing(subject.metadata.owners) }} {{ setting(subject, "spec.split.validation", to="%") }}
"""


def check_everything(name: str, facts: dict[str, Fact], declared: dict[str, Fact]) -> None:
    templates = {**TEMPLATES, "everything.md.j2": EVERYTHING}
    template = "everything.md.j2" if name == "everything" else f"{name}.md.j2"
    base = request("dataset-card" if name == "everything" else name)
    asked = replace(base, facts=facts, declared=declared, template=template, templates=templates)
    card = render_card(asked)
    for surface in SURFACES:
        assert check(asked, card, surface) == []


@settings(max_examples=40, deadline=None)
@given(facts=fact_sets(), declared=fact_sets())
def test_whatever_the_facts_every_digit_is_traced(facts: dict[str, Fact], declared: dict[str, Fact]) -> None:
    check_everything("everything", facts, declared)


@pytest.mark.parametrize("name", CARDS)
@settings(max_examples=5, deadline=None)
@given(facts=fact_sets(), declared=fact_sets())
def test_so_it_is_on_the_shipped_cards(name: str, facts: dict[str, Fact], declared: dict[str, Fact]) -> None:
    check_everything(name, facts, declared)
