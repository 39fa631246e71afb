"""Requests as people send them become entries; what is no plain name waits for a person, told by its number."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from workspaces import edit_spec

from bigcode.cli import run
from bigcode.evidence.optout_counts import withhold
from bigcode.evidence.optout_list import entry_key
from bigcode.evidence.requests import Requests, looks_like_records, read_requests

LIST = "optouts/list.json"
ME = "Zqx-Writer"


def read(*records: Any, **more: Any) -> Requests:
    return read_requests("\n".join(json.dumps(record) for record in records), **more)


def asked(*records: Any, **more: Any) -> list[tuple[str, str, int]]:
    """Scope, value and level of the entries."""
    return [(e["scope"], e["value"], e.get("level", 1)) for e in read(*records, **more).entries]


def reasons(*records: Any, **more: Any) -> list[tuple[int, str, str]]:
    return [(f.record, f.outcome, f.reason) for f in read(*records, **more).findings]


def decision(owners: list[str], repositories: list[str], author: str = ME, issue: int = 1) -> dict[str, Any]:
    return {"issue": issue, "author": author, "optout_repos": repositories, "optout_owners": owners}


def old_issue(*items: str, author: str = ME) -> dict[str, Any]:
    lines = "\n".join(f" - {item}" for item in items)
    return {
        "number": 7,
        "user": {"login": author},
        "created_at": "2026-03-04T05:06:07Z",
        "title": "Opt-out request",
        "body": f"I request that the following data is removed from The Stack:\r\n\r\n{lines}\r\n",
    }


def form(
    accounts: str = "_No response_", repositories: str = "_No response_", notes: str = "_No response_"
) -> dict[str, Any]:
    body = (
        f"### Accounts and organizations to remove ENTIRELY\n\n{accounts}\n\n"
        f"### Specific repositories to remove\n\n{repositories}\n\n"
        "### Optional - your relationship to what you listed\n\n- [X] These are my own personal account(s).\n\n"
        f"### Anything else? (optional)\n\n{notes}\n"
    )
    return {"number": 8, "user": {"login": ME}, "body": body, "labels": []}


# ---------------------------------------------------------------- decisions


def test_a_decision_names_owners_and_repositories_and_whose_account_asked() -> None:
    found = asked(decision([ME.lower(), "zqx-org"], [f"{ME}/tool", "zqx-org/kit"]))
    assert found == [
        ("owner", "zqx-writer", 1),
        ("owner", "zqx-org", 0),
        ("repository", "Zqx-Writer/tool", 1),
        ("repository", "zqx-org/kit", 0),
    ]


def test_commits_beside_all_is_a_scope_and_no_repository() -> None:
    assert asked(decision([], ["all", "Commits", "GitHub issue", f"{ME}/tool"])) == [
        ("owner", ME, 1),
        ("commit-author", ME, 1),
        ("issue-author", ME, 1),
        ("repository", f"{ME}/tool", 1),
    ]


def test_a_tagged_question_waits_and_what_it_lists_is_taken_at_its_word() -> None:
    records = (decision([ME], [], issue=3), {"issue": 3, "tag": "question"})
    assert reasons(*records) == [(1, "review", "question")]
    assert asked(*records) == [("owner", ME, 1)]
    assert read(*records).records == 1


# ---------------------------------------------------------------- issues


def test_the_old_template_lists_what_is_to_go() -> None:
    found = read(
        old_issue("Commits", "GitHub issue", f"`{ME}/tool`", f"https://github.com/{ME}/kit.git", "...")
    )
    assert [(e["scope"], e["value"]) for e in found.entries] == [
        ("commit-author", ME),
        ("issue-author", ME),
        ("repository", f"{ME}/tool"),
        ("repository", f"{ME}/kit"),
    ]
    assert {e["since"] for e in found.entries} == {"2026-03-04"}
    assert found.findings == []


def test_the_form_lists_accounts_and_repositories_a_line_each() -> None:
    record = form(
        accounts=f"{ME}\n@zqx-old, zqx-org\nhttps://github.com/zqx-two/", repositories="zqx-other/tool"
    )
    assert asked(record) == [
        ("owner", ME, 1),
        ("owner", "zqx-old", 0),
        ("owner", "zqx-org", 0),
        ("owner", "zqx-two", 0),
        ("repository", "zqx-other/tool", 0),
    ]
    assert reasons(record) == []


def test_all_repositories_of_the_form_is_the_account() -> None:
    assert asked(form(repositories="all")) == [("owner", ME, 1)]
    assert asked(form(repositories=f"{ME}/*")) == [("owner", ME, 1)]


@pytest.mark.parametrize(
    ("record", "outcome", "reason"),
    [
        (old_issue("all", author=""), "review", "no-author"),
        (old_issue("everything that I ever wrote"), "review", "free-text"),
        (old_issue("some-tool"), "review", "no-owner"),
        (old_issue("USERNAME/REPO_1", "..."), "refused", "empty"),
        (old_issue("https://other.example/zqx/tool"), "review", "free-text"),
        (form(), "refused", "empty"),
        (form(accounts=ME, notes="My earlier request was not honoured."), "review", "notes"),
        (form(accounts="zqx and zqx-two"), "review", "free-text"),
        ({"body": "Take all my code out.", "user": {"login": ME}}, "review", "free-text"),
        ({"body": "", "pull_request": {"url": "x"}}, "refused", "pull-request"),
        ({"colour": "green"}, "refused", "not-a-record"),
        (["zqx"], "refused", "not-a-record"),
        (decision([], []), "refused", "empty"),
        ({"scope": "repository", "value": "zqx"}, "refused", "form"),
        ({"from": "zqx", "to": "zqx/tool"}, "refused", "form"),
        ({**old_issue("all"), "labels": [{"name": "question"}]}, "review", "question"),
    ],
)
def test_what_is_no_plain_request_is_told_with_its_number_and_why(
    record: Any, outcome: str, reason: str
) -> None:
    assert reasons(decision([ME], []), record) == [(2, outcome, reason)]


def test_a_line_that_is_no_json_is_one_finding_and_ends_nothing() -> None:
    text = "\n".join([json.dumps(decision([ME], [])), "{", "", json.dumps(decision(["zqx"], []))])
    found = read_requests(text)
    assert [(f.record, f.reason) for f in found.findings] == [(2, "not-json")]
    assert (len(found.entries), found.records) == (2, 3)
    assert found.outcomes() == {"accepted": 2, "review": {}, "refused": {"not-json": 1}}


# ---------------------------------------------------------------- typed entries


def test_typed_entries_and_renames_are_taken_as_they_are() -> None:
    entry = {"scope": "blob", "value": "ab" * 20, "host": "", "level": 4, "kind": "tombstone"}
    found = read(entry, {"from": "zqx", "to": "zqx-two", "host": "forge.example"}, host="other.example")
    assert found.entries == [entry]
    assert found.renames == [{"host": "forge.example", "from": "zqx", "to": "zqx-two"}]


def test_a_scope_that_the_spec_does_not_count_waits() -> None:
    record = decision([], ["all", "Commits"])
    assert reasons(record, scopes=("owner",)) == [(1, "review", "scope")]
    assert asked(record, scopes=("owner",)) == [("owner", ME, 1)]


def test_only_a_later_request_asks_anew_for_what_was_withdrawn() -> None:
    withdrawn = {entry_key({"scope": "owner", "value": ME}): "2026-03-04"}
    assert reasons(decision([ME], []), withdrawn=withdrawn) == [(1, "review", "withdrawn")]
    assert reasons(old_issue("all"), withdrawn=withdrawn) == [(1, "review", "withdrawn")]
    assert asked({**old_issue("all"), "created_at": "2026-03-05"}, withdrawn=withdrawn) == [("owner", ME, 1)]


def test_records_are_told_from_names() -> None:
    assert looks_like_records('\ufeff\n {"issue": 1}')
    assert looks_like_records("[]")
    assert not looks_like_records("zqx\n{")


def test_ten_thousand_requests_are_read_in_seconds() -> None:
    records = [decision([f"zqx-{n}"], ["all", f"zqx-{n}/tool"], f"zqx-{n}", n) for n in range(5000)]
    records += [old_issue("Commits", f"zqx-{n}/kit", author=f"zqx-{n}") for n in range(5000)]
    text = "\n".join(json.dumps(record) for record in records)
    start = time.process_time()
    found = read_requests(text)
    assert time.process_time() - start < 5
    assert (found.records, len(found.entries), found.findings) == (10_000, 25_000, [])


# ---------------------------------------------------------------- the command


def imported(
    space: Path, capsys: pytest.CaptureFixture[str], *records: Any, more: tuple[str, ...] = ()
) -> Any:
    file = space.parent / "requests.jsonl"
    file.write_text("\n".join(json.dumps(record) for record in records))
    capsys.readouterr()
    assert run(["optout", "import", str(space), str(file), *more]) == 0
    return capsys.readouterr()


def test_records_are_imported_and_summed_up_without_a_name(
    blank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = (decision([ME], [f"{ME}/tool"]), old_issue("some-tool"), {"colour": "zqx"})
    done = imported(blank, capsys, *records)
    assert done.err.splitlines() == [
        "E404  question: record 2 waits for a person: a name stands where a repository is asked for, "
        "without its owner",
        "E404  warning: record 3 is refused: it is no record of a known shape",
    ]
    assert done.out.splitlines()[:4] == [
        "accepted: 1 of 3 records",
        "waiting for a person: 1 no-owner",
        "refused: 1 not-a-record",
        "OptOutSnapshot/list@1.0.0: 2 entries added, 2 in all.",
    ]
    assert ME.lower() not in (done.out + done.err).lower()
    again = imported(blank, capsys, *records, more=("--json",))
    document = json.loads(again.out)
    assert (document["added"], document["entries"], document["records"]) == (0, 2, 3)
    assert (document["accepted"], document["review"], document["refused"]) == (
        1,
        {"no-owner": 1},
        {"not-a-record": 1},
    )
    assert len(document["diagnostics"]) == 2


def test_an_import_does_not_undo_a_withdrawal(blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported(blank, capsys, decision([ME], []))
    assert run(["optout", "remove", str(blank), ME, "--withdrawn", "2026-06-01"]) == 0
    assert "withdrawn since" in imported(blank, capsys, decision([ME], [])).err
    assert json.loads((blank / LIST).read_text())["entries"][0]["withdrawn"] == "2026-06-01"


def test_scopes_of_records_wait_where_the_spec_counts_owners_alone(
    blank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_spec(blank / "optout.yaml", "scopes", value=["owner"])
    done = imported(blank, capsys, old_issue("all", "Commits"), more=("--host", "github.com"))
    assert "record 1 waits for a person: it asks for a scope that the spec does not count" in done.err
    assert json.loads((blank / LIST).read_text())["entries"] == [
        {"scope": "owner", "value": ME, "host": "github.com", "since": "2026-03-04"}
    ]


# ---------------------------------------------------------------- counts that tell too much


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({}, {}),
        ({"a": 0, "b": 9}, {"a": 0, "b": 9}),
        ({"a": 1}, {"a": "withheld"}),
        ({"a": 1, "b": 9, "c": 12}, {"a": "withheld", "b": "withheld", "c": 12}),
        ({"a": 1, "b": 1, "c": 9, "d": 12}, {"a": "withheld", "b": "withheld", "c": "withheld", "d": 12}),
        ({"a": 4, "b": 4, "c": 9}, {"a": "withheld", "b": "withheld", "c": 9}),
    ],
)
def test_small_counts_and_those_that_would_tell_them_are_withheld(counts: dict[str, int], told: Any) -> None:
    assert withhold(counts, 5) == told
