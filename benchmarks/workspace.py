"""Workspaces that the benchmarks run: specs for a set of Parquet shards, written as a user would write them.

All names of components that the benchmarks use stand here; their versions are those that the installed plugins declare.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

HERE = Path(__file__).parent
BIGCODE = Path(sys.executable).with_name("bigcode")
Work = Literal["dedup", "judged"]
"""`dedup` does what the peers do: read, filter, exact and near deduplication, write. `judged` does everything."""

NOBODY = "nobody-has-this-name"
"""The first entry of an opt-out list; a list has at least one."""
PARTITION_BYTES = 64_000_000
"""Text of a blob partition: one task of the observers."""
BUCKET_BYTES = 32_000_000
"""Text of a bucket of owners: what a task of the judgements holds at once."""
SHARD_BYTES = "64MB"
"""Text of a written shard: what is written anew where a file in it changed."""
LICENSES = (
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC", "MIT", "MIT-0",
    "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Components:
    """What each judgement is made with."""

    license: str
    language: str
    pii: str
    collector: str = "sources.tables"
    quality: tuple[str, ...] = ("quality.text",)
    dedup: str = "dedup.minhash"
    paths: str = "languages.paths"


USED: Mapping[Work, Components] = {
    "dedup": Components(license="plain.license", language="plain.language", pii="plain.pii"),
    "judged": Components(
        license="licenses.tiers",
        language="languages.linguist",
        pii="pii.gated",
        quality=("quality.text", "quality.structure"),
    ),
}


def environment() -> dict[str, str]:
    """The environment of every `bigcode` that a benchmark starts: with the plugin of plain observers."""
    paths = [str(HERE / "plain"), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def call(*arguments: str | Path) -> str:
    """What a `bigcode` command prints.

    Raises:
        RuntimeError: when it fails, with what it said.
    """
    done = subprocess.run(
        [BIGCODE, *map(str, arguments)], env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(
            f"bigcode {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr[-4000:]}"
        )
    return done.stdout


def versions() -> dict[str, int]:
    """Behaviour versions by component."""
    found = json.loads(call("plugins", "list", "--json"))["components"]
    return {name: int(value["version"]) for name, value in found.items()}


def resource(kind: str, name: str, spec: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "bigcode/v1",
        "kind": kind,
        "metadata": {"name": name, "version": "1.0.0", **metadata},
        "spec": dict(spec),
    }


def specs(
    work: Work,
    shards: Sequence[str],
    size: int,
    workers: int,
    *,
    filters: bool = True,
    executor: str = "local",
) -> dict[str, dict[str, Any]]:
    """Files of a workspace by name; `shards` are paths within it, `size` is the text in bytes."""
    known, used = versions(), USED[work]

    def uses(name: str, **settings: Any) -> dict[str, Any]:
        return {"uses": name, "version": known[name], **({"with": settings} if settings else {})}

    policy = {"owners": ["wg"], "rationale": "governance/decisions/0001.md"}
    rules = [
        {"id": "empty", "column": "lines", "below": 1},
        {"id": "line-length", "column": "max_line", "above": 1000},
        {"id": "mean-line-length", "column": "mean_line", "above": 100},
        {"id": "alphanumeric", "column": "alnum", "below": 0.25},
    ]
    return {
        "project.yaml": resource(
            "Project",
            "bench",
            {
                "title": "A benchmark",
                "execution": {"workers": workers, "executor": executor, "trackers": [], "store": ".bigcode"},
            },
        ),
        "snapshot.yaml": resource(
            "Snapshot",
            "corpus",
            {
                "collector": uses(used.collector, tables=[{"path": path} for path in shards]),
                "buckets": max(8, math.ceil(size / BUCKET_BYTES)),
                "blobPartitions": max(2, math.ceil(size / PARTITION_BYTES)),
            },
        ),
        "licenses.yaml": resource(
            "LicensePolicy",
            "permissive",
            {"classifier": uses(used.license), "allow": list(LICENSES)},
            **policy,
        ),
        "optout.yaml": resource(
            "OptOutSnapshot",
            "list",
            {
                "source": "optouts/list.json",
                "asOf": "2026-11-01",
                "scopes": ["owner", "repository", "path", "blob"],
            },
            **policy,
        ),
        "pii.yaml": resource(
            "PIIPolicy",
            "mask",
            {
                "detector": uses(used.pii),
                "entities": {name: {"action": "surrogate"} for name in ("EMAIL", "IP_ADDRESS", "KEY")},
            },
            **policy,
        ),
        "dataset.yaml": resource(
            "Dataset",
            "bench",
            {
                "snapshot": "Snapshot/corpus",
                "licenses": "LicensePolicy/permissive",
                "optOut": "OptOutSnapshot/list",
                "pii": "PIIPolicy/mask",
                "languages": {"detector": uses(used.language), "paths": uses(used.paths)},
                "quality": {"observers": [uses(name) for name in used.quality], "rules": rules}
                if filters
                else {},
                "dedup": uses(used.dedup, threshold=0.7),
                "split": {"validation": 0.0},
                "export": {"shardBytes": SHARD_BYTES},
            },
        ),
    }


def write_workspace(space: Path, files: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write the specs, make the steward's key, and seal an opt-out list that names nobody."""
    space.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (space / name).write_text(yaml.safe_dump(dict(value), sort_keys=False))
    (space / "governance" / "decisions").mkdir(parents=True, exist_ok=True)
    (space / "governance" / "decisions" / "0001.md").write_text(
        "---\nstatus: accepted\n---\n# For a benchmark\n"
    )
    call("optout", "key", space)
    call("optout", "add", space, NOBODY)
    return space
