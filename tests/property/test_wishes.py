"""The rows that a list names, against a loop that reads like the rules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.decide.wishes import NOT_OPTED_IN, SCOPES, Named, compile_wishes, count_rows, match

Row = Mapping[str, Any]
Entry = Mapping[str, Any]

SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("host", "owner", "repository", "path", "blob", "git_sha1")]
    + [("authors", pa.list_(pa.string()))]
)


def table_of(rows: Sequence[Row]) -> pa.Table:
    whole = {"path": "a.py", "blob": "0" * 64, "git_sha1": "0" * 40, "authors": [], "host": "forge"}
    return pa.Table.from_pylist([{**whole, **row} for row in rows], schema=SCHEMA)


def a_list(*entries: Entry, renames: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    return {"entries": list(entries), "renames": list(renames)}


def found(
    rows: Sequence[Row], *entries: Entry, renames: Sequence[Mapping[str, str]] = (), **policy: Any
) -> list[str]:
    """Reasons of rows under a list."""
    named = match(table_of(rows), compile_wishes(a_list(*entries, renames=renames), **policy))
    return reasons_of(named)


def reasons_of(named: Named) -> list[str]:
    reasons: list[str] = named.reasons.to_pylist()
    assert named.rows.tolist() == [index for index, reason in enumerate(reasons) if reason]
    return [reason.removeprefix("optout.") for reason in reasons]


def entry(scope: str, value: str, **more: Any) -> Entry:
    return {"scope": scope, "value": value, "host": "", **more}


# ---------------------------------------------------------------- the reference: one row, one entry, one rule


def case(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def name(text: str, host: str) -> str:
    return re.sub(r"[-_.]+", "-", case(text)) if case(host) == "pypi" else case(text)


def called(start: str, host: str, renames: Sequence[Mapping[str, str]]) -> set[str]:
    """All names of one owner or repository on one host."""
    names = {name(start, host)}
    while True:
        more = set(names)
        for rename in renames:
            if case(rename["host"]) not in ("", case(host)):
                continue
            ends = name(rename["from"], host), name(rename["to"], host)
            for one, other in (ends, ends[::-1]):
                for known in names:
                    if known == one:
                        more.add(other)
                    elif known.rpartition("/")[0] == one:
                        more.add(f"{other}/{known.rpartition('/')[2]}")
        if more == names:
            return names
        names = more


def names_row(wish: Entry, row: Row, renames: Sequence[Mapping[str, str]]) -> bool:
    host = row["host"]
    if case(wish["host"]) not in ("", case(host)):
        return False
    scope, value = wish["scope"], wish["value"]
    if scope == "owner":
        return name(row["owner"], host) in called(value, host, renames)
    whole = name(f"{row['owner']}/{row['repository']}", host)
    if scope == "repository":
        return whole in called(value, host, renames)
    if scope == "path":
        inside, _, folder = value.partition(":")
        return whole in called(inside, host, renames) and f"{case(row['path'])}/".startswith(
            f"{case(folder)}/"
        )
    if scope == "blob":
        return case(value) in (row["blob"], row["git_sha1"])
    if row["path"].startswith("issues/") != (scope == "issue-author"):
        return False
    aliases = {case(author) for author in row["authors"]}
    aliases |= {re.sub(r"^(\d+\+)?([^@+]+)@users\.noreply\.github\.com$", r"\2", alias) for alias in aliases}
    return case(value) in aliases


def judged(
    rows: Sequence[Row], content: Mapping[str, Any], scopes: Sequence[str], least: int, consent: str
) -> list[str]:
    counting = [
        e
        for e in content["entries"]
        if e["scope"] in scopes
        and (e["kind"] == "tombstone" or (not e.get("withdrawn") and e["level"] >= least))
    ]
    reasons = []
    for row in rows:
        named = [e for e in counting if names_row(e, row, content["renames"])]
        denied = [e["scope"] for e in named if e["kind"] != "opt-in"]
        if denied:
            reasons.append(min(denied, key=SCOPES.index))
        elif consent == "opt_in" and not named:
            reasons.append("not-opted-in")
        else:
            reasons.append("")
    return reasons


# ---------------------------------------------------------------- properties

HOSTS = ("forge", "Forge", "pypi", "other")
OWNERS = ("ann", "Ann", "a_n.n", "A-n-n", "bob", "straße", "STRASSE", "group/sub")
REPOSITORIES = ("one", "One", "t_w.o", "t-w-o")
PATHS = ("a.py", "src/a.py", "SRC/deep/b.py", "src", "issues/7", "issues/7/comments/9", "0" * 40)
AUTHORS = ("ann", "Ann@Mail.example", "7+ann@users.noreply.github.com", "bob", "BOB@users.noreply.github.com")
BLOBS = tuple(f"{number:064x}" for number in range(3))

rows = st.lists(
    st.fixed_dictionaries(
        {
            "host": st.sampled_from(HOSTS),
            "owner": st.sampled_from(OWNERS),
            "repository": st.sampled_from(REPOSITORIES),
            "path": st.sampled_from(PATHS),
            "blob": st.sampled_from(BLOBS),
            "git_sha1": st.sampled_from([blob[24:] for blob in BLOBS]),
            "authors": st.lists(st.sampled_from(AUTHORS), max_size=3),
        }
    ),
    max_size=12,
)
owners = st.sampled_from(OWNERS[:-1])
repositories = st.builds("{}/{}".format, st.sampled_from(OWNERS), st.sampled_from(REPOSITORIES))
scoped = st.one_of(
    st.tuples(st.just("owner"), owners),
    st.tuples(st.just("repository"), repositories),
    st.tuples(st.just("path"), st.builds("{}:{}".format, repositories, st.sampled_from(PATHS))),
    st.tuples(st.just("blob"), st.sampled_from([*BLOBS, *(blob[24:] for blob in BLOBS)])),
    st.tuples(st.just("commit-author"), st.sampled_from(AUTHORS)),
    st.tuples(st.just("issue-author"), st.sampled_from(AUTHORS[:2])),
)
hosts = st.sampled_from(["", "", "FORGE", "PyPI"])
entries = st.lists(
    st.builds(
        lambda scoped, host, level, kind, withdrawn: entry(
            *scoped, host=host, level=level, kind=kind, **({"withdrawn": "2026-01-01"} if withdrawn else {})
        ),
        scoped,
        hosts,
        st.integers(0, 5),
        st.sampled_from(["wish", "wish", "tombstone", "opt-in"]),
        st.booleans(),
    ),
    max_size=6,
)
renames = st.lists(
    st.builds(
        lambda ends, host: {"from": ends[0], "to": ends[1], "host": host},
        st.one_of(st.tuples(owners, owners), st.tuples(repositories, repositories)),
        hosts,
    ),
    max_size=4,
)


def noreply_free(content: Mapping[str, Any]) -> dict[str, Any]:
    """The list whose addresses of accounts are those accounts: what an entry of that form stands for."""
    spelt = [
        {**e, "value": re.sub(r"^(\d+\+)?([^@+]+)@users\.noreply\.github\.com$", r"\2", case(e["value"]))}
        if e["scope"].endswith("author")
        else e
        for e in content["entries"]
    ]
    return {**content, "entries": spelt}


@settings(max_examples=400)
@given(
    rows=rows,
    entries=entries,
    renames=renames,
    scopes=st.sets(st.sampled_from(SCOPES)).map(sorted),
    least=st.integers(0, 2),
    consent=st.sampled_from(["opt_out", "opt_in"]),
    form=st.sampled_from(["plain", "dictionary", "chunks"]),
)
def test_whole_columns_are_judged_as_one_row_at_a_time(
    rows: list[Row], entries: list[Entry], renames: list[dict[str, str]], scopes: list[str], least: int,
    consent: Any, form: str,
) -> None:  # fmt: skip
    table = table_of(rows)
    if form == "dictionary":
        for column in ("host", "owner", "repository"):
            position = table.schema.get_field_index(column)
            table = table.set_column(position, column, table[column].dictionary_encode())
    elif form == "chunks":
        table = pa.concat_tables([table.slice(start, 1) for start in range(len(rows))] or [table])
    content = a_list(*entries, renames=renames)
    wishes = compile_wishes(content, min_levels=dict.fromkeys(SCOPES, least), consent=consent)
    assert reasons_of(match(table, wishes, scopes)) == judged(
        rows, noreply_free(content), scopes, least, consent
    )


@settings(max_examples=200)
@given(rows=rows, entries=entries, renames=renames, cut=st.integers(0, 12))
def test_each_entry_is_told_how_many_rows_it_names(
    rows: list[Row], entries: list[Entry], renames: list[dict[str, str]], cut: int
) -> None:
    content = a_list(*entries, renames=renames)
    spelt = noreply_free(content)
    counts = count_rows([table_of(rows[:cut]), table_of(rows[cut:])], content)
    assert counts.dtype == np.int64
    assert counts.tolist() == [sum(names_row(e, row, renames) for row in rows) for e in spelt["entries"]]


@settings(max_examples=100)
@given(rows=rows, entries=entries, renames=renames, order=st.randoms(use_true_random=False))
def test_the_order_of_entries_and_renames_decides_nothing(
    rows: list[Row], entries: list[Entry], renames: list[dict[str, str]], order: Any
) -> None:
    before = found(rows, *entries, renames=renames, consent="opt_in")
    order.shuffle(entries)
    order.shuffle(renames)
    assert found(rows, *entries, renames=renames, consent="opt_in") == before


@settings(max_examples=100)
@given(rows=rows, entries=entries, one_more=scoped, renames=renames)
def test_one_more_wish_never_brings_a_row_back(
    rows: list[Row], entries: list[Entry], one_more: tuple[str, str], renames: list[dict[str, str]]
) -> None:
    before = found(rows, *entries, renames=renames)
    after = found(rows, *entries, entry(*one_more), renames=renames)
    assert all(new for old, new in zip(before, after, strict=True) if old)


# ---------------------------------------------------------------- rules by example


def row(owner: str, repository: str = "tool", **more: Any) -> Row:
    return {"owner": owner, "repository": repository, **more}


def test_letters_case_and_organisations_do_not_matter() -> None:
    assert found([row("Some-Org"), row("some-org2")], entry("owner", "SOME-org")) == ["owner", ""]


@pytest.mark.parametrize("listed", ["old", "middle", "new", "NEW"])
def test_an_owner_is_known_by_all_old_and_new_names(listed: str) -> None:
    chain = [{"host": "", "from": "old", "to": "middle"}, {"host": "", "from": "middle", "to": "New"}]
    circle = [*chain, {"host": "", "from": "new", "to": "old"}]
    rows = [row("old"), row("Middle"), row("new"), row("other")]
    for renames in (chain, circle):
        assert found(rows, entry("owner", listed), renames=renames) == ["owner"] * 3 + [""]
        assert found(rows, entry("repository", f"{listed}/tool"), renames=renames) == ["repository"] * 3 + [
            ""
        ]
        assert found(rows, entry("path", f"{listed}/tool:A.PY"), renames=renames) == ["path"] * 3 + [""]


def test_a_rename_on_one_host_says_nothing_of_another() -> None:
    renames = [{"host": "forge", "from": "old", "to": "new"}]
    rows = [row("new"), row("new", host="other"), row("old", host="other")]
    assert found(rows, entry("owner", "old"), renames=renames) == ["owner", "", "owner"]
    assert found(rows, entry("owner", "old", host="other"), renames=renames) == ["", "", "owner"]


def test_a_repository_that_moved_to_another_owner_is_known_at_both() -> None:
    renames = [{"host": "", "from": "ann/tool", "to": "bob/kit"}]
    rows = [row("ann"), row("bob", "kit"), row("bob"), row("ann", "kit")]
    assert found(rows, entry("repository", "ann/tool"), renames=renames) == [
        "repository",
        "repository",
        "",
        "",
    ]
    assert found(rows, entry("owner", "ann"), renames=renames) == ["owner", "", "", "owner"], (
        "what belongs to somebody else now is theirs"
    )


def test_who_deleted_the_account_is_still_out_under_the_old_name() -> None:
    assert found([row("gone"), row("here")], entry("owner", "gone", kind="tombstone", level=0)) == [
        "owner",
        "",
    ]


def test_authors_are_known_by_login_and_by_address() -> None:
    commit, issue = "f" * 40, "issues/3"
    rows = [
        row("x", path=commit, authors=["Ann@Mail.example"]),
        row("x", path=commit, authors=["bob", "9+Ann@users.noreply.github.com"]),
        row("x", path=issue, authors=["ann"]),
        row("ann"),
    ]
    assert found(rows, entry("commit-author", "ann")) == ["", "commit-author", "", ""]
    assert found(rows, entry("commit-author", "ann@mail.EXAMPLE")) == ["commit-author", "", "", ""]
    assert found(rows, entry("issue-author", "Ann")) == ["", "", "issue-author", ""]


def test_the_first_scope_is_the_reason() -> None:
    wishes = [entry("blob", "0" * 64), entry("path", "ann/tool:a.py"), entry("repository", "ann/tool")]
    assert found([row("ann"), row("bob")], *wishes) == ["repository", "blob"]


def test_entries_below_the_level_wait_and_are_counted() -> None:
    content = a_list(entry("owner", "ann", level=0), entry("owner", "bob", level=2), entry("owner", "cyd"))
    wishes = compile_wishes(content, min_levels={"owner": 2})
    assert (wishes.honoured, wishes.pending) == ({"owner": 1}, {"owner": 2})
    assert reasons_of(match(table_of([row("ann"), row("bob"), row("cyd")]), wishes)) == ["", "owner", ""]


def test_where_grants_are_asked_for_only_what_was_granted_stays() -> None:
    grants = [entry("owner", "ann", kind="opt-in"), entry("repository", "bob/tool", kind="opt-in")]
    rows = [row("ann"), row("bob"), row("bob", "kit"), row("cyd")]
    assert found(rows, *grants, consent="opt_in") == ["", "", "not-opted-in", "not-opted-in"]
    assert found(rows, consent="opt_in") == ["not-opted-in"] * 4
    assert found(rows, *grants) == [""] * 4, "a grant takes nothing out where none is asked for"
    against = [*grants, entry("path", "ann/tool:a.py", kind="tombstone"), entry("owner", "bob")]
    assert found(rows, *against, consent="opt_in") == ["path", "owner", "owner", "not-opted-in"]
    assert NOT_OPTED_IN == "optout.not-opted-in"


def test_purposes_bound_what_a_wish_and_a_grant_speak_of() -> None:
    wish, grant = (
        entry("owner", "ann", purposes=["train"]),
        entry("owner", "ann", kind="opt-in", purposes=["search"]),
    )
    assert found([row("ann")], wish, purposes=["train"]) == ["owner"]
    assert found([row("ann")], wish, purposes=["search"]) == [""]
    assert found([row("ann")], wish) == ["owner"], "what a build is for is not known"
    assert found([row("ann")], grant, purposes=["search"], consent="opt_in") == [""]
    assert found([row("ann")], grant, purposes=["search", "train"], consent="opt_in") == ["not-opted-in"]
    assert found([row("ann")], grant, consent="opt_in") == ["not-opted-in"]


def test_a_wish_that_was_withdrawn_counts_no_longer_and_a_tombstone_stays() -> None:
    gone = {"withdrawn": "2026-02-03"}
    assert found([row("ann")], entry("owner", "ann", **gone)) == [""]
    assert found([row("ann")], entry("owner", "ann", kind="tombstone", **gone)) == ["owner"]


def test_an_empty_list_and_an_empty_table_are_fine() -> None:
    assert found([row("ann")]) == [""]
    assert found([], entry("owner", "ann")) == []
    assert found([], consent="opt_in") == []
    bare = table_of([row("ann")]).drop_columns(["authors", "git_sha1"])
    assert reasons_of(match(bare, compile_wishes(a_list(entry("commit-author", "ann"))))) == [""]


def test_ten_thousand_requests_at_once() -> None:
    wishes = [entry("owner", f"User-{number}") for number in range(5000)]
    wishes += [entry("repository", f"user-{number}/Tool") for number in range(5000, 10_000)]
    wishes += [{**wish, "value": wish["value"].upper()} for wish in wishes[:100]]
    rows = [row(f"USER-{number}") for number in range(10_010)]
    assert found(rows, *wishes) == ["owner"] * 5000 + ["repository"] * 5000 + [""] * 10
    assert count_rows([table_of(rows)], a_list(*wishes)).tolist() == [1] * len(wishes)
