"""What an opt-out takes away, as pure functions over made-up rows: it only takes, downstream only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.decide import election, optout, signals, wishes
from bigcode.decide.columns import file_id, file_ids
from bigcode.decide.optout import CommonProperty, CopyPolicy

Row = dict[str, Any]
Wish = tuple[str, str]

OWNERS, REPOSITORIES = ("ann", "bob", "cyd", "dee", "eve", "fay"), ("one", "two", "sub")
PATHS = ("one/a.py", "two/a.py", "src/_vendor/one/a.py", "LICENSE", "b.py")
BLOBS = tuple(f"{i:064x}" for i in range(5))
SCOPES = ("owner", "repository", "path", "blob")
SIZES = dict(zip(BLOBS, (10, 1000, 1000, 1000, 1000), strict=True))
BUCKETS = 2

rows_of = st.lists(
    st.fixed_dictionaries(
        {
            "owner": st.sampled_from(OWNERS),
            "repository": st.sampled_from(REPOSITORIES),
            "path": st.sampled_from(PATHS),
            "blob": st.sampled_from(BLOBS),
            "released": st.integers(0, 3),
            "vendored": st.booleans(),
            "generated": st.sampled_from([False, False, False, True]),
            "text": st.sampled_from([False, False, False, True]),
            "eligible": st.booleans(),
        }
    ),
    min_size=1,
    max_size=14,
    unique_by=lambda r: (r["owner"], r["repository"], r["path"]),
)
owners = st.tuples(st.just("owner"), st.sampled_from(OWNERS))
names = st.builds("{}/{}".format, st.sampled_from(OWNERS), st.sampled_from(REPOSITORIES))
wish = st.one_of(
    owners,
    st.tuples(st.just("repository"), names),
    st.tuples(st.just("path"), st.builds("{}:{}".format, names, st.sampled_from([*PATHS, "one", "src"]))),
    st.tuples(st.just("blob"), st.sampled_from(BLOBS)),
)
matches_of = st.dictionaries(
    st.tuples(st.sampled_from(BLOBS), st.sampled_from(BLOBS)).filter(lambda pair: pair[0] != pair[1]),
    st.sampled_from([0.5, 0.7, 0.8, 1.0, "normalised"]),
    max_size=5,
)
policies = st.builds(
    CopyPolicy,
    copies=st.sampled_from(["keep", "exact", "normalised", "contained"]),
    contested=st.sampled_from(["keep", "remove"]),
    common=st.builds(CommonProperty, st.integers(2, 5), st.sampled_from([0, 64])),
)
decisions = st.dictionaries(st.integers(0, 13), st.sampled_from(["keep", "remove"]), max_size=3)


@dataclass(frozen=True)
class Judged:
    """Files by what became of them."""

    elected: frozenset[str]
    reasons: Mapping[str, str]
    disputed: Mapping[str, str]
    common: int

    @property
    def kept(self) -> frozenset[str]:
        return self.elected - self.reasons.keys()

    def of(self, reason: str) -> set[str]:
        return {file for file, said in self.reasons.items() if said == reason}


def name(row: Row) -> str:
    return file_id("h", row["owner"], row["repository"], "1", row["path"])


def table_of(rows: Sequence[Row]) -> pa.Table:
    return pa.table(
        {
            "host": pa.array(["h"] * len(rows), pa.string()),
            **{
                c: pa.array([r[c] for r in rows], pa.string())
                for c in ("owner", "repository", "path", "blob")
            },
            "revision": pa.array(["1"] * len(rows), pa.string()),
            "git_sha1": pa.array([r["blob"][:40] for r in rows], pa.string()),
            "bytes": pa.array([SIZES[r["blob"]] for r in rows], pa.int64()),
            "released": pa.array([r["released"] for r in rows], pa.int64()),
            "vendored": pa.array([r["vendored"] for r in rows], pa.bool_()),
            "generated": pa.array([r["generated"] for r in rows], pa.bool_()),
            "license_role": pa.array(["text" if r["text"] else "" for r in rows], pa.string()),
        }
    )


def bucket_of(row: Row) -> int:
    return OWNERS.index(row["owner"]) % BUCKETS


def elect(rows: Sequence[Row], tables: Sequence[pa.Table], parts: Sequence[Sequence[Row]]) -> pa.Table:
    ballots = []
    for bucket, (table, part) in enumerate(zip(tables, parts, strict=True)):
        licenses = pa.table({"license": pa.array(["MIT"] * len(part), pa.string())})
        eligible = np.array([r["eligible"] for r in part], bool)
        ballots.append(election.ballots(table, bucket, np.zeros(len(part), bool), eligible, licenses))
    return election.elect(
        pa.concat_tables(ballots), election.MEMBERS.empty_table(), 0.7, ("original", "own-package", "newest")
    )


def judge(
    rows: Sequence[Row],
    wanted: Sequence[Wish],
    policy: CopyPolicy,
    matched: Mapping[tuple[str, str], Any] | None = None,
    decided: Mapping[int, str] | None = None,
) -> Judged:
    """The steps of `bigcode.run.consent` over two buckets of owners."""
    parts = [[r for r in rows if bucket_of(r) == b] for b in range(BUCKETS)]
    tables = [table_of(part) for part in parts]
    outcome = elect(rows, tables, parts)
    compiled = wishes.compile_wishes({"entries": [{"scope": s, "value": v, "host": ""} for s, v in wanted]})
    hits = [optout.hits_of(t, wishes.match(t, compiled, SCOPES).reasons, b"secret") for t in tables]
    seeds = pc.unique(pa.concat_tables(hits)["blob"].combine_chunks())
    named, found = set(seeds.to_pylist()), []
    for (seed, blob), how in sorted((matched or {}).items()):
        same = how == "normalised"
        if seed in named and (policy.copies == "contained" or (same and policy.copies == "normalised")):
            share = 1.0 if same else how
            found.append({"seed": seed, "blob": blob, "containment": share, "normalised": same})
    matches = pa.Table.from_pylist(found, schema=optout.MATCHES)
    held = []
    for bucket, table in enumerate(tables):
        index = optout.holding(table["blob"], seeds, matches)
        rows_ = table.take(pa.array(index))
        held.append(optout.holders(rows_, index, bucket, hits[bucket], seeds, matches))
    said = {name(rows[i % len(rows)]): what for i, what in (decided or {}).items()}
    spread = optout.spread(pa.concat_tables(held), policy, said)
    reasons = {r["file"]: r["reason"] for part in hits for r in part.to_pylist()}
    for r in spread.removals.to_pylist():
        assert r["file"] not in reasons, "what its owner named is no copy"
        assert file_ids(tables[r["bucket"]])[r["index"]].as_py() == r["file"]
        reasons[r["file"]] = r["reason"]
    gone = pa.array(sorted(reasons), pa.string())
    lost: set[str] = set()
    for bucket, table in enumerate(tables):
        mine = outcome.filter(pc.equal(outcome["bucket"], bucket))
        files = file_ids(table).to_pylist()
        lost |= {files[i] for i in mine["index"].to_pylist()}
        for index_ in optout.emptied_seats(mine, gone).tolist():
            reasons.setdefault(files[index_], "optout.seat")
    elected = {name(r) for r in rows if r["eligible"]} - lost
    disputed = {r["file"]: r["why"] for r in spread.disputed.to_pylist()}
    assert len(disputed) == spread.disputed.num_rows, "each disputed file stands once"
    return Judged(frozenset(elected), reasons, disputed, spread.common)


@settings(max_examples=250)
@given(
    rows=rows_of,
    wanted=st.lists(wish, max_size=4),
    one_more=wish,
    policy=policies,
    matched=matches_of,
    decided=decisions,
)
def test_one_more_wish_never_adds_a_file(
    rows: list[Row],
    wanted: list[Wish],
    one_more: Wish,
    policy: CopyPolicy,
    matched: Any,
    decided: Any,
) -> None:
    few = judge(rows, wanted, policy, matched, decided)
    more = judge(rows, [*wanted, one_more], policy, matched, decided)
    assert more.kept <= few.kept
    assert few.reasons.keys() <= more.reasons.keys()
    assert few.elected == more.elected


@settings(max_examples=100)
@given(
    rows=rows_of, wanted=st.lists(wish, max_size=4), policy=policies, matched=matches_of, decided=decisions
)
def test_a_disputed_file_stays_and_one_that_goes_is_not_disputed(
    rows: list[Row], wanted: list[Wish], policy: CopyPolicy, matched: Any, decided: Any
) -> None:
    judged = judge(rows, wanted, policy, matched, decided)
    assert not judged.disputed.keys() & (judged.reasons.keys() - judged.of("optout.seat"))
    if policy.contested == "remove" and policy.copies != "contained":
        assert not judged.disputed
    if not wanted:
        assert judged == Judged(judged.elected, {}, {}, 0)


@settings(max_examples=100)
@given(
    rows=rows_of,
    wanted=st.lists(wish, max_size=4),
    policy=policies,
    matched=matches_of,
    order=st.randoms(use_true_random=False),
)
def test_the_order_of_rows_and_wishes_decides_nothing(
    rows: list[Row], wanted: list[Wish], policy: CopyPolicy, matched: Any, order: Any
) -> None:
    first = judge(rows, wanted, policy, matched)
    order.shuffle(rows)
    order.shuffle(wanted)
    assert judge(rows, wanted, policy, matched) == first


@settings(max_examples=150)
@given(rows=rows_of, wanted=st.lists(owners, min_size=1, max_size=2), matched=matches_of)
def test_nobody_opts_out_what_others_wrote_by_vendoring_it(
    rows: list[Row], wanted: list[Wish], matched: Any
) -> None:
    """An opt-out of owners whose every copy is vendored takes nothing but their own files."""
    asking = {value for _, value in wanted}
    rows = [{**r, "vendored": r["vendored"] or r["owner"] in asking} for r in rows]
    judged = judge(rows, wanted, CopyPolicy("contained", common=CommonProperty(99, 0)), matched)
    assert not judged.of("optout.copy")
    assert judged.of("optout.owner") == {name(r) for r in rows if r["owner"] in asking}


@settings(max_examples=150)
@given(rows=rows_of, wanted=st.lists(owners, min_size=1, max_size=3), matched=matches_of)
def test_a_stronger_policy_never_leaves_what_a_weaker_one_takes(
    rows: list[Row], wanted: list[Wish], matched: Any
) -> None:
    """Where contested copies go. Where they stay, an earlier holder that only the stronger one sees may be found."""
    common = CommonProperty(99, 0)
    weak, strong = (
        judge(rows, wanted, CopyPolicy(c, "remove", common=common), matched) for c in ("exact", "contained")
    )
    assert weak.of("optout.copy") <= strong.of("optout.copy") | set(strong.disputed) | protected(
        rows, matched
    )


def protected(rows: list[Row], matched: Any) -> set[str]:
    """Files whose text a match makes common property: of a licence text, or generated."""
    marked = {r["blob"] for r in rows if r["text"] or r["generated"]}
    pairs = {seed for (seed, blob) in matched if blob in marked}
    return {name(r) for r in rows if r["blob"] in pairs | marked}


def row(owner: str, path: str = "one/a.py", blob: int = 1, released: int = 2, **more: Any) -> Row:
    return {
        "owner": owner,
        "repository": "one",
        "path": path,
        "blob": BLOBS[blob],
        "released": released,
        "vendored": False,
        "generated": False,
        "text": False,
        "eligible": True,
        **more,
    }


ASK = [("owner", "ann")]
EXACT = CopyPolicy("exact")
ANN = row("ann", released=1)


def test_who_released_first_takes_copies_along_and_who_did_not_does_not() -> None:
    bob = row("bob", repository="two")
    assert judge([ANN, bob], ASK, EXACT).of("optout.copy") == {name(bob)}
    late = judge([ANN, bob], [("owner", "bob")], EXACT)
    assert (late.of("optout.copy"), late.disputed) == (set(), {name(ANN): "origin"})


def test_a_tie_and_unknown_dates_are_nobodys() -> None:
    for when in (0, 2):
        rows = [row("ann", released=when), row("bob", released=when)]
        assert judge(rows, ASK, EXACT).disputed == {name(rows[1]): "origin"}
    dated = [ANN, row("bob", released=0)]
    assert judge(dated, ASK, EXACT).of("optout.copy") == {name(dated[1])}


def test_a_package_of_its_own_name_counts_before_dates() -> None:
    bob = row("bob", path="b.py", released=1)
    assert judge([row("ann"), bob], ASK, EXACT).of("optout.copy") == {name(bob)}
    assert judge([row("ann"), bob], [("owner", "bob")], EXACT).disputed == {name(row("ann")): "origin"}


def test_many_forks_are_not_many_owners_and_are_put_before_a_person() -> None:
    """Three owners of one project's name may be forks; in projects of three names they have it from everywhere."""
    policy = CopyPolicy("exact", common=CommonProperty(3, 0))
    forks = [ANN, row("bob"), row("cyd")]
    judged = judge(forks, ASK, policy)
    assert (judged.of("optout.copy"), set(judged.disputed), judged.common) == (
        set(), {name(forks[1]), name(forks[2])}, 0
    )  # fmt: skip
    few = judge(forks, ASK, CopyPolicy("exact", common=CommonProperty(4, 0)))
    assert few.of("optout.copy") == {name(forks[1]), name(forks[2])}
    spread = [ANN, row("bob", repository="two"), row("cyd", repository="sub")]
    judged = judge(spread, ASK, policy)
    assert (judged.of("optout.copy"), judged.disputed, judged.common) == (set(), {}, 2)


