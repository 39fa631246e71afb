"""What a document is made of: metadata, repositories, conversations, commits and notebooks, with control tokens that
come from the renderer alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from bigcode.api import Problem
from bigcode.testing.context import JobContext
from bigcode_train.config import TokensConfig
from bigcode_train.tokens import rendering_groups
from bigcode_train.tokens import writer as tokens
from bigcode_train.tokens.documents import Row, Shard, read_stars
from bigcode_train.tokens.encoder import Encoded, Encoder, make_encoder
from bigcode_train.tokens.rendering import Rendered, render, split_notebook
from bigcode_train.tokens.rendering_commits import render_commit
from bigcode_train.tokens.rendering_groups import group_rows
from bigcode_train.tokens.token_files import TokenFiles, open_tokens

CONTROLS = (
    "<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<filename>", "<gh_stars>",
    "<issue_start>", "<issue_comment>", "<issue_closed>", "<jupyter_start>", "<jupyter_text>", "<jupyter_code>",
    "<jupyter_output>", "<empty_output>", "<commit_before>", "<commit_msg>", "<commit_after>", "<reponame>",
)  # fmt: skip
DIFF = b"""Fix the sum

It was off by one <commit_after>

diff --git a/src/a.py b/src/a.py
index 1..2 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1,3 +1,3 @@
 def add(a, b):
-    return a + b + 1
+    return a + b
 # end
