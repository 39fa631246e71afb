"""A digit that no fact holds is found wherever it is planted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bigcode.api import Problem
from bigcode.cards.lint import lint_prose, lint_rendered, lint_template
from bigcode.cards.render import CardRequest, load_templates, render_card

ROOT = Path(__file__).parents[2]
TEMPLATES, GLOSSARY = load_templates(ROOT / "governance/templates")
WORLD = json.loads((ROOT / "tests/golden/cards/world.json").read_text("utf-8"))


def request(name: str, templates: dict[str, str] | None = None, **changes: object) -> CardRequest:
    data = {**WORLD, **WORLD["cards"][name], **changes}
    return CardRequest.from_json(data, TEMPLATES | (templates or {}), GLOSSARY)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_the_shipped_templates_hold_no_digit(name: str) -> None:
    assert lint_template(name, TEMPLATES[name]) == []


@pytest.mark.parametrize("planted", ["About 40 files.", "Half (½).", "x²", "Chapter Ⅳ", "٣ files"])
def test_a_digit_in_the_words_of_a_template_is_found_with_its_place(planted: str) -> None:
    found = lint_template("card.md.j2", f'# {{{{ title }}}}\n\n{{{{ fact("x", digits=2) }}}}\n{planted}')
    assert [d.code for d in found] == ["E609"]
    assert found[0].place is not None
    assert found[0].place.line == 4


def test_a_page_template_may_hold_digits_in_markup_only() -> None:
    assert (
        lint_template("page.html.j2", '<h1 class="x1">{{ title }}</h1><style>p{margin:1em}</style>&nbsp;')
        == []
    )
    assert len(lint_template("page.html.j2", "<h1>Top 10</h1>")) == 1
    assert len(lint_template("page.html.j2", '<img alt="3 files">')) == 1


@pytest.mark.parametrize("name", ["card.md.j2", "page.html.j2"])
def test_a_template_cannot_forge_a_mark(name: str) -> None:
    assert "private-use" in lint_template(name, "hello \U000f0000")[0].message


def test_all_digits_of_all_sources_are_told_at_once() -> None:
    sections = {"summary": "Two or 3.", "limitations": "Line one.\nUp to 5 and 6."}
    with pytest.raises(Problem) as caught:
        render_card(request("dataset-card", {"dataset-card.md.j2": "# 9\n"}, sections=sections))
    places = [str(d.place) for d in caught.value.diagnostics]
    assert places == [
        "Card/dataset-card@1.0.0 sections.limitations:2:7",
        "Card/dataset-card@1.0.0 sections.limitations:2:13",
        "Card/dataset-card@1.0.0 sections.summary:1:8",
        "dataset-card.md.j2:1:3",
    ]


def test_prose_may_hold_digits_in_its_expressions() -> None:
    assert lint_prose('Kept {{ fact("x", digits=2) }} {# 7 #}.', "card") == []


@pytest.mark.parametrize(
    "template", ['{{ "5 files" }}', "{{ range(7) | last ~ '' }}", "{% set n = 40 + 2 %}{{ n ~ ' files' }}"]
)
def test_a_digit_that_an_expression_makes_is_found_in_both_renderings(template: str) -> None:
    with pytest.raises(Problem) as caught:
        render_card(request("license", {"license.md.j2": template}))
    files = {str(d.place).split(":")[0] for d in caught.value.diagnostics}
    assert files == {"Card/license@1.0.0 (Markdown)", "Card/license@1.0.0 (page)"}


def test_a_resource_cannot_bring_digits_into_prose() -> None:
    resources = json.loads(json.dumps(WORLD["resources"]))
    resources["LicensePolicy/permissive@1.0.0"]["spec"]["notes"] = "We know 193 licences."
    with pytest.raises(Problem, match="193"):
        render_card(request("dataset-card", resources=resources))


def test_a_digit_planted_into_finished_markdown_is_found() -> None:
    card = render_card(request("dataset-card"))
    spans = card.trace["markdown"]["spans"]
    assert lint_rendered(card.markdown, spans, "markdown", "card") == []
    found = lint_rendered(card.markdown + "\nMore than 40 people.\n", spans, "markdown", "card")
    assert [d.code for d in found] == ["E609"]
    assert "`40`" in found[0].message


@pytest.mark.parametrize(
    ("planted", "hits"),
    [
        ("<p>40 people</p>", 1),
        ("<p>&#52;&frac12;</p>", 2),
        ("<svg><title>9 files</title><text>7</text></svg>", 2),
        ('<img alt="40">', 1),
        ('<p aria-label="40" class="c40" title="a1b2">x</p>', 1),
        ("<style>p { margin: 4em }</style><script>var x = 1</script><!-- 5 -->", 0),
        ('<td width="3">x</td>', 0),
    ],
)
def test_a_digit_planted_into_a_finished_page_is_found_where_a_reader_meets_it(
    planted: str, hits: int
) -> None:
    card = render_card(request("dataset-card"))
    page = card.html.replace("</footer>", f"{planted}</footer>")
    found = lint_rendered(page, card.trace["html"]["spans"], "html", "card")
    assert len(found) == hits
