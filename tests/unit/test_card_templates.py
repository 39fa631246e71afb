"""A workspace's own card template: its text is in the key, and its path stays in the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest
from workspaces import edit_spec

from bigcode.cli import run


def test_an_edit_of_an_own_template_renders_the_card_again(
    applied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (applied / "own.md.j2").write_text('# {{ title }}\n\n{{ fact("files.kept") }}\n')
    edit_spec(applied / "card.yaml", "template", value="own.md.j2")
    assert run(["apply", str(applied)]) == 0
    assert run(["plan", str(applied), "--exit-code"]) == 0

    (applied / "own.md.j2").write_text('# {{ title }}\n\nKept: {{ fact("files.kept") }}\n')
    assert run(["plan", str(applied), "--exit-code"]) == 4
    assert run(["apply", str(applied)]) == 0
    capsys.readouterr()
    assert run(["card", str(applied)]) == 0
    assert "Kept:" in capsys.readouterr().out


@pytest.mark.parametrize("path", ["../outside.md.j2", "/etc/hostname", "missing.md.j2"])
def test_a_template_outside_the_workspace_is_refused(
    applied: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (applied.parent / "outside.md.j2").write_text("# out\n")
    edit_spec(applied / "card.yaml", "template", value=path)
    assert run(["apply", str(applied)]) == 8
    assert "E609" in capsys.readouterr().err
