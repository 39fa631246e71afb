"""Token shards: every document, in order, closed by the end-of-text token, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from bigcode.api import Problem
from bigcode.testing.context import JobContext
from bigcode_train.tokens.token_files import open_tokens

END = 0


def open_output(job: JobContext):
    """The shards that a job wrote, opened as the trainer would."""
    files = {path.name: path for path in (job.out / "tokens").iterdir()}
    return open_tokens(JobContext(None, job.scratch, inputs={"tokens.0": files}))


def test_documents_come_back_in_the_order_of_shards_and_rows(
    tokens_job: JobContext, tokenizer_files: dict[str, Path], documents: list[tuple[str, str]]
) -> None:
    files = open_output(tokens_job)
    tokenizer = Tokenizer.from_file(str(tokenizer_files["tokenizer.json"]))
    found = []
    for start, stop in zip(files.offsets[:-1], files.offsets[1:], strict=True):
        ids = files.ids[start:stop].tolist()
        assert ids[-1] == END
        assert END not in ids[:-1]
        found.append(tokenizer.decode(ids[:-1]))
    assert found == [text for number in range(2) for text, _ in documents[number::2]]


def test_a_document_is_named_by_its_shard_and_row(
    tokens_job: JobContext, documents: list[tuple[str, str]]
) -> None:
    files = open_output(tokens_job)
    first = len(documents[0::2])
    assert files.place(0) == "part-0.parquet:0"
    assert files.place(first - 1) == f"part-0.parquet:{first - 1}"
    assert files.place(first) == "part-1.parquet:0"


def test_header_and_facts_agree_with_the_ids(
    tokens_job: JobContext, documents: list[tuple[str, str]]
) -> None:
    files = open_output(tokens_job)
    facts = {fact.id: fact.value for fact in tokens_job.recorded}
    assert files.header["dtype"] == "<u2"
    assert facts["tokens"] == files.header["tokens"] == len(files.ids) == files.offsets[-1]
    assert facts["documents"] == files.header["documents"] == files.documents == len(documents)
    assert facts["tokens"] == facts["tokens{language=Markdown}"] + facts["tokens{language=Python}"]


def test_a_vocabulary_beyond_two_bytes_takes_four(
    data: dict[str, Path],
    train_tokenizer: Callable[..., JobContext],
    write_token_shards: Callable[..., JobContext],
    special: tuple[str, ...],
    tmp_path: Path,
) -> None:
    many = (*special, *(f"<extra_{number}>" for number in range(2**16)))
    tokenizer = train_tokenizer(tmp_path / "bpe", data, special_tokens=many, vocabulary=2**16 + 300)
    files = {path.name: path for path in (tokenizer.out / "tokenizer").iterdir()}
    written = open_output(write_token_shards(tmp_path / "tokens", data, files))
    assert written.ids.dtype == np.dtype("<u4")
    assert written.ids.max() >= 2**16


def test_the_same_input_gives_the_same_bytes(
    tokens_job: JobContext,
    data: dict[str, Path],
    tokenizer_files: dict[str, Path],
    write_token_shards: Callable[..., JobContext],
    tmp_path: Path,
) -> None:
    again = write_token_shards(tmp_path, data, tokenizer_files)
    for path in (tokens_job.out / "tokens").iterdir():
        assert (again.out / "tokens" / path.name).read_bytes() == path.read_bytes()


def test_a_tokenizer_without_the_end_of_text_is_refused(
    data: dict[str, Path],
    tokenizer_files: dict[str, Path],
    write_token_shards: Callable[..., JobContext],
    tmp_path: Path,
) -> None:
    text = json.loads(tokenizer_files["tokenizer.json"].read_text(encoding="utf-8"))
    text["added_tokens"] = text["added_tokens"][1:]
    text["model"]["vocab"].pop("<|endoftext|>")
    (tmp_path / "tokenizer.json").write_text(json.dumps(text), encoding="utf-8")
    with pytest.raises(Problem, match="E106"):
        write_token_shards(tmp_path / "tokens", data, {"tokenizer.json": tmp_path / "tokenizer.json"})