def test_vendoring_a_text_does_not_make_it_common() -> None:
    policy = CopyPolicy("exact", common=CommonProperty(3, 0))
    copies = [row("bob", repository="two", vendored=True), row("cyd", repository="sub", vendored=True)]
    assert judge([ANN, *copies], ASK, policy).of("optout.copy") == {name(r) for r in copies}


def test_generated_stubs_licence_texts_and_tiny_files_are_nobodys_and_counted() -> None:
    for more in ({"generated": True}, {"text": True}, {"blob": BLOBS[0]}):
        rows = [{**ANN, **more}, {**row("bob"), **more}]
        judged = judge(rows, ASK, EXACT)
        assert (judged.of("optout.copy"), judged.disputed, judged.common) == (set(), {}, 1)
    # A copy that somebody lays among generated files does not make the original one.
    rows = [ANN, row("bob", generated=True)]
    assert judge(rows, ASK, EXACT).of("optout.copy") == {name(rows[1])}


def test_a_part_is_put_before_a_person_and_a_decision_settles_it() -> None:
    policy, matched = CopyPolicy("contained"), {(BLOBS[1], BLOBS[2]): 0.7}
    part = row("bob", blob=2, repository="two")
    rows = [ANN, part]
    assert judge(rows, ASK, policy, matched).disputed == {name(part): "band"}
    assert judge(rows, ASK, policy, matched, {1: "remove"}).of("optout.copy") == {name(part)}
    kept = judge(rows, ASK, policy, matched, {1: "keep"})
    assert (kept.disputed, kept.kept) == ({}, {name(part)})


