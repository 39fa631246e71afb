"""Jobs of the token classifier for its tests: real files, planted labels, a tiny decoder that looks both ways."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import bigcode
from bigcode.testing.context import JobContext
from bigcode_train.classifier.classifier import TokenClassifier
from bigcode_train.classifier.config import TokenClassifierConfig
from bigcode_train.config import BPEConfig
from bigcode_train.tokens.bpe import ByteLevelBPE

SPECIAL = ("<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>")
TINY = {
    "model_type": "llama", "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3,
    "num_key_value_heads": 3, "intermediate_size": 96, "max_position_embeddings": 256, "is_causal": False,
}  # fmt: skip
PLANTED = {
    "factory": "bigcode_pii.planted:Planted",
    "config_class": "bigcode_pii.config:PlantedConfig",
    "config": {"carriers": 60, "positives": 80, "negatives": 20},
}
SETTINGS = {
    "entities": ["EMAIL"], "window": 64, "overlap": 16, "batch": 16, "learningRate": 5e-3, "warmupSteps": 10,
    "precision": "fp32", "logEvery": 1, "evaluateEvery": 20, "empty": 1.0,
}  # fmt: skip


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def source_files() -> list[str]:
    """The beginnings of this project's own source files."""
    root = Path(bigcode.__file__).parent
    paths = sorted(
        path
        for part in ("api", "decide", "evidence", "spec", "store")
        for path in (root / part).rglob("*.py")
    )
    return list(dict.fromkeys(path.read_text(encoding="utf-8")[:3000] for path in paths))


def write_dataset(path: Path, texts: Sequence[str]) -> dict[str, Path]:
    """The shards of a dataset, one of them, with the columns that the trainer reads."""
    columns = {
        "content": list(texts),
        "language": ["Python"] * len(texts),
        "blob": [digest(t) for t in texts],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return {path.name: path}


def train_tokenizer(folder: Path, data: Mapping[str, Path]) -> dict[str, Path]:
    params = {"vocabulary": 512, "special_tokens": SPECIAL, "sample": None, "seed": 0}
    ctx = JobContext(BPEConfig(), folder, params, {"data": data})
    ByteLevelBPE(ctx.config).run(ctx)
    return {path.name: path for path in sorted((ctx.out / "tokenizer").iterdir())}


def make_params(steps: int, **changes: Any) -> dict[str, Any]:
    return {
        "architecture": TINY, "labels": PLANTED, "budget_tokens": steps * 16 * 64, "seed": 3, "device": "cpu",
        "threads": 1, "checkpointEvery": 10,
    } | changes  # fmt: skip


def make_job(
    scratch: Path, inputs: Mapping[str, Mapping[str, Path]], steps: int, change: Mapping[str, Any] | None = None,
    **changes: Any,
) -> JobContext:  # fmt: skip
    config = TokenClassifierConfig.model_validate(SETTINGS | dict(change or {}))
    return JobContext(config, scratch, make_params(steps, **changes), inputs)


def run(job: JobContext) -> JobContext:
    TokenClassifier(job.config).run(job)
    return job


def losses(job: JobContext) -> list[float]:
    return [point["loss"] for point in job.points if point["series"] == "train"]


def main(file: str) -> int:
    """One rank of a job, started by torchrun; rank 0 writes its points beside the job's scratch folder."""
    said = json.loads(Path(file).read_text(encoding="utf-8"))
    inputs = {n: {k: Path(v) for k, v in files.items()} for n, files in said["inputs"].items()}
    job = make_job(Path(said["scratch"]), inputs, said["steps"], said["change"])
    job.rank, job.world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    run(job)
    if job.rank == 0:
        facts = {fact.id: fact.value for fact in job.recorded}
        Path(said["scratch"]).with_name("told.json").write_text(
            json.dumps([job.points, facts]), encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1])
    sys.stdout.flush()
    sys.stderr.flush()
    # gloo's threads may abort the interpreter while it shuts down; the work is done and flushed.
    os._exit(code)
