"""Plans of large workspaces: `python benchmarks/plan.py graph [--nodes N]` and `... impact [--files N]`.

`graph` writes a workspace whose datasets have N nodes in all and times `bigcode plan` on it, with nothing built yet.
`impact` builds a dataset of N tiny files, adds one owner to the opt-out list, and times `bigcode plan --impact`, which
says exactly what that would take away: the owner's files and the copies of them under other names. The numbers that
it prints are held against those that the synthetic corpus implies.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import meter
import synthetic
import workspace
from corpus import CACHE
from ours import link_shards


def time_plan(space: Path, *options: str) -> tuple[dict[str, float], str]:
    """Measures of one `bigcode plan`, and what it printed."""
    answer = space.parent / "plan.txt"
    shell = f'exec "{workspace.BIGCODE}" plan "{space}" {" ".join(options)} > "{answer}"'
    measured = meter.run(["/bin/sh", "-c", shell], env=workspace.environment(), log=space.parent / "log.txt")
    return measured.as_json(), answer.read_text()


def plan_graph(nodes: int, scratch: str | None) -> dict[str, Any]:
    """Time the plan of a workspace of at least so many nodes: one snapshot under many datasets."""
    with tempfile.TemporaryDirectory(prefix="bigcode-bench-", dir=scratch) as folder:
        space = Path(folder, "bench")
        synthetic.write_corpus(space / "corpus", 100)
        files = workspace.specs("dedup", ["corpus/00000.parquet"], 10_000, 1)
        workspace.write_workspace(space, files)
        one = json.loads(workspace.call("graph", space, "--json"))["nodes"]
        each = sum(node.startswith("Dataset/") for node in one)
        count = -(-(nodes - len(one)) // each)
        for number in range(count):
            dataset = files["dataset.yaml"]
            metadata = {**dataset["metadata"], "name": f"bench-{number:06d}"}
            spec = {**dataset["spec"], "split": {"validation": 0.1, "seed": number}}
            path = space / "datasets" / f"{number // 1000:03d}" / f"{number:06d}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            # JSON is YAML, and much faster to write.
            path.write_text(json.dumps({**dataset, "metadata": metadata, "spec": spec}, indent=1))
        measured, _ = time_plan(space)
        return {"nodes": len(one) + count * each, "datasets": count + 1, **measured}


def plan_impact(files: int, scratch: str | None) -> dict[str, Any]:
    """Time an apply over so many files, and the impact of one opt-out.

    Raises:
        ValueError: when the impact is not the one that the corpus implies.
    """
    with tempfile.TemporaryDirectory(prefix="bigcode-bench-", dir=scratch) as folder:
        source, space = Path(folder, "source"), Path(folder, "bench")
        manifest = synthetic.write_corpus(source, files)
        shards = link_shards(source, space)
        specs = workspace.specs("dedup", shards, manifest["bytes"], 2, filters=False)
        specs["snapshot.yaml"]["spec"]["buckets"] = max(2, files // 100_000)
        workspace.write_workspace(space, specs)
        shell = f'exec "{workspace.BIGCODE}" apply "{space}"'
        log = Path(folder, "log.txt")
        built = meter.run(["/bin/sh", "-c", shell], env=workspace.environment(), log=log)
        middle = files // synthetic.FILES_OF_OWNER // 2
        workspace.call("optout", "add", space, synthetic.owner_name(middle))
        measured, told = time_plan(space, "--impact", "--json")
        return {"files": files, "apply": built.as_json(), **measured, "reasons": _check(json.loads(told))}


def _check(told: Mapping[str, Any]) -> dict[str, list[int]]:
    """Files by reason before and after, where they differ.

    Raises:
        ValueError: when other files leave than the owner's own: a vendored copy was a duplicate before.
    """
    changes = told["impact"]["datasets"]
    expected = synthetic.FILES_OF_OWNER - synthetic.FILES_OF_OWNER // synthetic.COPIED_EVERY
    removed = sum(change["removed"] for change in changes.values())
    added = sum(change["added"] for change in changes.values())
    if (removed, added) != (expected, 0):
        raise ValueError(
            f"{removed:,} files leave and {added:,} enter, where {expected:,} and none were expected"
        )
    return {
        reason: pair
        for change in changes.values()
        for reason, pair in sorted(change["reasons"].items())
        if pair[0] != pair[1]
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Time plans.")
    parser.add_argument("what", nargs="+", choices=["graph", "impact"])
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--into", type=Path, default=CACHE / "runs")
    parser.add_argument(
        "--scratch", help="where stores are made; a temporary folder outside any Git repository"
    )
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    for what in options.what:
        found = (
            plan_graph(options.nodes, options.scratch)
            if what == "graph"
            else plan_impact(options.files, options.scratch)
        )
        (options.into / f"plan-{what}.json").write_text(json.dumps(found, indent=1) + "\n")
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