def test_a_decision_for_the_holder_does_not_stand_against_the_origin() -> None:
    bob = row("bob", repository="two")
    assert judge([ANN, bob], ASK, EXACT, decided={1: "keep"}).of("optout.copy") == {name(bob)}


def test_a_row_key_needs_the_secret() -> None:
    keys = {optout.row_key(secret, file) for secret in (b"one", b"two") for file in ("a", "b")}
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)


def said(kind: str, says: str, pattern: str) -> dict[str, str]:
    return {"kind": kind, "says": says, "text": f"{pattern} {says}", "digest": "0" * 64, "pattern": pattern}


FILES = ("a.py", "b.py", "docs/a.md", "docs/deep/[x].py", "src/a.py", "src/b-c.py")


def denied(*lines: tuple[str, dict[str, str]], files: Sequence[str] = FILES) -> set[str]:
    """Paths that are covered; lines are declarations with the file that makes them. Another repository says nothing."""
    held = {path: [s for place, s in lines if place == path] for path in {*files, *(p for p, _ in lines)}}
    columns = {c: pa.array(["x"] * (2 * len(held)), pa.string()) for c in ("host", "owner", "revision")}
    paths, names = [*sorted(held)] * 2, ["mine"] * len(held) + ["other"] * len(held)
    signal = pa.struct([(n, pa.string()) for n in ("kind", "says", "text", "digest", "pattern")])
    lists = [held[p] if n == "mine" else [] for p, n in zip(paths, names, strict=True)]
    table = pa.table(
        {**columns, "repository": names, "path": paths, "signals": pa.array(lists, pa.list_(signal))}
    )
    reasons = signals.match(table).to_pylist()
    assert not any(reasons[len(held) :])
    dated = table.append_column("released", pa.array([1] * len(paths)))
    kinds = sorted({s["kind"] for _, s in lines})
    assert signals.count_repositories(signals.declared(dated)) == dict.fromkeys(kinds, 1)
    return {p for p, reason in zip(sorted(held), reasons, strict=False) if reason and p in files}


