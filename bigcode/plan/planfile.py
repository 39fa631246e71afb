"""The plan as a file: what was reviewed is what is run, or the run is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bigcode.api.canonical import canonical, key_of
from bigcode.api.diagnostics import fail
from bigcode.plan.survey import Survey

FORMAT = "bigcode-plan/1"
_HINT = "`bigcode plan SPEC --out plan.json` writes one."


def plan_value(
    survey: Survey,
    *,
    workspace: str,
    env: str,
    targets: Sequence[str],
    basis: Mapping[str, Any],
    retrain: bool = False,
) -> dict[str, Any]:
    """The plan as plain JSON; `digest` covers everything that must still hold when it is applied."""
    tasks = [[s.node, s.label, s.verb, s.reason] for s in survey.steps]
    held = {"tasks": tasks, "basis": dict(basis), "targets": list(targets), "env": env, "retrain": retrain}
    return {"format": FORMAT, "workspace": workspace, **held, "digest": key_of(held)}


def write_plan(path: Path, value: Mapping[str, Any]) -> None:
    path.write_bytes(canonical(value) + b"\n")


def read_plan(path: str) -> dict[str, Any]:
    """A plan file.

    Raises:
        Problem: E001 when there is none, E506 when it is no plan of this version.
    """
    try:
        value: dict[str, Any] = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise fail("E001", f"there is no plan `{path}`") from error
    except (ValueError, RecursionError) as error:
        raise fail("E506", f"`{path}` is no plan", hint=_HINT) from error
    if not isinstance(value, dict) or not str(value.get("format", "")).startswith("bigcode-plan/"):
        raise fail("E506", f"`{path}` is no plan", hint=_HINT)
    if value["format"] != FORMAT:
        raise fail("E506", f"`{path}` is a plan of another version", hint="Plan again.")
    held = {name: value.get(name) for name in ("tasks", "basis", "targets", "env", "retrain")}
    if value.get("digest") != key_of(held) or not isinstance(value.get("workspace"), str):
        raise fail("E506", f"`{path}` was changed after it was made", hint="Plan again and have it reviewed.")
    return value


def check_same(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse a plan that no longer describes what would happen.

    Raises:
        Problem: E506, naming what changed.
    """
    if old["digest"] == new["digest"]:
        return
    changed = [
        name
        for name in ("specs", "plugins", "refs", "lists")
        if old["basis"].get(name) != new["basis"].get(name)
    ]
    what = ", ".join(changed) or "the tasks"
    raise fail(
        "E506",
        f"the plan is stale: {what} changed since it was made",
        hint="Run `bigcode plan` again and have it reviewed.",
    )
