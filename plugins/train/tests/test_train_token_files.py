"""Token shards on disk: what they tell, and that nothing cut, flipped or made with something else is read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bigcode.api import Problem
from bigcode.testing.context import JobContext
from bigcode_train.config import TokensConfig
from bigcode_train.tokens import token_files
from bigcode_train.tokens.encoder import ReferenceEncoder, load_reference
from bigcode_train.tokens.token_files import PIECE, open_folder, open_sources
from bigcode_train.tokens.token_folder import TokenFolder
from bigcode_train.tokens.writer import TokenWriter

Files = dict[str, Path]


def list_files(folder: Path) -> Files:
    return {path.name: path for path in sorted(folder.iterdir())}


@pytest.fixture
def folder(tokens_job: JobContext, tmp_path: Path) -> Path:
    """A copy of the token shards, to be spoilt."""
    return Path(shutil.copytree(tokens_job.out / "tokens", tmp_path / "tokens"))


@pytest.fixture
def open_all(tokenizer_files: Files, tmp_path: Path) -> Callable[..., list[token_files.TokenFiles]]:
    """Opens folders as the sources of a model: `open_all(folder, ...)`."""

    def open_(*folders: Path, tokenizer: Files = tokenizer_files) -> list[token_files.TokenFiles]:
        inputs = {f"tokens.{number}": list_files(one) for number, one in enumerate(folders)}
        return open_sources(JobContext(None, tmp_path, inputs={**inputs, "tokenizer": tokenizer}))

    return open_


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def edit_header(folder: Path, **changes: object) -> None:
    header = json.loads((folder / "header.json").read_text(encoding="utf-8"))
    (folder / "header.json").write_text(json.dumps(header | changes), encoding="utf-8")


def test_the_header_says_what_was_encoded(
    folder: Path, tokenizer_files: Files, open_all: Callable[..., list[token_files.TokenFiles]]
) -> None:
    (files,) = open_all(folder)
    header = files.header
    assert (header["format"], header["dtype"], header["end"], header["source"]) == (2, "<u2", 0, "")
    assert header["shards"] == ["part-0.parquet", "part-1.parquet"]
    assert set(header["languages_list"]) == set(header["languages"]) == {"Markdown", "Python"}
    assert header["tokens"] == sum(counts["tokens"] for counts in header["languages"].values())


def test_marks_say_where_pre_tokens_begin(
    folder: Path, tokenizer_files: Files, open_all: Callable[..., list[token_files.TokenFiles]]
) -> None:
    (files,) = open_all(folder)
    reference = ReferenceEncoder(load_reference(tokenizer_files["tokenizer.json"]))
    for document in range(files.documents):
        start, stop = files.offsets[document], files.offsets[document + 1]
        text = reference.reference.decode(files.read(start, stop - 1).tolist())
        assert files.starts(start, stop).tolist() == [
            *reference.encode([text.encode()]).starts.tolist(),
            True,
        ]


def test_every_document_has_its_language_and_place(
    folder: Path, open_all: Callable[..., list[token_files.TokenFiles]], documents: list[tuple[str, str]]
) -> None:
    (files,) = open_all(folder)
    rows = [(f"part-{n}.parquet:{row}", d) for n in range(2) for row, d in enumerate(documents[n::2])]
    assert [files.place(number) for number in range(files.documents)] == [place for place, _ in rows]
    assert [files.language(number) for number in range(files.documents)] == [d[1] for _, d in rows]


@pytest.mark.parametrize(
    "name", ["tokens.bin", "marks.bin", "offsets.npy", "languages.npy", "origins.npy", "pieces.npy"]
)
def test_a_flipped_bit_is_named(
    name: str, folder: Path, open_all: Callable[..., list[token_files.TokenFiles]]
) -> None:
    flip(folder / name, -1)
    with pytest.raises(Problem, match=f"(?s)E812.*`{name}`"):
        open_all(folder)


@pytest.mark.parametrize("name", ["tokens.bin", "marks.bin", "offsets.npy", "header.json"])
@pytest.mark.parametrize("cut", [True, False], ids=["cut", "missing"])
def test_a_file_that_is_cut_or_missing_is_named(
    name: str, cut: bool, folder: Path, open_all: Callable[..., list[token_files.TokenFiles]]
) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-7]) if cut else path.unlink()
    with pytest.raises(Problem, match=f"(?s)E812.*`{name}`"):
        open_all(folder)


def test_large_shards_are_checked_piece_by_piece_as_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_files, "_CHECKED_AT_ONCE", 1)
    target = TokenFolder(tmp_path / "large", np.dtype("<u2"))
    ids = np.arange(2 * PIECE + 77, dtype=np.uint32) % 5000
    starts = ids % 3 == 0
    for first in range(0, len(ids), 100_001):
        part = slice(first, first + 100_001)
        length = np.array([len(ids[part])], np.int64)
        target.add(ids[part], starts[part], length, ["C"], np.array([first], np.int64))
    target.close({"vocabulary": 5000, "tokenizer": "", "end": 0, "shards": ["a.parquet"], "source": "large"})
    flip(tmp_path / "large" / "tokens.bin", 2 * PIECE + 1)
    files = open_folder(list_files(tmp_path / "large"))
    assert files.read(0, PIECE).tolist() == ids[:PIECE].tolist()
    assert files.read(2 * PIECE, len(ids)).tolist() == ids[2 * PIECE :].tolist()
    assert files.starts(5, PIECE - 3).tolist() == starts[5 : PIECE - 3].tolist()
    with pytest.raises(
        Problem, match=rf"(?s)E812.*of `large`.*tokens {PIECE} to {2 * PIECE - 1}.*a\.parquet"
    ):
        files.read(PIECE - 1, PIECE + 1)


def test_shards_of_another_tokenizer_are_refused(
    folder: Path,
    open_all: Callable[..., list[token_files.TokenFiles]],
    train_tokenizer: Callable[..., JobContext],
    data: Files,
    tmp_path: Path,
) -> None:
    other = list_files(train_tokenizer(tmp_path / "other", data, vocabulary=400).out / "tokenizer")
    with pytest.raises(Problem, match="E805"):
        open_all(folder, tokenizer=other)


def test_an_unknown_format_is_refused(
    folder: Path, open_all: Callable[..., list[token_files.TokenFiles]]
) -> None:
    edit_header(folder, format=3)
    with pytest.raises(Problem, match="E511"):
        open_all(folder)


def test_the_first_format_is_read(
    folder: Path, open_all: Callable[..., list[token_files.TokenFiles]], documents: list[tuple[str, str]]
) -> None:
    edit_header(folder, format=1, shards=[[0, "part-0.parquet"], [len(documents[0::2]), "part-1.parquet"]])
    for name in ("marks.bin", "languages.npy", "origins.npy", "pieces.npy"):
        (folder / name).unlink()
    (files,) = open_all(folder)
    assert files.marks is None
    assert files.languages is None
    assert files.place(files.documents - 1) == f"part-1.parquet:{len(documents[1::2]) - 1}"
    assert len(files.read(0, 10)) == 10


def test_nothing_to_train_on_is_refused(open_all: Callable[..., list[token_files.TokenFiles]]) -> None:
    with pytest.raises(Problem, match="E707"):
        open_all()


def test_sources_come_in_their_order_and_tell_their_facts_apart(
    data: Files,
    tokenizer_files: Files,
    open_all: Callable[..., list[token_files.TokenFiles]],
    tmp_path: Path,
) -> None:
    facts: list[str] = []
    for name in ("code", "issues"):
        params = {"seed": 1, "source": name}
        inputs = {"data": data, "tokenizer": tokenizer_files}
        job = JobContext(TokensConfig(threads=1), tmp_path / name, params, inputs)
        TokenWriter(job.config).run(job)
        facts += [fact.id for fact in job.recorded]
    assert len(set(facts)) == len(facts)
    assert {"tokens{source=code}", "tokens{language=Python,source=issues}"} <= set(facts)
    found = open_all(*(tmp_path / name / "out" / "tokens" for name in ("issues", "code")))
    assert [files.source for files in found] == ["issues", "code"]
