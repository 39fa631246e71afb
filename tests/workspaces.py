"""A data-only workspace of a few dozen files, for tests of the whole engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bigcode.cli import run
from bigcode.evidence.consent import new_list, render_list
from bigcode.testing.corpus import build_corpus, write_jsonl

POLICY = {"owners": ["wg"], "rationale": "governance/decisions/0001.md"}


def resource(
    kind: str, name: str, spec: dict[str, Any], version: str = "1.0.0", **metadata: Any
) -> dict[str, Any]:
    return {
        "apiVersion": "bigcode/v1",
        "kind": kind,
        "metadata": {"name": name, "version": version, **metadata},
        "spec": spec,
    }


def data_workspace(
    root: Path, *, optouts: tuple[str, ...] = (), executor: str = "inline", workers: int = 1
) -> Path:
    """Write specs, corpus and sealed list; returns the workspace folder. The store is inside it."""
    space = root / "tiny"
    space.mkdir(parents=True)
    write_jsonl(space / "corpus.jsonl")
    for file, value in specs(executor, workers).items():
        write_spec(space / file, value)
    assert run(["optout", "key", str(space)]) == 0
    # With one salt for all runs, digests and so the objects that a test picks are the same in each.
    (space / "optouts").mkdir(exist_ok=True)
    (space / "optouts" / "list.json").write_bytes(
        render_list(new_list("made for a test") | {"salt": "5a" * 32})
    )
    if optouts:
        assert run(["optout", "add", str(space), *optouts]) == 0
    else:
        assert run(["optout", "seal", str(space)]) == 0
    return space


def specs(executor: str = "inline", workers: int = 1) -> dict[str, dict[str, Any]]:
    """The files of the workspace by name."""
    execution = {
        "executor": executor,
        "workers": workers,
        "trackers": [],
        "store": ".bigcode",
        "cards": "",
        "releases": "",
    }
    return {
        "project.yaml": resource(
            "Project", "tiny", {"title": "Tiny", "smallCell": 3, "execution": execution}
        ),
        "snapshot.yaml": resource(
            "Snapshot",
            "corpus",
            {
                "collector": {
                    "uses": "sources.tables",
                    "version": 1,
                    "with": {"tables": [{"path": "corpus.jsonl"}], "format": "jsonl"},
                },
                "buckets": 4,
            },
        ),
        "licenses.yaml": resource(
            "LicensePolicy",
            "permissive",
            {
                "classifier": {"uses": "licenses.text", "version": 1},
                "allow": ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD", "CC0-1.0"],
            },
            **POLICY,
        ),
        "optout.yaml": resource(
            "OptOutSnapshot",
            "list",
            {
                "source": "optouts/list.json",
                "asOf": "2026-11-01",
                "scopes": ["owner", "repository", "path", "blob"],
            },
            **POLICY,
        ),
        "pii.yaml": resource(
            "PIIPolicy",
            "mask",
            {
                "detector": {"uses": "pii.patterns", "version": 1},
                "entities": {e: {"action": "surrogate"} for e in ("EMAIL", "IP_ADDRESS", "KEY")},
            },
            **POLICY,
        ),
        "dataset.yaml": resource(
            "Dataset",
            "tiny",
            {
                "snapshot": "Snapshot/corpus",
                "licenses": "LicensePolicy/permissive",
                "optOut": "OptOutSnapshot/list",
                "pii": "PIIPolicy/mask",
                "languages": {"detector": {"uses": "languages.linguist", "version": 1}},
                "quality": {
                    "observers": [{"uses": "quality.text", "version": 1}],
                    "rules": [
                        {"id": "empty", "column": "lines", "below": 1},
                        {"id": "line-length", "column": "max_line", "above": 1000},
                    ],
                },
                "dedup": {"uses": "dedup.minhash", "version": 2, "with": {"threshold": 0.7}},
                "split": {"validation": 0.2, "seed": 1},
            },
        ),
        "card.yaml": resource("Card", "tiny", {"subject": "Dataset/tiny", "template": "dataset-card"}),
    }


def write_spec(path: Path, value: Any) -> None:
    path.write_text(yaml.safe_dump(value, sort_keys=False))


def edit_spec(path: Path, *keys: str, value: Any) -> None:
    """Set one value of a spec file, named by its keys below `spec`."""
    loaded = yaml.safe_load(path.read_text())
    target = loaded["spec"]
    for key in keys[:-1]:
        target = target.setdefault(key, {})
    target[keys[-1]] = value
    write_spec(path, loaded)


def read_spec(path: Path) -> Any:
    """The `spec` of a file as plain values."""
    return yaml.safe_load(path.read_text())["spec"]


def write_rows(space: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace the corpus of a workspace."""
    lines = [json.dumps(row, sort_keys=True, ensure_ascii=False) for row in rows]
    (space / "corpus.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_wishes(space: Path, wishes: Iterable[tuple[str, str]]) -> None:
    """Make the sealed list hold exactly these (scope, value), under the salt that it has."""
    from bigcode.evidence.consent import render_list

    path = space / "optouts" / "list.json"
    entries = [{"scope": scope, "value": value, "host": ""} for scope, value in wishes]
    path.write_bytes(render_list({**json.loads(path.read_bytes()), "entries": entries}))
    assert run(["optout", "seal", str(space)]) == 0


def apply(space: Path) -> None:
    assert run(["apply", str(space)]) == 0


def copy_space(space: Path, parent: Path, *, store: bool) -> Path:
    """The same workspace elsewhere, under the same name and key; without its store it has to be built anew."""
    target = parent / space.name
    shutil.copytree(space, target, ignore=None if store else shutil.ignore_patterns(".bigcode", "cards"))
    if not store:
        shutil.copytree(space / ".bigcode" / "keys", target / ".bigcode" / "keys")
    return target


def bundle_of(space: Path, output: Path) -> Path:
    """The folder of the workspace's bundle."""
    assert run(["bundle", str(space), "--output", str(output)]) == 0
    return output


def root_of(bundle: Path) -> str:
    """The digest over everything that a bundle holds: specs, facts, actions, tables, cards, digests of all objects."""
    return (bundle / "ROOT").read_text().strip()


def verdicts_of(bundle: Path) -> list[dict[str, Any]]:
    """All rows of the verdict tables of a bundle."""
    import pyarrow.parquet as pq

    tables = sorted((bundle / "verdicts").rglob("*.parquet"))
    return [row for table in tables for row in pq.read_table(table).to_pylist()]


def facts_of(bundle: Path) -> dict[str, Any]:
    """Values of facts by the part of their id that follows the resource."""
    lines = (bundle / "facts.jsonl").read_text().splitlines()
    loaded = [json.loads(line) for line in lines]
    return {
        fact["id"].split("/", 2)[2]: fact["value"] for fact in loaded if fact["id"].startswith("Dataset/")
    }


def kept_of(bundle: Path) -> set[str]:
    """Ids of the files that a bundle says were kept."""
    return {row["row"] for row in verdicts_of(bundle) if row["reason"] == "kept"}


def shard_rows(space: Path, bundle: Path) -> list[dict[str, Any]]:
    """All rows of the released shards, read from the store by the manifest of the bundle."""
    import pyarrow.parquet as pq

    manifest = json.loads((bundle / "manifests/Dataset/tiny@1.0.0/shards.json").read_text())
    files = [space / ".bigcode" / "objects" / digest[:2] / digest for _, digest, _, _ in manifest]
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def tasks_of_last_run(space: Path) -> Sequence[tuple[str, str]]:
    """Step and partition of every task that the newest run committed, in that order, by its journal."""
    runs = sorted((space / ".bigcode" / "runs").iterdir())
    events = [json.loads(line) for line in (runs[-1] / "journal.jsonl").read_text().splitlines()]
    return [(e["node"].partition("#")[2], e["partition"]) for e in events if e["event"] == "task"]


def objects_of(space: Path) -> list[Path]:
    return sorted(p for p in (space / ".bigcode" / "objects").glob("*/*") if not p.name.startswith("."))


__all__ = [
    "apply",
    "build_corpus",
    "bundle_of",
    "copy_space",
    "data_workspace",
    "edit_spec",
    "facts_of",
    "kept_of",
    "objects_of",
    "read_spec",
    "resource",
    "root_of",
    "shard_rows",
    "specs",
    "tasks_of_last_run",
    "verdicts_of",
    "write_rows",
    "write_spec",
    "write_wishes",
]
