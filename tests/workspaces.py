"""A data-only workspace of a few dozen files, for tests of the whole engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from bigcode.cli import run
from bigcode.testing.corpus import build_corpus, write_jsonl

POLICY = {"owners": ["wg"], "rationale": "governance/decisions/0001.md"}


def resource(kind: str, name: str, spec: dict[str, Any], version: str = "1.0.0", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "bigcode/v1", "kind": kind, "metadata": {"name": name, "version": version, **metadata}, "spec": spec}


def data_workspace(root: Path, *, optouts: tuple[str, ...] = (), executor: str = "inline", workers: int = 1) -> Path:
    """Write specs, corpus and sealed list; returns the workspace folder. The store is inside it."""
    space = root / "tiny"
    space.mkdir(parents=True)
    write_jsonl(space / "corpus.jsonl")
    for file, value in specs(executor, workers).items():
        write_spec(space / file, value)
    assert run(["optout", "key", str(space)]) == 0
    if optouts:
        assert run(["optout", "add", str(space), *optouts]) == 0
    else:
        from bigcode.evidence.consent import new_list, render_list

        (space / "optouts").mkdir(exist_ok=True)
        (space / "optouts" / "list.json").write_bytes(render_list(new_list("made for a test")))
        assert run(["optout", "seal", str(space)]) == 0
    return space


def specs(executor: str = "inline", workers: int = 1) -> dict[str, dict[str, Any]]:
    """The files of the workspace by name."""
    execution = {"executor": executor, "workers": workers, "trackers": [], "store": ".bigcode", "cards": "", "releases": ""}
    return {
        "project.yaml": resource("Project", "tiny", {"title": "Tiny", "smallCell": 3, "execution": execution}),
        "snapshot.yaml": resource(
            "Snapshot", "corpus",
            {"collector": {"uses": "sources.tables", "version": 1, "with": {"tables": [{"path": "corpus.jsonl"}], "format": "jsonl"}},
             "buckets": 4},
        ),
        "licenses.yaml": resource(
            "LicensePolicy", "permissive",
            {"classifier": {"uses": "licenses.text", "version": 1},
             "allow": ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD", "CC0-1.0"]}, **POLICY,
        ),
        "optout.yaml": resource(
            "OptOutSnapshot", "list",
            {"source": "optouts/list.json", "asOf": "2026-11-01", "scopes": ["owner", "repository", "path", "blob"]}, **POLICY,
        ),
        "pii.yaml": resource(
            "PIIPolicy", "mask",
            {"detector": {"uses": "pii.patterns", "version": 1},
             "entities": {e: {"action": "surrogate"} for e in ("EMAIL", "IP_ADDRESS", "KEY")}}, **POLICY,
        ),
        "dataset.yaml": resource(
            "Dataset", "tiny",
            {"snapshot": "Snapshot/corpus", "licenses": "LicensePolicy/permissive", "optOut": "OptOutSnapshot/list",
             "pii": "PIIPolicy/mask", "languages": {"detector": {"uses": "languages.linguist", "version": 1}},
             "quality": {"observers": [{"uses": "quality.text", "version": 1}],
                         "rules": [{"id": "empty", "column": "lines", "below": 1},
                                   {"id": "line-length", "column": "max_line", "above": 1000}]},
             "dedup": {"uses": "dedup.minhash", "version": 1, "with": {"threshold": 0.7}},
             "split": {"validation": 0.2, "seed": 1}},
        ),
        "card.yaml": resource("Card", "tiny", {"subject": "Dataset/tiny", "template": "dataset-card"}),
    }  # fmt: skip


def write_spec(path: Path, value: Any) -> None:
    path.write_text(yaml.safe_dump(value, sort_keys=False))


def edit_spec(path: Path, *keys: str, value: Any) -> None:
    """Set one value of a spec file, named by its keys below `spec`."""
    loaded = yaml.safe_load(path.read_text())
    target = loaded["spec"]
    for key in keys[:-1]:
        target = target[key]
    target[keys[-1]] = value
    write_spec(path, loaded)


__all__ = ["build_corpus", "data_workspace", "edit_spec", "resource", "specs", "write_spec"]
