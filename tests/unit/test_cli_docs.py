"""The pages that are made from the code are what the code gives."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from bigcode.api.codes import CODES
from bigcode.cli import COMMANDS
from bigcode.spec.kinds import KINDS, spec_class

DOCS = Path(__file__).parents[2] / "docs"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES: dict[str, str] = load().pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_gives(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PAGES[name], "run .venv/bin/python docs/generate.py"


def test_every_code_kind_field_and_command_has_its_place() -> None:
    for code, entry in CODES.items():
        assert f"| {code} | {entry.title} | {entry.exit} |" in PAGES["errors.md"]
    for kind in KINDS:
        section = PAGES["reference/kinds.md"].split(f"\n## {kind}\n")[1].split("\n## ")[0]
        for name, info in spec_class(kind).model_fields.items():
            assert f"| `{info.alias or name}` |" in section
    for command in COMMANDS:
        assert f"## bigcode {command}\n" in PAGES["reference/cli.md"]
    assert "## bigcode optout seal\n" in PAGES["reference/cli.md"]


def test_pages_do_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert load().pages() == PAGES
