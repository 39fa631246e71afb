"""Quality rules: which languages a rule is for, and which it is not for."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pydantic import ValidationError

from bigcode.decide.quality import Rule, decide
from bigcode.spec.kinds.dataset import Rule as Said

ROWS = pa.table({"language": ["C", "Python", "YAML"], "chars": [9, 9, 9]})


def broken(**rule: tuple[str, ...]) -> list[str]:
    table = decide(ROWS, [Rule("long", "chars", above=5, **rule)], [])
    return [name for name, reasons in zip(ROWS["language"].to_pylist(), table["quality_reasons"].to_pylist(),
                                          strict=True) if reasons]  # fmt: skip


def test_a_rule_is_for_all_languages_for_some_or_for_all_but_some() -> None:
    assert broken() == ["C", "Python", "YAML"]
    assert broken(languages=("C", "YAML")) == ["C", "YAML"]
    assert broken(except_languages=("YAML", "JSON")) == ["C", "Python"]


def test_a_language_that_a_rule_is_for_and_not_for_is_refused() -> None:
    said = {"id": "long", "column": "chars", "above": 5}
    assert Said.model_validate({**said, "exceptLanguages": ["C"]}).except_languages == ("C",)
    with pytest.raises(ValidationError, match="`C` stands in languages and in exceptLanguages"):
        Said.model_validate({**said, "languages": ["C"], "exceptLanguages": ["C"]})
