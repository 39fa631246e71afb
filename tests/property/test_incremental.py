"""Incremental equals clean: after any edits, crashes and losses, the result is that of a fresh build."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from workspaces import (
    apply,
    bundle_of,
    copy_space,
    edit_spec,
    objects_of,
    root_of,
    tasks_of_last_run,
    write_rows,
    write_wishes,
)

from bigcode.cli import run
from bigcode.run import faults
from bigcode.testing import texts
from bigcode.testing.corpus import HOST, blob_of, build_corpus

CORPUS = build_corpus()
EXTRA = [
    {
        "host": HOST,
        "owner": owner,
        "repository": owner,
        "revision": "1",
        "path": path,
        "released": 1_600_000_000,
        "content": content,
    }
    for owner, path, content in [
        ("late", "late/tree.py", texts.TREE.replace("return sorted(found)", "return list(found)")),
        ("late", "LICENSE", next(row["content"] for row in CORPUS if row["path"] == "LICENSE")),
        ("early", "retry.py", texts.RETRY),
        ("early", "ring.c", texts.RING_C),
    ]
]
WISHES = [
    *(("owner", owner) for owner in ("requestlib", "alpha", "installer", "ops", "late", "nobody-here")),
    ("repository", "forker/alpha"),
    ("path", "bundle/bundle:src/bundle/_vendor"),
    ("blob", blob_of(texts.RETRY)),
]
RULES = [
    {"id": "empty", "column": "lines", "below": 1},
    {"id": "long", "column": "lines", "above": 20},
    {"id": "line-length", "column": "max_line", "above": 90},
]
MINHASH = {"uses": "dedup.minhash", "version": 2}


@dataclass
class Edited:
    """A workspace and what was done to it so far."""

    space: Path
    wishes: set[tuple[str, str]] = field(default_factory=set)
    allow: set[str] = field(default_factory=lambda: {"MIT", "ISC", "0BSD"})
    rules: list[dict[str, Any]] = field(default_factory=lambda: list(RULES))
    rows: list[dict[str, Any]] = field(default_factory=lambda: list(CORPUS))

    def wish(self, wish: tuple[str, str]) -> None:
        self.wishes ^= {wish}
        write_wishes(self.space, self.wishes)

    def license(self, name: str) -> None:
        self.allow ^= {name}
        edit_spec(self.space / "licenses.yaml", "allow", value=sorted(self.allow | {"CC0-1.0"}))

    def rule(self, index: int) -> None:
        rule = RULES[index]
        self.rules = [r for r in self.rules if r != rule] if rule in self.rules else [*self.rules, rule]
        edit_spec(self.space / "dataset.yaml", "quality", "rules", value=self.rules)

    def dedup(self, threshold: float | None) -> None:
        value = {**MINHASH, "with": {"threshold": threshold}} if threshold else None
        edit_spec(self.space / "dataset.yaml", "dedup", value=value)

    def split(self, split: tuple[float, int]) -> None:
        edit_spec(self.space / "dataset.yaml", "split", value={"validation": split[0], "seed": split[1]})

    def contested(self, action: str) -> None:
        edit_spec(self.space / "optout.yaml", "contested", value=action)

    def row(self, index: int) -> None:
        """Add a row of EXTRA, or take it away; a negative index takes a row of the corpus or brings it back."""
        row = EXTRA[index] if index >= 0 else CORPUS[index]
        self.rows = (
            [r for r in self.rows if r is not row] if any(r is row for r in self.rows) else [*self.rows, row]
        )
        write_rows(self.space, self.rows)

    def text(self, index: int) -> None:
        """Another text for a file of the corpus."""
        row = CORPUS[index]
        self.rows = [{**r, "content": r["content"] + "\n# more\n"} if r is row else r for r in self.rows]
        write_rows(self.space, self.rows)

    def apply(self, _: None) -> None:
        apply(self.space)

    def crash(self, where: tuple[str, int]) -> None:
        """An apply that ends at a point, if it comes to it."""
        faults.reset()
        os.environ["BIGCODE_FAULT"] = f"{where[0]}:raise:{where[1]}"
        try:
            assert run(["apply", str(self.space)]) == 0
        except faults.InjectedFault:
            pass
        finally:
            del os.environ["BIGCODE_FAULT"]

    def lose(self, share: float) -> None:
        found = objects_of(self.space)
        found[int(share * len(found))].unlink()

    def damage(self, share: float) -> None:
        found = objects_of(self.space)
        path = found[int(share * len(found))]
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


steps = st.one_of(
    st.tuples(st.just("wish"), st.sampled_from(WISHES)),
    st.tuples(st.just("wish"), st.sampled_from(WISHES)),
    st.tuples(st.just("license"), st.sampled_from(["ISC", "0BSD", "GPL-3.0-or-later"])),
    st.tuples(st.just("rule"), st.integers(0, len(RULES) - 1)),
    st.tuples(st.just("dedup"), st.sampled_from([None, 0.5, 0.95])),
    st.tuples(st.just("split"), st.tuples(st.sampled_from([0.0, 0.3, 0.6]), st.integers(1, 3))),
    st.tuples(st.just("contested"), st.sampled_from(["keep", "remove"])),
    st.tuples(st.just("row"), st.integers(-12, len(EXTRA) - 1)),
    st.tuples(st.just("text"), st.integers(0, len(CORPUS) - 1)),
    st.tuples(st.just("apply"), st.none()),
    st.tuples(
        st.just("crash"),
        st.tuples(
            st.sampled_from([p for p in faults.POINTS if not p.startswith("process.")]), st.integers(1, 9)
        ),
    ),
    st.tuples(st.sampled_from(["lose", "damage"]), st.floats(0, 1, exclude_max=True)),
)


def same_as_clean(space: Path, parent: Path) -> None:
    """Apply; the bundle is that of a build of the same specs in an empty store, and nothing is left to do."""
    apply(space)
    clean = copy_space(space, parent / "clean", store=False)
    apply(clean)
    found, wanted = bundle_of(space, parent / "found"), bundle_of(clean, parent / "wanted")
    differ = [p for p in wanted.rglob("*") if p.is_file() and not same(p, found / p.relative_to(wanted))]
    assert root_of(found) == root_of(wanted), [str(p.relative_to(wanted)) for p in differ]
    assert run(["plan", str(space), "--exit-code"]) == 0


def same(a: Path, b: Path) -> bool:
    return b.is_file() and a.read_bytes() == b.read_bytes()


# A failure is told by its steps; looking for fewer of them would take minutes.
@settings(max_examples=10, phases=[Phase.explicit, Phase.generate])
@example(
    edits=[
        ("wish", ("owner", "requestlib")),
        ("apply", None),
        ("dedup", None),
        ("apply", None),
        ("dedup", 0.5),
    ]
)
@example(
    edits=[
        ("row", 0),
        ("row", 1),
        ("crash", ("action.committed", 30)),
        ("lose", 0.4),
        ("damage", 0.6),
        ("row", -5),
        ("text", 12),
    ]
)
@given(edits=st.lists(steps, min_size=4, max_size=10))
def test_incremental_equals_clean(
    applied_template: Path, tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, Any]]
) -> None:
    parent = tmp_path_factory.mktemp("edited")
    edited = Edited(copy_space(applied_template, parent, store=True))
    for step, value in edits:
        getattr(edited, step)(value)
    same_as_clean(edited.space, parent)


EDITS: dict[str, Callable[[Edited], None]] = {
    "licence": lambda e: e.license("GPL-3.0-or-later"),
    "rule": lambda e: e.rule(1),
    "threshold": lambda e: e.dedup(0.95),
    "split": lambda e: e.split((0.6, 3)),
    "rows": lambda e: e.row(0),
    "wish": lambda e: e.wish(("owner", "alpha")),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_is_taken_back_costs_nothing(applied: Path, tmp_path: Path, edit: str) -> None:
    before = {p: p.read_bytes() for p in applied.rglob("*") if p.is_file() and ".bigcode" not in p.parts}
    root = root_of(bundle_of(applied, tmp_path / "before"))
    EDITS[edit](Edited(applied))
    apply(applied)
    assert root_of(bundle_of(applied, tmp_path / "between")) != root
    for path, data in before.items():
        path.write_bytes(data)
    assert {step for step, _ in tasks_of_last_run(applied)} >= {"facts", "render"}
    apply(applied)
    assert root_of(bundle_of(applied, tmp_path / "after")) == root
    runs = sorted((applied / ".bigcode" / "runs").iterdir())
    events = [json.loads(line)["event"] for line in (runs[-1] / "journal.jsonl").read_text().splitlines()]
    assert "task" not in events


def test_a_second_apply_does_no_work_and_says_so(applied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = sorted((applied / ".bigcode" / "runs").iterdir())
    capsys.readouterr()
    apply(applied)
    assert capsys.readouterr().out.startswith("Nothing to do: all ")
    assert sorted((applied / ".bigcode" / "runs").iterdir()) == runs
