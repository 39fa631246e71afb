"""The tokenizer: what it splits, what it saves, and that nothing but text and settings decides it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from bigcode.api import Problem, parse_unit
from bigcode.testing.context import JobContext
from bigcode_train.tokens.bpe import encode_literally, train_bpe

TRAIN = """
import json, sys
from pathlib import Path
from bigcode_train.tokens.bpe import ByteLevelBPE
from bigcode_train.config import BPEConfig
from bigcode.testing.context import JobContext

params, data, scratch = json.loads(sys.argv[1])
ctx = JobContext(BPEConfig(), Path(scratch), params, {"data": {n: Path(p) for n, p in data.items()}})
ByteLevelBPE(ctx.config).run(ctx)
"""


def values(job: JobContext) -> dict[str, object]:
    return {fact.id: fact.value for fact in job.recorded}


def digests(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_the_saved_folder_is_what_the_ecosystem_loads(
    tokenizer_files: dict[str, Path], special: tuple[str, ...]
) -> None:
    assert set(tokenizer_files) == {"special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"}
    loaded = AutoTokenizer.from_pretrained(tokenizer_files["tokenizer.json"].parent)
    assert (loaded.eos_token, loaded.bos_token, loaded.pad_token) == (
        "<|endoftext|>",
        "<|endoftext|>",
        "<fim_pad>",
    )
    assert loaded.convert_tokens_to_ids(list(special)) == list(range(len(special)))
    assert loaded("<fim_prefix>x")["input_ids"][0] == special.index("<fim_prefix>")


def test_text_comes_back_as_it_was(tokenizer_files: dict[str, Path], note: str) -> None:
    loaded = AutoTokenizer.from_pretrained(tokenizer_files["tokenizer.json"].parent)
    for text in (note, "\t\tif a:\r\n\t\t\treturn  b\n", "日本語 🐍 \x00\x7f", " leading and trailing "):
        assert loaded.decode(loaded(text)["input_ids"]) == text


def test_every_digit_is_a_token_of_its_own(tokenizer_files: dict[str, Path]) -> None:
    tokenizer = Tokenizer.from_file(str(tokenizer_files["tokenizer.json"]))
    tokens = tokenizer.encode("port = 8080").tokens
    assert tokens[-4:] == ["8", "0", "8", "0"]


def test_merges_span_line_breaks(tokenizer_files: dict[str, Path]) -> None:
    # Documents are fed whole; fed line by line there would be no token that goes on after a line break.
    tokenizer = Tokenizer.from_file(str(tokenizer_files["tokenizer.json"]))
    assert any("Ċ" in token[:-1] for token in tokenizer.get_vocab())


def test_training_by_line_would_lose_the_merges_that_span_line_breaks(
    documents: list[tuple[str, str]], special: tuple[str, ...], tmp_path: Path
) -> None:
    texts = [text for text, _ in documents]
    (tmp_path / "all.txt").write_text("\n".join(texts), encoding="utf-8")
    by_document, by_line = (train_bpe(given, 2000, special, 2) for given in (texts, iter_lines(tmp_path)))
    counts = [
        sum("Ċ" in token[:-1] for token in tokenizer.get_vocab()) for tokenizer in (by_document, by_line)
    ]
    assert counts[0] > 10 * max(1, counts[1])


def iter_lines(folder: Path) -> Iterator[str]:
    """What a trainer that is given files feeds itself with."""
    with (folder / "all.txt").open(encoding="utf-8") as file:
        yield from file


@pytest.mark.parametrize("threads", ["1", "3"])
def test_threads_and_hash_seeds_do_not_change_a_byte(
    threads: str, tokenizer_job: JobContext, data: dict[str, Path], tmp_path: Path
) -> None:
    job = [dict(tokenizer_job.params), {name: str(path) for name, path in data.items()}, str(tmp_path)]
    environment = os.environ | {"RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
    subprocess.run([sys.executable, "-c", TRAIN, json.dumps(job)], env=environment, check=True)
    assert digests(tmp_path / "out" / "tokenizer") == digests(tokenizer_job.out / "tokenizer")


def test_the_order_of_documents_does_not_change_a_byte(
    tokenizer_job: JobContext,
    documents: list[tuple[str, str]],
    write_shard: Callable[..., None],
    train_tokenizer: Callable[..., JobContext],
    tmp_path: Path,
) -> None:
    write_shard(tmp_path / "all.parquet", documents[::-1])
    job = train_tokenizer(tmp_path / "bpe", {"all.parquet": tmp_path / "all.parquet"})
    assert digests(job.out / "tokenizer") == digests(tokenizer_job.out / "tokenizer")


def test_control_strings_in_source_are_counted_and_stay_text(
    tokenizer_job: JobContext, tokenizer_files: dict[str, Path], note: str, special: tuple[str, ...]
) -> None:
    assert values(tokenizer_job)["control.strings"] == 2
    tokenizer = Tokenizer.from_file(str(tokenizer_files["tokenizer.json"]))
    (ids,) = encode_literally(tokenizer, [note])
    assert min(ids) >= len(special)
    assert tokenizer.decode(ids) == note


def test_facts_say_what_the_tokenizer_is(tokenizer_job: JobContext, documents: list[tuple[str, str]]) -> None:
    facts = values(tokenizer_job)
    assert facts["vocabulary"] == 512
    assert facts["text.bytes"] == sum(len(text.encode()) for text, _ in documents)
    assert facts["fertility{language=Markdown}"] < facts["fertility"] < facts["fertility{language=Python}"]
    for fact in tokenizer_job.recorded:
        parse_unit(fact.unit)
        assert fact.label
        assert not any(c.isdigit() for c in fact.label + fact.method)


def test_a_sample_is_even_over_files_and_the_same_every_time(
    write_shard: Callable[..., None], train_tokenizer: Callable[..., JobContext], tmp_path: Path
) -> None:
    shards = {}
    for number, size in enumerate((400, 100)):
        words = [sha256(f"{number} {row}".encode()).hexdigest() for row in range(size)]
        rows = [(f"def {word}(): return {word}\n" * 2, f"Language{number}") for word in words]
        name = f"part-{number}.parquet"
        write_shard(tmp_path / name, rows)
        shards[name] = tmp_path / name
    whole = values(train_tokenizer(tmp_path / "whole", shards))["text.bytes"]
    first, second = (train_tokenizer(tmp_path / name, shards, sample=whole // 5) for name in "ab")
    assert values(first)["text.bytes"] == pytest.approx(whole / 5, rel=0.02)
    assert {f"fertility{{language=Language{n}}}" for n in (0, 1)} <= set(values(first))
    assert digests(first.out / "tokenizer") == digests(second.out / "tokenizer")
    other = train_tokenizer(tmp_path / "c", shards, sample=whole // 5, seed=1)
    assert digests(other.out / "tokenizer") != digests(first.out / "tokenizer")


def test_special_tokens_without_the_end_of_text_are_refused(
    data: dict[str, Path], train_tokenizer: Callable[..., JobContext], tmp_path: Path
) -> None:
    with pytest.raises(Problem, match="E106"):
        train_tokenizer(tmp_path, data, special_tokens=("<fim_prefix>",))


def test_shards_without_documents_are_refused(
    write_shard: Callable[..., None], train_tokenizer: Callable[..., JobContext], tmp_path: Path
) -> None:
    write_shard(tmp_path / "empty.parquet", [])
    with pytest.raises(Problem, match="E707"):
        train_tokenizer(tmp_path / "bpe", {"empty.parquet": tmp_path / "empty.parquet"})
