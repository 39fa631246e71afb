"""The project's own column: `python benchmarks/ours.py [--corpus FOLDER] [--work dedup judged] [--repeat N]`.

For each kind of work, `bigcode apply` runs as a user runs it, with two workers, in a fresh store in a temporary
folder, and its process tree is measured like that of every peer. Then, for each of these, an apply again:

- nothing changed;
- 1 % of the blobs changed: a line is added to that many files of one shard (`--spread`: of all shards);
- one project opted out (`--optout`).

The root digest of each of the last two is compared with that of a clean build in a fresh store. What was kept goes to
`<into>/ours-<work>/decisions.parquet` for `quality.py`, and all measures to `result.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import meter
import pyarrow as pa
import pyarrow.parquet as pq
import workspace
from corpus import CACHE

CHANGED = 0.01
"""Share of the files that the second snapshot changes."""


def link_shards(corpus: Path, space: Path) -> list[str]:
    """The shards inside the workspace, as paths within it. They are links: nothing here writes into one in place."""
    folder = space / "corpus"
    folder.mkdir(parents=True)
    names = sorted(path.name for path in corpus.glob("*.parquet"))
    for name in names:
        try:
            os.link(corpus / name, folder / name)
        except OSError:
            shutil.copyfile(corpus / name, folder / name)
    return [f"corpus/{name}" for name in names]


def change_files(space: Path, share: float, spread: bool) -> int:
    """Add a line to a share of all files, chosen by a hash of their names; returns how many."""
    shards = sorted((space / "corpus").glob("*.parquet"))
    rows = {shard: pq.ParquetFile(shard).metadata.num_rows for shard in shards}
    wanted = round(share * sum(rows.values()))
    # The last one may hold what was left over.
    touched = shards if spread else [shard for shard in shards if rows[shard] >= wanted][-1:] or shards
    tables = {shard: pq.read_table(shard) for shard in touched}
    ranked = sorted(
        (hashlib.sha256(f"{shard.name}/{index}".encode()).digest(), shard, index)
        for shard, table in tables.items()
        for index in range(table.num_rows)
    )[:wanted]
    for shard, table in tables.items():
        rows = {index for _, found, index in ranked if found == shard}
        if not rows:
            continue
        contents = table["content"].to_pylist()
        changed = pa.array(
            [text + "\nchanged for a benchmark\n" if i in rows else text for i, text in enumerate(contents)],
            table.schema.field("content").type,
        )
        place = table.schema.get_field_index("content")
        partial = shard.with_suffix(".partial")
        pq.write_table(
            table.set_column(place, "content", changed), partial, compression="zstd", row_group_size=2**14
        )
        partial.replace(shard)
    return len(ranked)


def apply(space: Path) -> dict[str, Any]:
    """One measured `bigcode apply`, with the root digest of its bundle and the tasks that it ran."""
    answer = space.parent / "apply.json"
    shell = f'exec "{workspace.BIGCODE}" apply "{space}" --json > "{answer}"'
    log = space.parent / "log.txt"
    measured = meter.run(["/bin/sh", "-c", shell], env=workspace.environment(), log=log)
    told = json.loads(answer.read_text())
    return {**measured.as_json(), "root": told["root"], "tasks": told["ran"], "seconds": told["seconds"]}


def fresh_copy(space: Path, parent: Path) -> Path:
    """The workspace elsewhere under the same name, with its steward's key and no store."""
    target = parent / space.name
    shutil.rmtree(parent, ignore_errors=True)
    shutil.copytree(space, target, ignore=shutil.ignore_patterns(".bigcode"), copy_function=os.link)
    shutil.copytree(space / ".bigcode" / "keys", target / ".bigcode" / "keys")
    return target


