"""`sources.git-commits` against real repositories made with git."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bigcode.testing.context import CollectContext
from bigcode_sources.commits import CommitsCollector
from bigcode_sources.config import CommitsConfig
from bigcode_sources.people import accounts_of, hide_mentions, is_bot, split_trailers

DAY = 86_400
MAY = 1_588_291_200
"""The first second of May 2020."""


def collector(tip: str, root: Path, **more: Any) -> CommitsCollector:
    repositories = [{"url": "origin", "commit": tip, "owner": "ann", "name": "demo"}]
    return CommitsCollector(
        CommitsConfig.model_validate({"repositories": repositories, "root": str(root), **more})
    )


def fetch(source: CommitsCollector, ctx: CollectContext) -> list[dict[str, Any]]:
    (unit,) = source.units()
    rows: list[dict[str, Any]] = source.fetch(unit, ctx).to_pylist()
    return rows


def write(
    repository: Any, message: str | bytes, when: int = MAY, who: str = "", **files: bytes | None
) -> str:
    """Commit a message at a time by a person `Name <mail>`; a file that is None goes away."""
    for key, content in files.items():
        path = repository.folder / key.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if content is None else path.write_bytes(content)
    repository.git("add", "-A")
    name, _, mail = (who or "Ann <ann@example.org>").rstrip(">").partition(" <")
    given = message if isinstance(message, bytes) else message.encode()
    repository.git(
        "commit", "-q", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "-F", "-", given=given,
        GIT_AUTHOR_NAME=name, GIT_AUTHOR_EMAIL=mail, GIT_AUTHOR_DATE=f"{when} +0000",
    )  # fmt: skip
    tip: str = repository.git("rev-parse", "HEAD")
    return tip


def test_a_commit_is_a_row_of_message_and_diff(repository: Any, ctx: CollectContext, tmp_path: Path) -> None:
    first = write(repository, "Start\n", a_DOT_py=b"x = 1\ny = 2\n")
    second = write(repository, "Make x larger\n\nIt was small.\n", MAY + 5, a_DOT_py=b"x = 9\ny = 2\n")
    rows = {r["path"]: r for r in fetch(collector(second, tmp_path), ctx)}
    assert set(rows) == {first, second}
    row = rows[second]
    assert (row["host"], row["owner"], row["repository"], row["revision"]) == ("git", "ann", "demo", second)
    assert (row["released"], row["authors"]) == (MAY + 5, ["ann@example.org"])
    assert row["content"] == (
        b"Make x larger\n\nIt was small.\n\ndiff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n"
        b"@@ -1,2 +1,2 @@\n-x = 1\n+x = 9\n y = 2\n"
    )
    assert b"new file mode 100644" in rows[first]["content"]
    assert ctx.omitted == {}
    assert list(ctx.scratch.iterdir()) == []


def test_people_leave_the_text_and_become_authors(
    repository: Any, ctx: CollectContext, tmp_path: Path
) -> None:
    message = (
        "Fix\n\nSee cc: below.\n\nSigned-off-by: Ann <ann@example.org>\n"
        "Co-authored-by: Bo <7+bo@users.noreply.github.com>\n"
        "co-authored-by: dependabot[bot] <1+dependabot[bot]@users.noreply.github.com>\nReviewed-By: Cy\n"
        "Cc: Di <di@example.org>\nFixes: #5\n"
    )
    tip = write(repository, message, a_DOT_py=b"x\n")
    (row,) = fetch(collector(tip, tmp_path), ctx)
    assert row["authors"] == ["ann@example.org", "7+bo@users.noreply.github.com", "bo"]
    assert row["content"].startswith(b"Fix\n\nSee cc: below.\n\nFixes: #5\n\ndiff ")


def test_merges_bots_and_what_says_or_changes_nothing_are_left_out_and_counted(
    repository: Any, ctx: CollectContext, tmp_path: Path
) -> None:
    kept = write(repository, "base", a_DOT_py=b"1\n")
    write(
        repository,
        "Bump",
        who="dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
        b=b"1\n",
    )
    write(repository, "Sync", who="Renovate Bot <bot@renovateapp.com>", b=b"2\n")
    write(repository, "", c=b"1\n")
    write(repository, "Signed-off-by: Ann <ann@example.org>", c=b"2\n")
    write(repository, "empty")
    write(repository, "x" * 999, d=b"2\n")
    repository.git("checkout", "-q", "-b", "side", kept)
    other = write(repository, "side", e=b"1\n")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    tip = repository.git("rev-parse", "HEAD")
    rows = fetch(collector(tip, tmp_path, messageBytes=500), ctx)
    assert {r["path"] for r in rows} == {kept, other}
    assert ctx.omitted == {
        "merge": 1, "bot": 2, "no-message": 2, "no-change": 1, "message-too-large": 1,
    }  # fmt: skip


def test_a_rename_is_followed(repository: Any, ctx: CollectContext, tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % n for n in range(40))
    write(repository, "one", old_DOT_py=text)
    tip = write(repository, "two", old_DOT_py=None, new_DOT_py=text.replace(b"line 7\n", b"seven\n"))
    content = next(r["content"] for r in fetch(collector(tip, tmp_path), ctx) if r["path"] == tip)
    assert b"rename from old.py\nrename to new.py\n" in content
    assert content.count(b"\n-") == 2  # the header and the one changed line


def test_days_and_count_bound_the_history(repository: Any, ctx: CollectContext, tmp_path: Path) -> None:
    tips = [write(repository, f"day {n}", MAY + n * DAY, a=b"%d\n" % n) for n in range(6)]
    window = collector(tips[-1], tmp_path, since="2020-05-02", until="2020-05-04")
    assert {r["path"] for r in fetch(window, ctx)} == set(tips[1:4])
    assert ctx.omitted == {"outside-dates": 3}
    ctx.omitted.clear()
    assert {r["path"] for r in fetch(collector(tips[-1], tmp_path, count=2), ctx)} == set(tips[-2:])
    assert ctx.omitted == {"over-count": 4}


def test_a_diff_over_its_size_is_left_out_and_never_held(
    repository: Any, ctx: CollectContext, tmp_path: Path
) -> None:
    small = write(repository, "small", a=b"x\n")
    write(repository, "one line", b=b"z" * 5_000_000)
    tip = write(repository, "many", c=b"y\n" * 100_000)
    assert [r["path"] for r in fetch(collector(tip, tmp_path, diffBytes="10kB"), ctx)] == [small]
    assert ctx.omitted == {"diff-too-large": 2}


def test_a_diff_shows_the_types_asked_for(repository: Any, ctx: CollectContext, tmp_path: Path) -> None:
    tip = write(
        repository,
        "both",
        a_DOT_py=b"x\n",
        lib__B_DOT_PY=b"y\n",
        data_DOT_csv=b"z\n",
        vendor__c_DOT_py=b"w\n",
    )
    write(repository, "data", data_DOT_csv=b"zz\n")
    last = repository.git("rev-parse", "HEAD")
    types = {"extensions": ["py"], "exclude": ["vendor/*"]}
    (row,) = fetch(collector(last, tmp_path, types=types), ctx)
    assert row["path"] == tip
    assert b"a/a.py" in row["content"]
    assert b"lib/B.PY" in row["content"]
    assert b"csv" not in row["content"]
    assert b"vendor" not in row["content"]
    assert ctx.omitted == {"no-change": 1}


def test_content_that_looks_like_the_next_commit_is_content(
    repository: Any, ctx: CollectContext, tmp_path: Path
) -> None:
    tip = write(repository, "trap", a=b"0" * 40 + b"\nindex 123\ndiff --git a/x b/x\n")
    (row,) = fetch(collector(tip, tmp_path), ctx)
    assert b"+" + b"0" * 40 + b"\n+index 123\n" in row["content"]


def test_text_in_another_encoding_is_read_and_binary_diffs_are_not(
    repository: Any, ctx: CollectContext, tmp_path: Path
) -> None:
    repository.git("config", "i18n.commitEncoding", "ISO-8859-1")
    latin = write(repository, "caf\u00e9".encode("latin-1"), a=b"x\n")
    tip = write(repository, "latin file", b=b"caf\xe9\n")
    rows = fetch(collector(tip, tmp_path), ctx)
    assert [r["path"] for r in rows] == [latin]
    assert rows[0]["content"].startswith("caf\u00e9\n\n".encode())
    assert ctx.omitted == {"binary": 1}


def test_a_repository_that_is_gone_is_a_failed_unit(ctx: CollectContext, tmp_path: Path) -> None:
    assert fetch(collector("0" * 40, tmp_path), ctx) == []
    assert ctx.failure == "gone"


def test_a_unit_is_known_by_its_tip_and_its_settings() -> None:
    (one,), (two,) = (
        collector("a" * 40, Path("/x")).units(),
        collector("a" * 40, Path("/y"), retries=9).units(),
    )
    assert one == two
    assert list(collector("a" * 40, Path("/x"), count=5).units()) != [one]
    with pytest.raises(ValidationError):
        collector("a" * 40, Path("/x"), since="2020-13-01")


def test_names_of_people_are_found_in_their_usual_places() -> None:
    assert accounts_of("7+bo@users.noreply.github.com") == ["7+bo@users.noreply.github.com", "bo"]
    assert accounts_of("bo@example.org") == ["bo@example.org"]
    assert accounts_of("") == []
    assert split_trailers("a\r\nReviewed-by: X\r\n") == ("a", [])
    patterns = CommitsConfig.model_fields["bots"].default
    assert [n for n in ("x[bot]", "my-bot", "Dependabot", "abbot", "robot", "botany") if is_bot([n], patterns)] == [
        "x[bot]", "my-bot", "Dependabot",
    ]  # fmt: skip
    assert hide_mentions("@ann and (@bo-x), mail a@b.org, @scope/pkg, x@y, @cy.") == (
        "@user and (@user), mail a@b.org, @scope/pkg, x@y, @user."
    )
    code = "Use `@property`:\n```py\n@dataclass\nclass A: ...\n```\n~~~\n@Override\n"
    assert hide_mentions(f"{code}~~~\n@ann") == f"{code}~~~\n@user"
    assert hide_mentions(code) == code
