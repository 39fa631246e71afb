"""The rules in the README name columns that exist, and drop what the published filters drop."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from bigcode_quality import plugin

README = Path(__file__).parents[1] / "README.md"


def published() -> list[list[dict]]:
    blocks = [
        yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    ]
    return [block["quality"]["rules"] if isinstance(block, dict) else block for block in blocks]


def test_the_rules_name_columns_of_the_observers_that_they_list():
    columns = {column.name for component in plugin.bigcode_components() for column in component.writes}
    for rules in published():
        assert {rule["column"] for rule in rules} <= columns | {"generated"}


def test_the_limits_are_the_published_ones():
    limits = {rule["id"]: rule.get("above", rule.get("below")) for rule in published()[0]}
    assert limits["line-length"] == 1000
    assert limits["mean-line-length"] == 100
    assert limits["alphanumeric"] == 0.25
    assert (limits["html-share"], limits["html-size"]) == (0.2, 101)
    assert (limits["data-small"], limits["data-large"]) == (100, 5000)
    assert (limits["comments-few"], limits["comments-many"]) == (0.01, 0.8)


def test_each_rule_has_one_id():
    for rules in published():
        ids = [rule["id"] for rule in rules]
        assert len(ids) == len(set(ids))
