"""The shipped templates over a made-up release. Run this file with --write to write the golden files again."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from bigcode.cards.render import CardRequest, Rendered, load_templates, render_card
from bigcode.run.writing import Form
from bigcode.spec.kinds import spec_class

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden/cards"
TEMPLATES, GLOSSARY = load_templates(ROOT / "governance/templates")
WORLD = json.loads((GOLDEN / "world.json").read_text("utf-8"))
CARDS = sorted(WORLD["cards"])


class Elements(HTMLParser):
    """Which elements are open, which ids there are, and which of them links lead to."""

    EMPTY = frozenset({"meta", "br", "hr", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [value] if (value := values.get("id")) else []
        if (href := values.get("href") or "").startswith("#"):
            self.targets.add(href[1:])
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def render(name: str, **changes: object) -> Rendered:
    return render_card(
        CardRequest.from_json({**WORLD, **WORLD["cards"][name], **changes}, TEMPLATES, GLOSSARY)
    )


def golden_files(name: str) -> dict[str, str]:
    card = render(name)
    files = {f"{name}.md": card.markdown}
    if name == "model-card":
        files[f"{name}.html"] = card.html
    if name == "license":
        files[f"{name}.trace.json"] = json.dumps(card.trace, indent=1, ensure_ascii=False) + "\n"
    return files


@pytest.mark.parametrize("name", CARDS)
def test_a_template_makes_the_card_that_was_reviewed(name: str) -> None:
    for file, text in golden_files(name).items():
        assert (GOLDEN / file).read_text("utf-8") == text


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_the_same_whatever_the_order_of_its_facts_and_resources(name: str) -> None:
    turned = dict(reversed(WORLD["resources"].items()))
    assert render(name, facts=WORLD["facts"][::-1], resources=turned) == render(name)


@pytest.mark.parametrize("name", CARDS)
def test_a_template_survives_the_absence_of_every_fact(name: str) -> None:
    card = render(name, facts=[], declared=[], series=[], verbatim={})
    assert "not measured" in card.markdown
    assert card.absent


def test_the_made_up_resources_follow_the_schema() -> None:
    for resource in WORLD["resources"].values():
        spec_class(resource["kind"]).model_validate(resource["spec"])


def test_the_header_of_the_dataset_card_is_yaml_that_loaders_read() -> None:
    header = yaml.safe_load(render("dataset-card").markdown.split("---\n")[1])
    assert header["size_categories"] == ["1K<n<10K"]
    assert header["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train/*.parquet"},
        {"split": "validation", "path": "data/validation/*.parquet"},
    ]


def test_the_header_of_the_model_card_holds_emissions_in_grams_and_the_result() -> None:
    header = yaml.safe_load(render("model-card").markdown.split("---\n")[1])
    assert header["library_name"] == "transformers"
    assert header["co2_eq_emissions"]["emissions"] == pytest.approx(0.116945)
    assert header["model-index"][0]["results"][0]["metrics"][0]["value"] == pytest.approx(1.6381)


@pytest.mark.parametrize("name", CARDS)
def test_a_page_needs_nothing_from_elsewhere(name: str) -> None:
    page = render(name).html
    assert "<script" not in page
    assert "http" not in page
    assert "url(" not in page


@pytest.mark.parametrize("name", CARDS)
def test_the_elements_of_a_page_are_closed_in_order(name: str) -> None:
    page = Elements()
    page.feed(render(name).html)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert page.targets <= set(page.ids)


@pytest.mark.parametrize("name", CARDS)
def test_no_mark_is_left_in_a_card(name: str) -> None:
    card = render(name)
    assert not any(ord(char) >= 0xF0000 for char in card.markdown + card.html)


@pytest.mark.parametrize("sibling", ["", "issues", "commits", "metadata"])
def test_the_dataset_card_tells_every_column_of_a_row(sibling: str) -> None:
    address = "Dataset/meadow@1.0.0"
    resource = WORLD["resources"][address]
    spec = {**resource["spec"], "sibling": sibling, "of": "Dataset/meadow"}
    spec["languages"] = None if sibling else spec["languages"]
    card = render("dataset-card", resources={**WORLD["resources"], address: {**resource, "spec": spec}})
    table = card.markdown.partition("## What a row holds")[2].partition("\n\n")[2].partition("\n\n")[0]
    told = [name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert told == Form(sibling).schema.names


def test_the_card_of_a_sibling_shows_its_own_snapshot_and_not_that_of_its_dataset() -> None:
    address, resources = "Dataset/meadow@1.0.0", dict(WORLD["resources"])
    parent = resources[address]
    events = {**resources["Snapshot/harvest@1.0.0"], "metadata": {"name": "events", "version": "1.0.0"}}
    spec = {
        **parent["spec"],
        "snapshot": "Snapshot/events",
        "sibling": "issues",
        "of": address,
        "languages": None,
    }
    sibling = {**parent, "metadata": {**parent["metadata"], "name": "talk"}, "spec": spec}
    resources |= {"Snapshot/events@1.0.0": events, "Dataset/talk@1.0.0": sibling}
    facts = [
        {**f, "id": f["id"].replace("/harvest@", "/events@"), "value": 3}
        for f in WORLD["facts"]
        if f["id"].startswith("Snapshot/harvest@1.0.0/") and isinstance(f["value"], int)
    ]
    card = render(
        "dataset-card", resources=resources, subject="Dataset/talk@1.0.0", facts=[*WORLD["facts"], *facts]
    )
    assert "Snapshot/events@1.0.0" in card.markdown
    assert "Snapshot/harvest@1.0.0" not in card.markdown
    assert card.markdown.count("| Repositories collected |") == 1


def test_figures_of_labelled_sets_are_kept_apart() -> None:
    parts = render("dataset-card").markdown.split("\nOn *")[1:]
    names = ["invented values in real files", "lines that others published with labels"]
    assert [part.partition("*")[0] for part in parts] == names
    assert ["2,865" in part for part in parts] == [True, False]
    assert ["57.5%" in part for part in parts] == [False, True]


def test_a_stale_model_says_so_and_claims_no_erasure() -> None:
    stale = [{**fact, "value": "yes"} if fact["id"].endswith("/stale") else fact for fact in WORLD["facts"]]
    assert "This model is stale" in render("model-card", facts=stale).markdown
    assert "This model is stale" not in render("model-card").markdown


def test_members_are_named_only_with_their_consent() -> None:
    card = render("governance-card")
    assert "Ada Example" in card.markdown
    assert "Someone Else" not in card.markdown + card.html


def test_prose_that_no_template_asks_for_is_not_lost() -> None:
    assert "## Maintenance plan\n\nA new version follows every quarter." in render("dataset-card").markdown


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: test_cards_golden.py --write")
    for card_name in CARDS:
        for file_name, content in golden_files(card_name).items():
            (GOLDEN / file_name).write_text(content, "utf-8")