def attributes(says: str, pattern: str, place: str = ".gitattributes") -> tuple[str, dict[str, str]]:
    return place, said("gitattributes", says, pattern)


COVERED = {
    "[ab].py": {"a.py", "b.py", "src/a.py"},
    "[!a].py": {"b.py"},
    "*.py": {p for p in FILES if p.endswith(".py")},
    "docs": {p for p in FILES if p.startswith("docs/")},
    "/docs/**": {p for p in FILES if p.startswith("docs/")},
    "src/[a-b]*.py": {"src/a.py", "src/b-c.py"},
    "**/a.*": {"a.py", "docs/a.md", "src/a.py"},
    r"\[x].py": {"docs/deep/[x].py"},
    "?.py": {"a.py", "b.py", "src/a.py"},
}


@pytest.mark.parametrize("pattern", COVERED)
def test_a_pattern_is_read_as_git_reads_it(pattern: str) -> None:
    assert denied(attributes("deny", pattern)) == COVERED[pattern]


@settings(max_examples=100)
@given(pattern=st.text("ab[]!^-*?/\\.:xé", min_size=1, max_size=12))
def test_no_pattern_ends_the_run_and_an_allowance_alone_takes_nothing(pattern: str) -> None:
    assert denied(attributes("deny", pattern)) <= set(FILES)
    assert denied(attributes("allow", pattern)) == set()


