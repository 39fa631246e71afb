"""The ledger reconciles under every policy: files in = kept + dropped by reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workspaces import (
    apply,
    bundle_of,
    copy_space,
    edit_spec,
    facts_of,
    read_spec,
    shard_rows,
    verdicts_of,
    write_wishes,
)

from bigcode.cli import run
from bigcode.testing.corpus import build_corpus

LICENSES = ("MIT", "ISC", "0BSD", "GPL-3.0-or-later", "BSD-3-Clause")
RULES = (
    {"id": "empty", "column": "lines", "below": 1},
    {"id": "long", "column": "lines", "above": 25},
    {"id": "line-length", "column": "max_line", "above": 100},
    {"id": "tests", "column": "test", "equals": True},
    {"id": "short-python", "column": "bytes", "below": 900, "languages": ["Python"]},
)

policies = st.fixed_dictionaries(
    {
        "allow": st.lists(st.sampled_from(LICENSES), min_size=1, unique=True),
        "fileOverRepository": st.booleans(),
        "rules": st.lists(st.sampled_from(RULES), unique_by=lambda rule: rule["id"]),
        "include": st.sampled_from([[], ["Python"], ["Python", "C", "JSON"]]),
        "dedup": st.sampled_from([None, 0.5, 0.9]),
        "entities": st.dictionaries(
            st.sampled_from(["EMAIL", "IP_ADDRESS", "KEY"]),
            st.sampled_from(["mask", "surrogate", "drop", "keep"]),
            min_size=1,
        ),
        "split": st.fixed_dictionaries(
            {"validation": st.sampled_from([0.0, 0.3, 1.0]), "seed": st.integers(0, 9)}
        ),
        "copies": st.sampled_from(["exact", "keep"]),
        "contested": st.sampled_from(["keep", "remove"]),
        "wishes": st.lists(
            st.sampled_from(["requestlib", "alpha", "installer", "ops", "nobody"]), max_size=2, unique=True
        ),
    }
)


@pytest.fixture(scope="module")
def space(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_space(applied_template, tmp_path_factory.mktemp("ledger"), store=True)


def write_policy(space: Path, policy: dict[str, Any]) -> None:
    dedup = (
        {"uses": "dedup.minhash", "version": 2, "with": {"threshold": policy["dedup"]}}
        if policy["dedup"]
        else None
    )
    edit_spec(space / "licenses.yaml", "allow", value=policy["allow"])
    edit_spec(space / "licenses.yaml", "fileOverRepository", value=policy["fileOverRepository"])
    edit_spec(space / "dataset.yaml", "quality", "rules", value=policy["rules"])
    edit_spec(space / "dataset.yaml", "languages", "include", value=policy["include"])
    edit_spec(space / "dataset.yaml", "dedup", value=dedup)
    edit_spec(space / "dataset.yaml", "split", value=policy["split"])
    edit_spec(space / "pii.yaml", "entities", value={e: {"action": a} for e, a in policy["entities"].items()})
    edit_spec(space / "optout.yaml", "copies", value=policy["copies"])
    edit_spec(space / "optout.yaml", "contested", value=policy["contested"])
    write_wishes(space, [("owner", name) for name in policy["wishes"]])


@settings(max_examples=10)
@given(policy=policies)
def test_every_file_is_kept_or_dropped_for_a_reason(space: Path, policy: dict[str, Any]) -> None:
    write_policy(space, policy)
    apply(space)
    bundle = bundle_of(space, space.parent / "bundle")
    rows, facts = verdicts_of(bundle), facts_of(bundle)
    reasons = Counter(row["reason"] for row in rows)
    dropped = {name: value for name, value in facts.items() if name.startswith("files.dropped{")}
    assert facts["files.in"] == len(rows) == len(build_corpus())
    assert facts["files.kept"] == reasons.pop("kept", 0) == len(shard_rows(space, bundle))
    assert dropped == {f"files.dropped{{reason={reason}}}": count for reason, count in reasons.items()}
    assert (
        facts["files.in"]
        == facts["files.kept"] + facts["files.dropped"]
        == facts["files.kept"] + sum(dropped.values())
    )
    for column in ("language", "license", "split"):
        assert (
            sum(v for name, v in facts.items() if name.startswith(f"files.kept{{{column}="))
            == facts["files.kept"]
        )
    assert len({row["row"] for row in rows}) == len(rows)
    assert all(row["reason"] not in (row["also"] or ()) for row in rows)
    assert run(["verify", str(bundle)]) == 0


def test_the_ledger_of_a_policy_that_keeps_nothing_reconciles(space: Path) -> None:
    before = read_spec(space / "licenses.yaml")["allow"]
    edit_spec(space / "licenses.yaml", "allow", value=["Zlib"])
    apply(space)
    facts = facts_of(bundle_of(space, space.parent / "bundle"))
    assert facts["files.kept"] == facts["bytes.kept"] == 0
    assert facts["files.dropped"] == facts["files.in"]
    edit_spec(space / "licenses.yaml", "allow", value=before)