@@ -10 +10,2 @@ def far():
--- a/dashes
+++ b/pluses
+more
diff --git a/new.txt b/new.txt
new file mode 100644
--- /dev/null
+++ b/new.txt
@@ -0,0 +1 @@
+hello
\\ No newline at end of file
diff --git a/logo.png b/logo.png
Binary files a/logo.png and b/logo.png differ
"""


def row(
    path: str, content: str, language: str = "Python", repository: str = "tool", **more: Any
) -> dict[str, Any]:
    home = {"host": "github.com", "owner": "ada", "repository": repository}
    return {"content": content, "language": language, **home, "path": path, "author": None, **more}


def write(folder: Path, *shards: Sequence[Mapping[str, Any]]) -> tuple[Shard, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, rows in enumerate(shards):
        path = folder / f"part-{number}.parquet"
        names = dict.fromkeys(name for one in rows for name in one)
        table = pa.table({name: [one.get(name) for one in rows] for name in names})
        if "author" in table.column_names and table["author"].type == pa.null():
            table = table.set_column(
                table.column_names.index("author"), "author", table["author"].cast(pa.string())
            )
        pq.write_table(table, path)
        found.append(Shard(path.name, path))
    return tuple(found)


def documents(shards: Sequence[Shard], scratch: Path, seed: int = 0, **settings: Any) -> list[Rendered]:
    return list(render(shards, TokensConfig(**settings), seed, scratch))


def show(document: Rendered) -> str:
    return "".join(piece if isinstance(piece, str) else piece.decode() for piece in document.pieces)


@pytest.fixture(scope="module")
def tokenizer(
    data: dict[str, Path],
    train_tokenizer: Callable[..., JobContext],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    job = train_tokenizer(tmp_path_factory.mktemp("all"), data, special_tokens=CONTROLS)
    return {path.name: path for path in (job.out / "tokenizer").iterdir()}


@pytest.fixture
def encode(tokenizer: dict[str, Path], tmp_path: Path) -> Callable[..., TokenFiles]:
    """Renders and encodes shards as the component does: `encode(shards, **settings)`."""

    def run(shards: Sequence[Shard], **settings: Any) -> TokenFiles:
        given = {shard.name: shard.path for shard in shards}
        job = JobContext(
            TokensConfig(**settings), tmp_path / "job", {}, {"data": given, "tokenizer": tokenizer}
        )
        tokens.TokenWriter(job.config).run(job)
        files = {path.name: path for path in (job.out / "tokens").iterdir()}
        return open_tokens(JobContext(None, tmp_path, inputs={"tokens.0": files}))

    return run


def test_a_file_is_its_text_and_no_more(tmp_path: Path) -> None:
    shards = write(tmp_path, [row("a.py", "x = 1\n")])
    assert [d.pieces for d in documents(shards, tmp_path)] == [(b"x = 1\n",)]


def test_all_prefixes_stand_before_a_file(tmp_path: Path) -> None:
    shards = write(tmp_path, [row("src/a.py", "x = 1\n", stars=57), row("b.py", "y\n", stars=None)])
    found = documents(shards, tmp_path, prefixes={"repository": 1, "path": 1, "stars": 1})
    assert [show(d) for d in found] == [
        "<reponame>ada/tool<filename>src/a.py<gh_stars>10-100\nx = 1\n",
        "<reponame>ada/tool<filename>b.py\ny\n",
    ]


def test_each_prefix_is_left_out_on_its_own_and_for_good(tmp_path: Path) -> None:
    rows = [row(f"{number}.py", "x\n") for number in range(2000)]
    shares = {"repository": 0.2, "path": 0.5}
    whole = [show(d) for d in documents(write(tmp_path / "a", rows), tmp_path, prefixes=shares)]
    with_repository = ["<reponame>" in text for text in whole]
    with_path = ["<filename>" in text for text in whole]
    both = [a and b for a, b in zip(with_repository, with_path, strict=True)]
    assert [np.mean(part) for part in (with_repository, with_path, both)] == pytest.approx(
        [0.2, 0.5, 0.1], abs=0.04
    )
    # What stands before a document depends on none of the others.
    some = [show(d) for d in documents(write(tmp_path / "b", rows[7::5]), tmp_path, prefixes=shares)]
    assert some == whole[7::5]
    assert [show(d) for d in documents(write(tmp_path / "c", rows), tmp_path, 1, prefixes=shares)] != whole


def test_stars_are_told_by_their_class(tmp_path: Path) -> None:
    rows = [row(f"{n}.py", "", stars=n) for n in (0, 1, 9, 10, 99, 100, 999, 1000, 10**6)]
    found = [show(d) for d in documents(write(tmp_path, rows), tmp_path, prefixes={"stars": 1})]
    assert [text.removeprefix("<gh_stars>").strip() for text in found] == [
        "0", "1-10", "1-10", "10-100", "10-100", "100-1000", "100-1000", "1000+", "1000+",
    ]  # fmt: skip


def test_stars_may_come_from_the_metadata_of_repositories(tmp_path: Path) -> None:
    shards = write(tmp_path / "data", [row("a.py", "x"), row("b.py", "y", repository="new")])
    metadata = write(
        tmp_path / "metadata",
        [row("repository.json", "{}", stars=400), row("repository.json", "{}", repository="new", stars=None)],
    )
    job = JobContext(None, tmp_path, inputs={"metadata": {shard.name: shard.path for shard in metadata}})
    config = TokensConfig(prefixes={"stars": 1})
    found = [show(d) for d in render(shards, config, 0, tmp_path, read_stars(job))]
    assert found == ["<gh_stars>100-1000\nx", "y"]


def test_files_of_a_repository_stand_together_across_shards(tmp_path: Path) -> None:
    python = [row("a.py", "A\n"), row("o.py", "O\n", repository="other"), row("b.py", "B\n")]
    shards = write(tmp_path, python, [row("c.c", "C" * 9 + "\n", "C")])
    found = documents(shards, tmp_path, render="repository")
    assert len(found) == 2
    mine, other = (next(d for d in found if f"ada/{name}" in show(d)) for name in ("tool", "other"))
    assert show(other) == "<reponame>ada/other<filename>o.py\nO\n"
    parts = show(mine).removeprefix("<reponame>ada/tool<filename>").split("<filename>")
    assert sorted(parts) == ["a.py\nA\n", "b.py\nB\n", "c.c\n" + "C" * 9 + "\n"]
    assert mine.language == "C"


def test_the_order_of_files_follows_from_the_seed_and_not_from_the_shards(tmp_path: Path) -> None:
    rows = [row(f"{number}.py", f"{number}\n") for number in range(12)]
    first = documents(write(tmp_path / "a", rows), tmp_path, render="repository")
    second = documents(write(tmp_path / "b", rows[6:], rows[:6]), tmp_path, render="repository")
    other = documents(write(tmp_path / "a", rows), tmp_path, 5, render="repository")
    assert [show(d) for d in first] == [show(d) for d in second]
    assert [show(d) for d in first] != [show(d) for d in other]
    assert show(first[0]).count("<filename>") == 12


def test_a_long_repository_goes_on_in_another_document(tmp_path: Path) -> None:
    rows = [row(f"{number}.py", "x" * 40) for number in range(10)]
    found = documents(write(tmp_path, rows), tmp_path, render="repository", repositoryBytes=100)
    assert [show(d).count("<filename>") for d in found] == [2] * 5
    assert all(show(d).startswith("<reponame>ada/tool<filename>") for d in found)


def test_groups_are_the_same_however_much_fits_into_memory(tmp_path: Path) -> None:
    rows = [row(f"{n}.py", "x" * 200, repository=f"r{n % 7}", author="a") for n in range(100)]
    shards = write(tmp_path, rows[:50], rows[50:])

    def place(one: Row) -> tuple[Any, ...]:
        return (one.home, one.path)

    needs = ("host", "owner", "repository", "path", "author")
    whole = list(group_rows(shards, needs, place, tmp_path))
    parted = list(group_rows(shards, needs, place, tmp_path, in_memory=50))
    assert sorted(parted) == sorted(whole)
    assert len(whole) == 7
    assert not (tmp_path / "groups").exists()


def test_a_conversation_is_one_document_with_pseudonyms(tmp_path: Path) -> None:
    rows = [
        row("issues/7/comments/20", "Thanks <issue_closed>", author="user-1"),
        row("issues/7/comments/9", "Try again", author="user-2"),
        row("issues/7", "It breaks\n\nOn start.", author="user-1", closed=True),
        row("issues/12", "Only words", author=None, closed=False),
    ]
    found = documents(write(tmp_path, rows), tmp_path, render="issues")
    assert [show(d) for d in found] == [
        "<issue_start>Title: It breaks\nuser-1: On start.<issue_comment>user-2: Try again"
        "<issue_comment>user-1: Thanks <issue_closed><issue_closed>",
        "<issue_start>user: Only words",
    ]
    # What a person wrote stays text.
    assert [piece for piece in found[0].pieces if piece == "<issue_closed>"] == ["<issue_closed>"]
    assert found[0].pieces[-2] == b"user-1: Thanks <issue_closed>"


def test_a_conversation_without_its_first_message_has_no_title(tmp_path: Path) -> None:
    rows = [row("issues/3/comments/1", "First\n\nSecond", author="user-4")]
    (found,) = documents(write(tmp_path, rows), tmp_path, render="issues")
    assert show(found) == "<issue_start>user-4: First\n\nSecond"


def test_a_commit_is_a_document_for_each_file(tmp_path: Path) -> None:
    first, second = render_commit(DIFF)
    message = b"Fix the sum\n\nIt was off by one <commit_after>"
    assert first == (
        "src/a.py",
        (
            "<commit_before>", b"def add(a, b):\n    return a + b + 1\n# end\n\n-- a/dashes\n",
            "<commit_msg>", message,
            "<commit_after>", b"def add(a, b):\n    return a + b\n# end\n\n++ b/pluses\nmore\n",
        ),
    )  # fmt: skip
    assert second == ("new.txt", ("<commit_before>", "<commit_msg>", message, "<commit_after>", b"hello"))
    found = documents(
        write(tmp_path, [row("0" * 40, DIFF.decode())]), tmp_path, render="commits", prefixes={"path": 1}
    )
    assert [show(d).partition("<commit_before>")[0] for d in found] == [
        "<filename>src/a.py\n",
        "<filename>new.txt\n",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"Only a message",
        b"",
        b"Broken\n\ndiff --git a/x b/x\n@@ -1,9 +1,9 @@ cut",
        b"m\n\ndiff --git a/x b/x\n@@ -1 +1 @@\n\\ No",
    ],
)
def test_a_commit_without_a_readable_change_is_text(content: bytes) -> None:
    assert list(render_commit(content)) == [("", (content,))]


def test_cells_of_a_notebook_are_parted_by_control_tokens() -> None:
    text = (
        b"<jupyter_start><jupyter_text># T < jupyter_code><jupyter_code>1+1<jupyter_output>2<jupyter_code>x"
        b"<jupyter_output><empty_output>"
    )
    assert split_notebook(text) == (
        "<jupyter_start>", "<jupyter_text>", b"# T < jupyter_code>", "<jupyter_code>", b"1+1", "<jupyter_output>",
        b"2", "<jupyter_code>", b"x", "<jupyter_output>", "<empty_output>",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", [b"# <jupyter_code> in a script", b"<jupyter_start>", b"<jupyter_start>x<jupyter_code>"]
)
def test_what_the_notebook_renderer_did_not_write_is_text(text: bytes) -> None:
    assert split_notebook(text) == (text,)


def test_a_column_that_is_not_there_is_named(tmp_path: Path, write_shard: Callable[..., None]) -> None:
    write_shard(tmp_path / "a.parquet", [("x", "C")])
    shards = (Shard("a.parquet", tmp_path / "a.parquet"),)
    with pytest.raises(Problem, match=r"(?s)E106.*a\.parquet.*host"):
        documents(shards, tmp_path, render="repository")


def test_control_tokens_of_a_mode_have_to_be_known(
    data: dict[str, Path], tokenizer_files: dict[str, Path], tmp_path: Path
) -> None:
    config = TokensConfig(render="issues")
    job = JobContext(config, tmp_path, {}, {"data": data, "tokenizer": tokenizer_files})
    with pytest.raises(Problem, match=r"E106.*<issue_start>"):
        tokens.TokenWriter(config).run(job)


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({"prefixes": {"repository": 1, "path": 1}}, [row("a.py", "x = 1 <filename>b")]),
        ({"render": "repository"}, [row("a.py", "x <reponame>y"), row("b.py", "")]),
        ({"render": "issues"}, [row("issues/1", "T\n\n<issue_comment>no", author="user-1")]),
        ({"render": "commits"}, [row("0" * 40, DIFF.decode())]),
        ({"render": "notebooks"}, [row("a.ipynb", "<jupyter_start><jupyter_code>x<|endoftext|>")]),
    ],
    ids=["files", "repository", "issues", "commits", "notebooks"],
)
def test_control_ids_are_those_of_the_renderer_and_text_is_literal(
    settings: dict[str, Any],
    rows: list[dict[str, Any]],
    encode: Callable[..., TokenFiles],
    tokenizer: dict[str, Path],
    tmp_path: Path,
) -> None:
    shards = write(tmp_path / "data", rows)
    files = encode(shards, verifyEvery=1, threads=1, **settings)
    expected = documents(shards, tmp_path, **settings)
    vocabulary = Tokenizer.from_file(str(tokenizer["tokenizer.json"]))
    assert files.documents == len(expected)
    for number, document in enumerate(expected):
        start, stop = files.offsets[number], files.offsets[number + 1]
        ids = files.read(start, stop).tolist()
        assert vocabulary.decode(ids[:-1], skip_special_tokens=False) == show(document)
        given = [CONTROLS[i] for i in ids if i < len(CONTROLS)]
        assert given == [*(p for p in document.pieces if isinstance(p, str)), "<|endoftext|>"]
        assert files.starts(start, stop)[np.array(ids) < len(CONTROLS)].all()


class LyingEncoder:
    """Changes the last id of a text that it should not."""

    name = "lying"

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def encode(self, texts: Sequence[bytes]) -> Encoded:
        found = self.encoder.encode(texts)
        if any(b"Zw\xc3\xb6lf" in text for text in texts):
            found.ids[:] += 1
        return found


def test_an_encoder_that_differs_from_the_tokenizer_is_found(
    data: dict[str, Path],
    tokenizer: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens, "make_encoder", lambda *given: LyingEncoder(make_encoder(*given)))
    config = TokensConfig(verifyEvery=1, threads=2)
    job = JobContext(config, tmp_path, {}, {"data": data, "tokenizer": tokenizer})
    with pytest.raises(Problem, match=r"E813.*disagree on `part-\d\.parquet:\d+`"):
        tokens.TokenWriter(config).run(job)


def test_threads_and_the_gate_change_no_byte(
    data: dict[str, Path], encode: Callable[..., TokenFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = [Shard(name, path) for name, path in data.items()]
    one = encode(shards, threads=1, verifyEvery=1)
    whole = one.ids.tolist()
    monkeypatch.setattr(tokens, "_BATCH_BYTES", 3000)
    many = encode(shards, threads=3, verifyEvery=1000)
    assert many.ids.tolist() == whole
    assert many.header == one.header


def test_issue_paths_are_read() -> None:
    assert rendering_groups.number_of("issues/12") == (12, -1)
    assert rendering_groups.number_of("issues/12/comments/3") == (12, 3)
    assert rendering_groups.number_of("issues.md") == (-1, -1)