def test_what_cannot_be_read_denies_all_and_allows_nothing() -> None:
    assert denied(attributes("deny", "[z-a].py")) == set(FILES)
    assert denied(attributes("deny", ""), attributes("allow", "[z-a].py")) == set(FILES)
    many = [
        attributes("deny", ""),
        *(attributes("allow", f"{n}.py") for n in range(300)),
        attributes("allow", "docs/*"),
    ]
    assert denied(*many) == set(FILES)


def test_a_later_line_allows_a_part_of_what_is_denied_and_no_more() -> None:
    docs = {"docs/a.md", "docs/deep/[x].py"}
    whole = attributes("deny", "")
    assert denied(whole, attributes("allow", "docs/**")) == set(FILES) - docs
    assert denied(attributes("allow", "docs/**"), whole) == set(FILES)
    assert denied(whole, attributes("allow", "docs/**"), attributes("deny", "docs/deep/**")) == (
        set(FILES) - {"docs/a.md"}
    )
    # Git gives attributes to files alone: a folder's name allows nothing, but denies what lies below.
    assert denied(whole, attributes("allow", "docs")) == set(FILES)
    # What is wider than the denial does not speak of it.
    assert denied(attributes("deny", "docs/**"), attributes("allow", "")) == docs
    assert denied(attributes("deny", "docs/**"), attributes("allow", "docs/**")) == set()
    # A file in a folder comes after the one above it.
    below = attributes("allow", "/docs/**", "docs/.gitattributes")
    assert denied(below, whole) == set(FILES) - docs


def test_one_kind_of_file_does_not_take_back_what_another_says() -> None:
    tdm = ("tdmrep.json", said("tdmrep", "deny", ""))
    assert denied(tdm, attributes("allow", "docs/**")) == set(FILES)
    # Where order says nothing the narrower rule stands wherever it is, and of two equal ones the denial.
    part = ("tdmrep.json", said("tdmrep", "allow", "/docs/**"))
    assert denied(part, tdm) == denied(tdm, part) == {p for p in FILES if not p.startswith("docs/")}
    assert denied(("tdmrep.json", said("tdmrep", "allow", "")), tdm) == set(FILES)
    assert denied(attributes("unclear", "")) == set()
