"""What a template can print, and how it looks."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from bigcode.api import Fact, Problem
from bigcode.cards.render import CardRequest, Rendered, render_card

SUBJECT = "Dataset/demo@1.0.0"
PAGE = "<!doctype html><title>{{ title }}</title><main>{{ body }}</main>"


def resource(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "version": "1.0.0"}, "spec": spec}


def render(template: str, *facts: Fact, **more: Any) -> Rendered:
    resources = {f"{r['kind']}/{r['metadata']['name']}@1.0.0": r for r in more.pop("resources", ())}
    includes = more.pop("includes", {})
    request = CardRequest(
        address="Card/demo@1.0.0",
        title=more.pop("title", "Demo"),
        template="card.md.j2",
        templates={"card.md.j2": template, "page.html.j2": PAGE, **includes},
        subject=more.pop("subject", resource("Dataset", "demo", seed=7, terms="Be kind.")),
        resources=resources,
        facts={fact.id: fact for fact in facts},
        **more,
    )
    return render_card(request)


def fact(name: str, value: Any, unit: str = "file", **more: Any) -> Fact:
    return Fact(f"{SUBJECT}/{name}", value, unit, **more)


def refusal(template: str, *facts: Fact, **more: Any) -> str:
    with pytest.raises(Problem) as caught:
        render(template, *facts, **more)
    assert caught.value.exit_code == 8
    return str(caught.value)


class TestFacts:
    def test_a_fact_prints_relative_to_the_subject_and_by_its_full_id(self) -> None:
        other = Fact("Model/x@1/loss.final", 3.871, "nat/token")
        card = render('{{ fact("kept") }}; {{ fact("Model/x@1/loss.final") }}', fact("kept", 1234), other)
        assert card.markdown == "1,234 files; 3.87 nats per token\n"

    def test_a_fact_prints_in_another_unit(self) -> None:
        card = render('{{ fact("size", unit="MB", digits=1) }}', fact("size", 61203944, "B"))
        assert card.markdown == "61.2 MB\n"

    def test_an_absent_fact_is_not_measured_and_is_listed(self) -> None:
        card = render('{{ fact("kept") }}')
        assert card.markdown == "not measured\n"
        assert card.absent == (f"{SUBJECT}/kept",)

    def test_a_withheld_fact_is_withheld(self) -> None:
        card = render('{{ fact("entries") }}', fact("entries", None, "person", withheld=True))
        assert card.markdown == "withheld\n"
        assert card.absent == ()

    def test_a_declared_fact_carries_a_mark_and_a_note_with_source_and_date(self) -> None:
        declared = fact(
            "pue", 1.2, "1", kind="declared", label="Overhead", source="yearly mean", as_of="2025-12-31"
        )
        card = render('{{ fact("pue") }} and {{ fact("pue") }}', declared)
        assert card.markdown.startswith("1.2<sup>†a</sup> and 1.2<sup>†a</sup>\n")
        assert "- **†a** Overhead: declared, yearly mean, as of 2025-12-31." in card.markdown
        assert '<a class="note" href="#note-a">†a</a>' in card.html
        assert 'id="note-a"' in card.html

    def test_a_declared_value_stays_visible_beside_a_measured_one_that_differs(self) -> None:
        declared = fact("kept", 1300, kind="declared", source="plan", as_of="2025-01-01")
        card = render('{{ fact("kept") }}', fact("kept", 1234), declared={declared.id: declared})
        assert card.markdown.startswith("1,234 files (declared: 1,300 files<sup>†a</sup>)\n")
        same = fact("kept", 1234, kind="declared", source="plan", as_of="2025-01-01")
        assert (
            render('{{ fact("kept") }}', fact("kept", 1234), declared={same.id: same}).markdown
            == "1,234 files\n"
        )

    def test_an_estimate_prints_its_interval_and_method(self) -> None:
        guess = fact(
            "hours", 12.0, "h", kind="estimated", label="Work", method="asked around", interval=(10.0, 15.0)
        )
        card = render('{{ fact("hours") }}', guess)
        assert card.markdown.startswith("≈ 12 hours (10 to 15)<sup>‡a</sup>\n")
        assert "- **‡a** Work: estimated, asked around." in card.markdown

    def test_a_page_tells_where_a_fact_comes_from(self) -> None:
        card = render('{{ fact("kept") }}', fact("kept", 1234, inputs=("ab" * 32,), component="evals.count"))
        assert (
            '<data class="fact measured number" data-fact="Dataset/demo@1.0.0/kept" value="1234"' in card.html
        )
        assert 'title="measured: inputs abababababab; by evals.count">1,234 files</data>' in card.html

    def test_a_group_prints_greatest_first_and_sums_the_rest(self) -> None:
        facts = [
            fact(f"kept{{language={name}}}", n)
            for name, n in [("C", 5), ("Rust", 3), ("Python", 90), ("TOML", 2)]
        ]
        template = (
            '{% for row in group("kept", "language", top=2) %}{{ row.key }} {{ row.value }}; {% endfor %}'
        )
        template += 'rest {{ rest("kept", "language", top=2) }} of {{ count("kept", "language") }}'
        assert render(template, *facts).markdown == "Python 90; C 5; rest 5 of 4\n"

    def test_a_share_is_worked_out_from_two_facts(self) -> None:
        card = render('{{ share("kept", "in") }}', fact("kept", 60), fact("in", 80))
        assert card.markdown == "75.0%\n"
        assert render('{{ share("kept", "in") }}', fact("kept", 60)).markdown == "not measured\n"

    def test_a_group_by_two_keys_is_printed_one_value_of_the_second_at_a_time(self) -> None:
        facts = [
            fact(f"labels{{entity={entity},set={name}}}", n, "finding")
            for entity, name, n in [
                ("KEY", "made up", 9),
                ("EMAIL", "made up", 2),
                ("KEY", "published, by others", 4),
            ]
        ]
        template = (
            '{% for set_ in values("labels", "set") %}{{ set_ }}: '
            '{% for row in group("labels", "entity", where=("set", set_)) %}{{ row.key }} {{ row.value }} {% endfor %}'
            "{% endfor %}"
        )
        assert render(template, *facts).markdown == "made up: KEY 9 EMAIL 2 published, by others: KEY 4\n"

    def test_members_that_begin_alike_print_without_their_beginning(self) -> None:
        facts = [fact(f"dropped{{reason={r}}}", n) for r, n in [("optout.v2-owner", 3), ("split", 8)]]
        template = '{% for row in group("dropped", "reason", start="optout.") %}{{ row.key }} {{ row.value }}'
        template += "{% endfor %}"
        assert render(template, *facts).markdown == "v2-owner 3\n"

    def test_members_of_a_group_that_were_estimated_in_one_way_share_a_note(self) -> None:
        facts = [
            fact(
                f"recall{{entity={e}}}",
                v,
                "1",
                kind="estimated",
                label=f"Recall: {e}",
                method="counted",
                interval=(0.1, 1.0),
            )
            for e, v in [("A", 0.5), ("B", 0.25)]
        ]
        template = '{% for row in group("recall", "entity") %}{{ fact(row.id, unit="%") }}; {% endfor %}'
        markdown = render(template, *facts).markdown
        assert markdown.startswith("≈ 50% (10% to 100%)<sup>‡a</sup>; ≈ 25% (10% to 100%)<sup>‡a</sup>;")
        assert markdown.endswith("- **‡a** Estimated: counted.\n")

    def test_a_share_of_something_else_is_refused(self) -> None:
        assert "E603" in refusal('{{ share("kept", "in") }}', fact("kept", 60), fact("in", 80, "B"))

    def test_a_formula_names_its_terms(self) -> None:
        terms = (("a", f"{SUBJECT}/hours"), ("b", "Release/r@1/power"))
        derived = fact("energy", 3, "kWh", kind="derived", formula="a*b", terms=terms)
        assert render('{{ formula("energy") }}', derived).markdown == "hours × Release/r@1/power\n"


class TestNames:
    def test_a_string_of_a_resource_prints_as_a_traced_name(self) -> None:
        card = render("{{ subject.metadata.version }}")
        assert card.markdown == "1.0.0\n"
        assert card.trace["markdown"]["spans"] == [{"start": 0, "end": 5, "name": "1.0.0", "text": "1.0.0"}]

    def test_a_name_with_digits_must_be_known(self) -> None:
        assert render('{{ name("UTF-8") }}', glossary=["UTF-8"]).markdown == "UTF-8\n"
        assert "`UTF-8` is no name" in refusal('{{ name("UTF-8") }}')

    def test_a_title_may_join_known_names(self) -> None:
        assert render("# {{ title }}", title="Demo 1.0.0").markdown == "# Demo 1.0.0\n"
        assert "`Demo 2.0.0` is no name" in refusal("# {{ title }}", title="Demo 2.0.0")

    def test_a_number_of_a_resource_is_refused_and_printed_as_a_setting(self) -> None:
        assert "prints the number 7 itself" in refusal("{{ subject.spec.seed }}")
        card = render('{{ setting(subject, "spec.seed") }}')
        assert card.markdown == "7\n"
        assert 'data-spec="Dataset/demo@1.0.0#/spec/seed"' in card.html

    def test_names_cannot_break_a_table_or_a_page(self) -> None:
        nasty = 'a|b *c* `d` <script>alert("x")</script>'
        card = render(
            "| x |\n|---|\n| {{ subject.spec.terms }} |", subject=resource("Dataset", "demo", terms=nasty)
        )
        assert card.markdown.count("|") - card.markdown.count("\\|") == 6
        assert "<script>" not in card.html
        assert "a|b *c* `d` &lt;script&gt;" in card.html

    def test_code_keeps_its_characters(self) -> None:
        card = render(
            "```\n{{ subject.spec.terms }}\n```", subject=resource("Dataset", "demo", terms="a_b*c")
        )
        assert card.markdown == "```\na_b*c\n```\n"

    def test_related_resources_are_found_through_references_both_ways(self) -> None:
        model = resource("Model", "m", data=[{"dataset": "Dataset/demo"}])
        release = resource("Release", "r", artifacts={"model": "Model/m@1.0.0"}, license="License/l")
        others = [model, release, resource("License", "l"), resource("License", "unrelated")]
        subject = resource("Dataset", "demo")
        users = '{{ listing(users("Model") | map(attribute="address")) }}'
        assert render(users, subject=subject, resources=others).markdown == "Model/m@1.0.0\n"
        licenses = '{{ listing(related("License") | map(attribute="address")) }}'
        assert render(licenses, subject=subject, resources=others).markdown == "none\n"
        assert render(licenses, subject=model, resources=[*others, subject]).markdown == "License/l@1.0.0\n"


class TestProse:
    def test_a_section_may_call_facts(self) -> None:
        card = render(
            '{{ section("summary") }}', fact("kept", 12), sections={"summary": 'Kept {{ fact("kept") }}.'}
        )
        assert card.markdown == "Kept 12 files.\n"

    def test_raw_html_of_prose_is_shown_as_text(self) -> None:
        card = render('{{ section("s") }}', sections={"s": "<b onclick=x>hi</b> [y](javascript:z)"})
        assert "<b onclick" not in card.html
        assert 'href="javascript' not in card.html

    def test_prose_that_calls_itself_ends_in_a_diagnostic(self) -> None:
        assert "without an end" in refusal('{{ section("s") }}', sections={"s": '{{ section("s") }}'})

    def test_sections_left_over_are_offered(self) -> None:
        template = '{{ section("a") }}\n{% for head, text in remaining() %}\n## {{ head }}\n\n{{ text }}\n{% endfor %}'
        card = render(template, sections={"a": "A.", "late-addition": "B."})
        assert card.markdown == "A.\n## Late addition\n\nB.\n"


class TestTemplates:
    def test_headings_are_numbered(self) -> None:
        card = render(
            "{{ numbering() }} {{ numbering(2) }} {{ numbering(2) }} {{ numbering() }} {{ numbering(2) }}"
        )
        assert card.markdown == "1 1.1 1.2 2 2.1\n"

    def test_a_verbatim_text_keeps_every_character(self) -> None:
        text = "\n1. <Terms> & `code` ```fence```\n"
        digest = sha256(text.encode()).hexdigest()
        card = render('{{ verbatim("t") }}\n\n{{ digest("t") }}', verbatim={"t": (text, digest)})
        assert f"````text\n{text}````" in card.markdown
        assert digest in card.markdown

    def test_a_verbatim_text_must_have_its_digest(self) -> None:
        assert "does not have its digest" in refusal('{{ verbatim("t") }}', verbatim={"t": ("x", "0" * 64)})

    def test_includes_reach_only_the_templates_given(self) -> None:
        assert render('{% include "part.md.j2" %}', includes={"part.md.j2": "Part."}).markdown == "Part.\n"
        assert "/etc/passwd" in refusal('{% include "/etc/passwd" %}')

    def test_an_unknown_name_in_a_template_tells_its_place(self) -> None:
        message = refusal('One.\n{% include "part.md.j2" %}', includes={"part.md.j2": "\n\n{{ fcat }}"})
        assert message.startswith("part.md.j2:3:1")
        assert "'fcat' is undefined" in message

    def test_templates_stay_in_the_sandbox(self) -> None:
        assert "unsafe" in refusal("{{ fact.__self__ }}{{ ''.__class__.__mro__ }}")
        assert "undefined" in refusal("{{ lipsum() }}")

    def test_the_header_quotes_what_yaml_would_read_otherwise(self) -> None:
        subject = resource("Dataset", "demo", terms="yes", title='a: "b" # c')
        card = render(
            "---\nname: {{ subject.spec.terms }}\ntitle: {{ subject.spec.title }}\n---\n", subject=subject
        )
        assert card.markdown == '---\nname: "yes"\ntitle: "a: \\"b\\" # c"\n---\n'

    def test_the_page_has_anchors_and_no_header(self) -> None:
        card = render("---\nkey: value\n---\n# One\n\n## Two parts\n\n## Two parts\n")
        assert "key: value" not in card.html
        assert 'id="two-parts"' in card.html
        assert 'id="two-parts-2"' in card.html
