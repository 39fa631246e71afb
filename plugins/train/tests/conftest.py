"""A small corpus of real source files, the tokenizer and token shards made from it, and a tiny model to train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bigcode.api
from bigcode.testing.context import JobContext
from bigcode_train.config import BPEConfig, CausalLMConfig, TokensConfig
from bigcode_train.tokens.bpe import ByteLevelBPE
from bigcode_train.tokens.writer import TokenWriter

SPECIAL = ("<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<filename>")
TINY = {"model_type": "gpt_bigcode", "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}
NOTE = "# Zwölf Boxkämpfer\n\n    x = 2024 + 17\n\n\nThe marker <|endoftext|> ends a text; <filename> names one.\n"


def _write_shard(path: Path, documents: Sequence[tuple[str, str]]) -> None:
    texts, languages = zip(*documents, strict=True) if documents else ((), ())
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {"content": pa.array(texts, pa.string()), "language": pa.array(languages, pa.string())}
    pq.write_table(pa.table(columns), path)


def _list_files(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(folder.iterdir())}


def _train_tokenizer(scratch: Path, data: Mapping[str, Path], **params: Any) -> JobContext:
    settings = {"vocabulary": 512, "special_tokens": SPECIAL, "sample": None, "seed": 0} | params
    ctx = JobContext(BPEConfig(), scratch, settings, {"data": data})
    ByteLevelBPE(ctx.config).run(ctx)
    return ctx


def _write_token_shards(scratch: Path, data: Mapping[str, Path], tokenizer: Mapping[str, Path]) -> JobContext:
    ctx = JobContext(TokensConfig(), scratch, {}, {"data": data, "tokenizer": tokenizer})
    TokenWriter(ctx.config).run(ctx)
    return ctx


@pytest.fixture(scope="session")
def write_shard() -> Callable[..., None]:
    """Writes (text, language) pairs as a parquet shard: `write_shard(path, documents)`."""
    return _write_shard


@pytest.fixture(scope="session")
def train_tokenizer() -> Callable[..., JobContext]:
    """Runs `train.bpe`: `train_tokenizer(scratch, data, **params)`."""
    return _train_tokenizer


@pytest.fixture(scope="session")
def write_token_shards() -> Callable[..., JobContext]:
    """Runs `train.tokens`: `write_token_shards(scratch, data, tokenizer)`."""
    return _write_token_shards


@pytest.fixture(scope="session")
def special() -> tuple[str, ...]:
    return SPECIAL


@pytest.fixture(scope="session")
def note() -> str:
    """A text with letters beyond ASCII, numbers, empty lines and two control strings."""
    return NOTE


@pytest.fixture(scope="session")
def documents() -> list[tuple[str, str]]:
    """The source of `bigcode.api`, and the note."""
    sources = sorted(Path(bigcode.api.__file__).parent.glob("*.py"))
    return [(path.read_text(encoding="utf-8"), "Python") for path in sources] + [(NOTE, "Markdown")]


@pytest.fixture(scope="session")
def data(documents: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("data")
    for number in range(2):
        _write_shard(folder / f"part-{number}.parquet", documents[number::2])
    return _list_files(folder)


@pytest.fixture(scope="session")
def tokenizer_job(data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> JobContext:
    return _train_tokenizer(tmp_path_factory.mktemp("bpe"), data)


@pytest.fixture(scope="session")
def tokenizer_files(tokenizer_job: JobContext) -> dict[str, Path]:
    return _list_files(tokenizer_job.out / "tokenizer")


@pytest.fixture(scope="session")
def tokens_job(
    data: dict[str, Path], tokenizer_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> JobContext:
    return _write_token_shards(tmp_path_factory.mktemp("tokens"), data, tokenizer_files)


@pytest.fixture(scope="session")
def inputs(tokens_job: JobContext, tokenizer_files: dict[str, Path]) -> dict[str, dict[str, Path]]:
    """What the trainer reads."""
    return {"tokens.0": _list_files(tokens_job.out / "tokens"), "tokenizer": tokenizer_files}


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """A run of 24 steps, as a spec would say it."""
    return {
        "batch": 4,
        "context": 64,
        "learningRate": 3e-3,
        "warmupSteps": 4,
        "precision": "fp32",
        "logEvery": 1,
    }


@pytest.fixture(scope="session")
def params() -> dict[str, Any]:
    return {
        "architecture": TINY,
        "objective": {"fimRate": 0.5, "spmRate": 0.5},
        "budget_tokens": 24 * 4 * 64,
        "seed": 7,
        "device": "cpu",
        "threads": 1,
        "checkpointEvery": 5,
    }


@pytest.fixture
def make_job(
    tmp_path: Path, inputs: dict[str, dict[str, Path]], settings: dict[str, Any], params: dict[str, Any]
) -> Callable[..., JobContext]:
    """A training job in this test's own scratch folder, with changes to its settings and params."""

    def make(
        change: Mapping[str, Any] | None = None, scratch: Path | None = None, **changes: Any
    ) -> JobContext:
        config = CausalLMConfig.model_validate(settings | dict(change or {}))
        return JobContext(config, scratch or tmp_path / "job", params | changes, inputs)

    return make
