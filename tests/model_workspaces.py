"""A tiny workspace with a model side, and the console script that works on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workspaces import POLICY, data_workspace, edit_spec, resource, write_rows, write_spec

from bigcode.testing import notices
from bigcode.testing.corpus import build_corpus

BIGCODE = Path(sys.executable).with_name("bigcode")
PLANTED = ("zqx-planted-owner", "zqx-planted-second/zqx-planted-repository")
"""Names in the opt-out list that stand nowhere else."""

SEED = 4
"""A split in which the vendored project and its copies are training data."""

TRAINED = "2026-11-01"
"""The date of the opt-out list; dates at which gates are judged are counted from it."""


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit code, and what it printed."""

    code: int
    out: str
    err: str


def bigcode(*arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ran:
    """The installed console script in a process of its own."""
    done = subprocess.run(
        [str(BIGCODE), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **(env or {})},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def model_specs() -> dict[str, dict[str, Any]]:
    """The files that a model adds to the data-only workspace."""
    dataset, policy = "Dataset/tiny@1.0.0", dict(POLICY)
    return {
        "tokenizer.yaml": resource(
            "Tokenizer",
            "tiny",
            {"dataset": dataset, "algorithm": {"uses": "train.bpe", "version": 1}, "vocabulary": 384},
        ),
        "model.yaml": resource(
            "Model",
            "tiny",
            {
                "tokenizer": "Tokenizer/tiny",
                "data": [{"dataset": dataset}],
                "tokens": {"uses": "train.tokens", "version": 2},
                "trainer": {
                    "uses": "train.causal-lm",
                    "version": 2,
                    "with": {"batch": 4, "context": 64, "warmupSteps": 2, "logEvery": 2},
                },
                "architecture": {
                    "model_type": "gpt_bigcode",
                    "n_embd": 32,
                    "n_layer": 1,
                    "n_head": 2,
                    "n_positions": 64,
                    "multi_query": True,
                },
                "objective": {"fimRate": 0.5, "spmRate": 0.5},
                "budget": {"tokens": "4096 tokens"},
                "seed": 1,
                "runtime": {"launcher": "torchrun", "processes": 2, "threads": 1, "checkpointEvery": 4},
            },
        ),
        "evaluation.yaml": resource(
            "Evaluation",
            "tiny",
            {
                "model": "Model/tiny",
                "heldOut": dataset,
                "suites": [
                    {"uses": "evals.bits-per-byte", "version": 2, "with": {"maxBytes": "4KiB", "threads": 1}},
                ],
                "seed": 1,
            },
        ),
        "emissions.yaml": resource(
            "EmissionsPolicy",
            "tiny",
            {
                "meter": {"uses": "emissions.nameplate", "version": 1},
                "gridIntensity": {"value": "0.4 kgCO2e/kWh", "source": "made for a test", "asOf": TRAINED},
                "pue": {"value": 1.2, "source": "made for a test", "asOf": TRAINED},
                "power": {"perDevice": "15 W", "source": "made for a test", "asOf": TRAINED},
            },
            **policy,
        ),
        "license.yaml": resource(
            "License",
            "tiny-openrail",
            {
                "generator": {"uses": "openrail.m", "version": 1},
                "title": "Tiny OpenRAIL",
                "licensor": "nobody",
            },
        ),
        "release.yaml": resource(
            "Release",
            "tiny",
            {
                "artifacts": {"dataset": dataset, "tokenizer": "Tokenizer/tiny", "model": "Model/tiny"},
                "license": "License/tiny-openrail",
                "evaluations": ["Evaluation/tiny"],
                "emissions": "EmissionsPolicy/tiny",
                "optOutMaxAge": "90d",
            },
        ),
        "card-model.yaml": resource("Card", "model", {"subject": "Model/tiny", "template": "model-card"}),
        "card-governance.yaml": resource(
            "Card", "governance", {"subject": "Release/tiny", "template": "governance-card"}
        ),
        "card-emissions.yaml": resource(
            "Card", "emissions", {"subject": "Release/tiny", "template": "emissions-report"}
        ),
    }


def _compiled_rows() -> list[dict[str, Any]]:
    """A project in two languages whose shards stand in another order by the alphabet (`C++/`, `C/`) than in the
    layout (C, C++)."""
    base = {
        "host": "forge.example",
        "owner": "gauge",
        "repository": "gauge",
        "revision": "1.0",
        "released": 0,
    }
    files = {
        "LICENSE": notices.MIT,
        "gauge.c": "int gauge_width(int low, int high)\n{\n    return high - low;\n}\n",
        "gauge.cpp": "namespace gauge {\nlong area(long width, long height) { return width * height; }\n}\n",
    }
    return [{**base, "path": path, "content": content} for path, content in files.items()]


def write_model_workspace(parent: Path) -> Path:
    """A workspace with all of it that was not applied yet; Dask with two workers, runs mirrored in MLflow."""
    space = data_workspace(parent, optouts=(PLANTED[0],), executor="dask", workers=2)
    assert bigcode("optout", "add", space, PLANTED[1], "--scope", "repository").code == 0
    for file, value in model_specs().items():
        write_spec(space / file, value)
    edit_spec(space / "project.yaml", "execution", "trackers", value=["mlflow"])
    edit_spec(space / "dataset.yaml", "split", "seed", value=SEED)
    write_rows(space, [*build_corpus(), *_compiled_rows()])
    return space
