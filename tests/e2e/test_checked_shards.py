"""What was written is looked at once more: a step that would leave an opted-out row in ends the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from workspaces import write_wishes

from bigcode.cli import run
from bigcode.run import judge


def test_a_shard_with_an_opted_out_row_ends_the_run_and_names_nobody(
    applied: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The judgement is made to forget all removals, as a fault in it might."""
    merge = judge.verdicts.merge

    monkeypatch.setattr(
        judge.verdicts,
        "merge",
        lambda observations, judged: merge(observations, replace(judged, touched=judged.touched.slice(0, 0))),
    )
    write_wishes(applied, [("owner", "widgets")])
    assert run(["apply", str(applied)]) == 1
    told = capfd.readouterr().err
    assert "E407" in told
    assert "widgets" not in told