def same_as_clean(space: Path, root: str) -> bool:
    """Whether a clean build of the workspace has this root digest."""
    parent = space.parent / "clean"
    try:
        return bool(apply(fresh_copy(space, parent))["root"] == root)
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def read_decisions(space: Path) -> pa.Table:
    """id and `kept`, `removed` (duplicates) or the reason that came first, from the verdicts of a bundle."""
    bundle = space.parent / "bundle"
    workspace.call("bundle", space, "--output", bundle)
    try:
        columns = ["repository", "revision", "path", "reason"]
        tables = [pq.read_table(p, columns=columns) for p in sorted((bundle / "verdicts").rglob("*.parquet"))]
    finally:
        shutil.rmtree(bundle, ignore_errors=True)
    rows = pa.concat_tables(tables).to_pylist()
    return pa.table(
        {
            "id": [f"{row['repository']}/{row['revision']}/{row['path']}" for row in rows],
            "decision": [
                "removed" if row["reason"].startswith("duplicate") else row["reason"] for row in rows
            ],
        }
    )


def measure(corpus: Path, work: workspace.Work, out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All applies of one kind of work, once."""
    manifest = json.loads((corpus / "manifest.json").read_text())
    with tempfile.TemporaryDirectory(prefix="bigcode-bench-", dir=options.scratch) as folder:
        space = Path(folder, "bench")
        shards = link_shards(corpus, space)
        files = workspace.specs(work, shards, manifest["bytes"], options.workers)
        workspace.write_workspace(space, files)
        found: dict[str, Any] = {"full": apply(space)}
        decisions = read_decisions(space)
        out.mkdir(parents=True, exist_ok=True)
        pq.write_table(decisions, out / "decisions.parquet")
        if not options.full_only:
            found["again"] = apply(space)
            found["again"]["same"] = found["again"]["root"] == found["full"]["root"]
            count = change_files(space, CHANGED, options.spread)
            found["changed"] = {**apply(space), "files": count}
            if options.clean:
                found["changed"]["same"] = same_as_clean(space, found["changed"]["root"])
            workspace.call("optout", "add", space, options.optout)
            found["optout"] = {**apply(space), "name": options.optout}
            if options.clean:
                found["optout"]["same"] = same_as_clean(space, found["optout"]["root"])
    chosen = decisions["decision"].to_pylist()
    return {
        "corpus": corpus.name,
        "work": work,
        "workers": options.workers,
        "files": manifest["files"],
        "bytes": manifest["bytes"],
        "kept": chosen.count("kept"),
        "removed": chosen.count("removed"),
        "filtered": len(chosen) - chosen.count("kept") - chosen.count("removed"),
        "applies": found,
    }


def median_of(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The runs as one: medians of what was measured, all else as in the last."""
    merged = json.loads(json.dumps(runs[-1]))
    for step, values in merged["applies"].items():
        for key in ("cpu_s", "wall_s", "peak_mb", "peak_anonymous_mb"):
            values[key] = statistics.median(run["applies"][step][key] for run in runs)
        if "same" in values:
            values["same"] = all(run["applies"][step]["same"] for run in runs)
    return {**merged, "runs": len(runs)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the project itself over a corpus.")
    parser.add_argument("--corpus", type=Path, default=CACHE / "corpus" / "XS")
    parser.add_argument("--into", type=Path, default=CACHE / "runs")
    parser.add_argument(
        "--work", nargs="+", choices=get_args(workspace.Work), default=list(get_args(workspace.Work))
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--optout", default="requests", help="the project that opts out")
    parser.add_argument("--spread", action="store_true", help="change files in all shards, not in one")
    parser.add_argument("--full-only", action="store_true", help="leave out the applies after the first")
    parser.add_argument("--no-clean", dest="clean", action="store_false", help="compare with no clean build")
    parser.add_argument(
        "--scratch", help="where stores are made; a temporary folder outside any Git repository"
    )
    options = parser.parse_args()
    for work in options.work:
        out = options.into / options.corpus.name / f"ours-{work}"
        result = median_of([measure(options.corpus, work, out, options) for _ in range(options.repeat)])
        (out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
        shown = {
            name: {k: v for k, v in step.items() if k != "seconds"}
            for name, step in result["applies"].items()
        }
        print(json.dumps({**result, "applies": shown}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
