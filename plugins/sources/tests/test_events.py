"""`sources.gharchive` and `sources.gharchive-issues` over archives that are written here."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bigcode.api import Problem
from bigcode.testing.context import CollectContext
from bigcode_sources.config_events import InventoryConfig, IssuesConfig
from bigcode_sources.inventory import InventoryCollector
from bigcode_sources.issues import IssuesCollector

NOON = 1_577_880_000
"""Noon of the first of January 2020."""


def event(kind: str, minute: int, repo: tuple[int, str] = (7, "ann/kit"), **payload: Any) -> dict[str, Any]:
    return {
        "id": str(minute), "type": kind, "actor": {"id": 1, "login": "somebody"},
        "repo": {"id": repo[0], "name": repo[1]}, "payload": payload, "created_at": f"2020-01-01T12:{minute:02d}:00Z",
    }  # fmt: skip


def issue(
    number: int = 1, body: str | None = "It does not work at all.", login: str = "bo", **more: Any
) -> dict[str, Any]:
    return {
        "number": number, "title": "Broken", "body": body, "user": {"login": login, "type": "User"},
        "created_at": "2020-01-01T11:00:00Z", "updated_at": "2020-01-01T11:00:00Z",
        "html_url": f"https://github.com/ann/kit/issues/{number}", **more,
    }  # fmt: skip


def comment(ident: int, body: str, login: str = "cy", **more: Any) -> dict[str, Any]:
    return {"id": ident, "body": body, "user": {"login": login}, "created_at": "2020-01-01T11:30:00Z", **more}


def write(path: Path, *events: Any) -> Path:
    lines = (e if isinstance(e, bytes) else json.dumps(e).encode() for e in events)
    path.write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0))
    return path


def inventory(root: Path, path: str = "*.json.gz", **more: Any) -> InventoryCollector:
    given = {"archives": [{"path": path}], "root": str(root), **more}
    return InventoryCollector(InventoryConfig.model_validate(given))


def issues(root: Path, **more: Any) -> IssuesCollector:
    given = {"archives": [{"path": "*.json.gz"}], "root": str(root), **more}
    return IssuesCollector(IssuesConfig.model_validate(given))


def fetch(source: InventoryCollector | IssuesCollector, ctx: CollectContext) -> list[dict[str, Any]]:
    (unit,) = source.units()
    rows: list[dict[str, Any]] = source.fetch(unit, ctx).to_pylist()
    return rows


def test_hours_are_merged_into_one_record_of_a_repository(tmp_path: Path, ctx: CollectContext) -> None:
    full = {
        "id": 7, "full_name": "ann/kit", "fork": False, "stargazers_count": 40, "forks_count": 3, "language": "Python",
        "license": {"spdx_id": "MIT"}, "created_at": "2019-01-01T00:00:00Z", "pushed_at": "2020-01-01T10:00:00Z",
        "owner": {"login": "ann"},
    }  # fmt: skip
    fork = {
        "id": 9,
        "full_name": "bo/kit",
        "fork": True,
        "language": None,
        "created_at": "2020-01-01T12:05:00Z",
    }
    write(
        tmp_path / "2020-01-01-12.json.gz",
        event("WatchEvent", 1),
        event("PushEvent", 2),
        event("WatchEvent", 3),
    )
    write(
        tmp_path / "2020-01-01-13.json.gz",
        event("ForkEvent", 5, forkee=fork),
        event("PullRequestEvent", 6, pull_request={"base": {"repo": full}}),
    )
    rows = fetch(inventory(tmp_path), ctx)
    assert [(r["host"], r["owner"], r["repository"], r["revision"], r["path"]) for r in rows] == [
        ("github.com", "ann", "kit", "7", "repository.json"),
        ("github.com", "bo", "kit", "9", "repository.json"),
    ]
    assert rows[0]["released"] == 1_546_300_800
    assert json.loads(rows[0]["content"]) == {
        "id": 7, "name": "ann/kit", "fork": False, "deleted": False, "stars": {"seen": 2, "told": 40},
        "forks": {"seen": 1, "told": 3}, "pushes": 1, "languages": ["Python"], "license": "MIT",
        "created": 1_546_300_800, "pushed": NOON + 120, "first_seen": NOON + 60, "last_seen": NOON + 360,
    }  # fmt: skip
    told = json.loads(rows[1]["content"])
    assert (told["fork"], told["parent"], told["created"]) == (True, "ann/kit", NOON + 300)
    assert b"somebody" not in rows[0]["content"] + rows[1]["content"]


def test_a_repository_is_followed_through_its_names(tmp_path: Path, ctx: CollectContext) -> None:
    write(
        tmp_path / "a.json.gz",
        event("PushEvent", 1, (7, "ann/old")),
        event("PushEvent", 2, (7, "ann/mid")),
        event("PushEvent", 3, (7, "eve/new")),
        event("PushEvent", 9, (8, "ann/old")),
        event("DeleteEvent", 9, (8, "ann/old"), ref_type="branch"),
        event("PushEvent", 1, (5, "eve/new")),
        event("DeleteEvent", 4, (4, "ann/gone"), ref_type="repository"),
    )
    rows = {int(r["revision"]): r for r in fetch(inventory(tmp_path), ctx)}
    told = {ident: json.loads(r["content"]) for ident, r in rows.items()}
    assert (rows[7]["owner"], told[7]["name"], told[7]["renamed_from"]) == (
        "eve",
        "eve/new",
        ["ann/old", "ann/mid"],
    )
    assert told[8]["name"] == "ann/old"
    assert "name_taken_by" not in told[7]
    assert told[5]["name_taken_by"] == 7
    assert [told[i]["deleted"] for i in (4, 7, 8)] == [True, False, False]


def test_what_is_broken_is_counted_and_the_rest_is_read(tmp_path: Path, ctx: CollectContext) -> None:
    first, second = event("WatchEvent", 1), event("WatchEvent", 2, (8, "bo/lib"))
    damaged = json.dumps(first).encode() + b"\0" * 1409 + json.dumps(second).encode()
    write(
        tmp_path / "a.json.gz", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, damaged, b"",
        event("WatchEvent", 3, (9, "no-slash")), {"type": "WatchEvent"}, event("WatchEvent", 4, (True, "a/b")),
    )  # fmt: skip
    rng = random.Random(1)
    many = [event("WatchEvent", 1, (n, f"o{n}/{rng.random()}")) for n in range(100, 400)]
    whole = write(tmp_path / "b.json.gz", *many).read_bytes()
    (tmp_path / "b.json.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "c.json.gz").write_bytes(b"")
    rows = fetch(inventory(tmp_path), ctx)
    assert {"7", "8"} < {r["revision"] for r in rows}
    assert 20 < len(rows) < 300
    assert ctx.omitted["broken-line"] in (4, 5)  # the cut may leave half a line
    assert (ctx.omitted["broken-archive"], ctx.omitted["no-name"]) == (1, 1)
    assert ctx.failure == ""


def test_the_answer_depends_on_no_order_and_no_memory(
    tmp_path: Path, ctx: CollectContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(5)
    kinds = ("WatchEvent", "PushEvent", "CreateEvent")
    events = [
        event(rng.choice(kinds), rng.randrange(60), (i := rng.randrange(40), f"o{i % 7}/r{rng.randrange(3)}"),
              ref_type="repository")
        for _ in range(500)
    ]  # fmt: skip
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    write(one / "a.json.gz", *events)
    rng.shuffle(events)
    for n in range(4):
        write(two / f"{n}.json.gz", *events[n::4])
    whole = fetch(inventory(one), ctx)
    monkeypatch.setattr("bigcode_sources.events.HELD", 5)
    source = inventory(two)
    assert fetch(source, ctx) == whole
    assert list(ctx.scratch.iterdir()) == []


def test_forks_and_repositories_of_few_stars_can_be_left_out(tmp_path: Path, ctx: CollectContext) -> None:
    write(
        tmp_path / "a.json.gz", event("WatchEvent", 1), event("WatchEvent", 2), event("PushEvent", 1, (8, "bo/lib")),
        event("ForkEvent", 5, forkee={"id": 9, "full_name": "bo/kit", "stargazers_count": 50}),
    )  # fmt: skip
    assert [r["revision"] for r in fetch(inventory(tmp_path, leastStars=2, forks=False), ctx)] == ["7"]
    assert ctx.omitted == {"few-stars": 1, "fork": 1}


def test_events_from_before_2015_are_read(tmp_path: Path, ctx: CollectContext) -> None:
    old = {
        "type": "WatchEvent", "actor": "somebody", "created_at": "2013-05-31T15:13:56-07:00", "payload": {},
        "repository": {"id": 3, "name": "kit", "owner": "ann", "fork": True, "language": "C"},
    }  # fmt: skip
    write(tmp_path / "a.json.gz", old)
    (row,) = fetch(inventory(tmp_path), ctx)
    told = json.loads(row["content"])
    assert (told["name"], told["fork"], told["languages"]) == ("ann/kit", True, ["C"])
    assert told["first_seen"] == 1_370_038_436


def test_a_window_is_known_by_its_content(tmp_path: Path, ctx: CollectContext) -> None:
    path = write(tmp_path / "a.json.gz", event("WatchEvent", 1))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    (here,) = inventory(tmp_path).units()
    assert here.identity["archives"] == [sha256]
    given = {"archives": [{"path": path.as_uri(), "sha256": sha256}]}
    remote = InventoryCollector(InventoryConfig.model_validate(given))
    assert list(remote.units()) == [here]
    assert len(fetch(remote, ctx)) == 1
    assert list(ctx.kept) == [sha256]


def test_an_archive_that_is_gone_fails_the_window_and_an_altered_one_ends_the_run(
    tmp_path: Path, ctx: CollectContext
) -> None:
    given = {"archives": [{"path": "memory://none.json.gz", "sha256": "0" * 64}]}
    assert fetch(InventoryCollector(InventoryConfig.model_validate(given)), ctx) == []
    assert ctx.failure
    write(tmp_path / "a.json.gz", event("WatchEvent", 1))
    pinned = {"archives": [{"path": "a.json.gz", "sha256": "0" * 64}], "root": str(tmp_path)}
    with pytest.raises(Problem, match="E702"):
        fetch(IssuesCollector(IssuesConfig.model_validate(pinned)), ctx)


def test_issues_and_comments_become_messages(tmp_path: Path, ctx: CollectContext) -> None:
    write(
        tmp_path / "a.json.gz",
        event("IssuesEvent", 1, action="opened", issue=issue()),
        event(
            "IssueCommentEvent",
            2,
            action="created",
            issue=issue(),
            comment=comment(55, "Thanks @bo, see a@b.org"),
        ),
    )
    rows = fetch(issues(tmp_path), ctx)
    assert [(r["owner"], r["repository"], r["revision"], r["path"], r["authors"]) for r in rows] == [
        ("ann", "kit", "7", "issues/1", ["bo"]),
        ("ann", "kit", "7", "issues/1/comments/55", ["cy"]),
    ]
    assert rows[0]["content"] == b"Broken\n\nIt does not work at all."
    assert rows[0]["released"] == NOON - 3600
    assert rows[1]["content"] == b"Thanks @user, see a@b.org"
    assert fetch(issues(tmp_path, mentions=True), ctx)[1]["content"].startswith(b"Thanks @bo")


def test_the_last_version_under_the_last_name_counts(tmp_path: Path, ctx: CollectContext) -> None:
    edited = issue(body="It works after all, sorry.", updated_at="2020-01-01T12:10:00Z")
    talk = issue(2)
    write(
        tmp_path / "a.json.gz",
        event("IssuesEvent", 10, (7, "eve/new"), action="edited", issue=edited),
        event("IssuesEvent", 1, action="opened", issue=issue()),
        event(
            "IssueCommentEvent",
            2,
            action="created",
            issue=talk,
            comment=comment(56, "A comment to stay away."),
        ),
        event(
            "IssueCommentEvent",
            3,
            action="deleted",
            issue=talk,
            comment=comment(56, "A comment to stay away."),
        ),
    )
    rows = fetch(issues(tmp_path), ctx)
    assert [(r["owner"], r["path"]) for r in rows] == [("eve", "issues/1"), ("eve", "issues/2")]
    assert b"after all" in rows[0]["content"]
    assert ctx.omitted == {"deleted": 1}


def test_machines_pull_requests_and_what_says_too_little_or_too_much_are_counted(
    tmp_path: Path, ctx: CollectContext
) -> None:
    pull = issue(9, pull_request={"url": "x"})
    told = [
        issue(1, login="dependabot[bot]"), issue(2, login="my-bot"), issue(3, login="k8s-ci-robot"),
        issue(4, body=None), issue(5, body=" \r\n "), issue(6, body="?", title="x"), issue(7, body="y" * 20_000),
        issue(8, user={"login": "quiet", "type": "Bot"}), issue(10, body="nul \0 inside the text"),
        issue(11, user=None), issue(12, body="half \ud800 of a pair"),
    ]  # fmt: skip
    write(
        tmp_path / "a.json.gz",
        *(event("IssuesEvent", 1, action="opened", issue=i) for i in told),
        *(event("IssuesEvent", 2, action="closed", issue=i) for i in told),
        event("PullRequestEvent", 3, pull_request={}),
        event("PullRequestReviewCommentEvent", 3, comment=comment(1, "a review comment")),
        event("IssueCommentEvent", 3, issue=pull, comment=comment(2, "on a pull request")),
        event("IssuesEvent", 3, issue="nothing"),
    )
    rows = fetch(issues(tmp_path), ctx)
    assert [(r["path"], r["authors"]) for r in rows] == [("issues/11", [])]
    assert ctx.omitted == {
        "bot": 4, "empty": 2, "too-short": 1, "too-large": 1, "binary": 2, "pull-request": 3, "broken-event": 1,
    }  # fmt: skip


odd = st.sampled_from(
    [
        None,
        True,
        -1,
        10**40,
        1.5,
        "",
        "x",
        "a/b",
        "\ud800/\ud800",
        "a\0/b",
        [],
        [1],
        {},
        {"id": 7},
        "9999-12-31T23:59:59-14:00",
    ]
)


@given(st.lists(st.tuples(st.integers(0, 999), odd), max_size=6))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_event_that_somebody_made_up_ends_the_run(tmp_path: Path, changes: list[tuple[int, Any]]) -> None:
    full = {
        "id": 9,
        "full_name": "bo/kit",
        "fork": True,
        "language": "C",
        "license": {"spdx_id": "MIT"},
        "owner": "bo",
    }
    events = [
        event("ForkEvent", 1, forkee=full),
        event("PullRequestEvent", 2, pull_request={"base": {"repo": {**full, "id": 7}}}),
        event("CreateEvent", 3, ref_type="repository"),
        event(
            "IssueCommentEvent", 4, action="created", issue=issue(), comment=comment(5, "Some words of text.")
        ),
        {"type": "WatchEvent", "created_at": "2013-05-31T15:13:56-07:00", "repository": {**full, "id": 3}},
    ]
    spots = [(d, k) for e in events for d in _dicts(e) for k in d]
    for at, value in changes:
        holder, key = spots[at % len(spots)]
        holder[key] = value
    write(tmp_path / "a.json.gz", *events)
    for source in (inventory(tmp_path), issues(tmp_path)):
        ctx = CollectContext(scratch=tmp_path)
        fetch(source, ctx)
        assert ctx.failure == ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        return []
    return [value, *(inner for item in value.values() for inner in _dicts(item))]
