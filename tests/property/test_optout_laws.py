"""An opt-out only takes away: it never adds a file, reruns only what it touches, and follows copies downstream only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workspaces import (
    apply,
    bundle_of,
    copy_space,
    edit_spec,
    facts_of,
    kept_of,
    shard_rows,
    tasks_of_last_run,
    verdicts_of,
    write_wishes,
)

from bigcode.decide import election, optout, verdicts
from bigcode.testing import texts
from bigcode.testing.corpus import blob_of, build_corpus

Wish = tuple[str, str]

# ---------------------------------------------------------------- as pure functions over generated rows

OWNERS, REPOSITORIES = ("ann", "bob", "cyd", "dee", "eve", "fay"), ("one", "two")
PATHS = ("one/a.py", "two/a.py", "src/_vendor/one/a.py", "LICENSE", "b.py")
BLOBS = tuple(f"{i:064x}" for i in range(5))
SCOPES = ("owner", "repository", "path", "blob")

SIZES = dict(zip(BLOBS, (10, 1000, 1000, 1000, 1000), strict=True))
row_values = st.tuples(
    st.sampled_from(OWNERS),
    st.sampled_from(REPOSITORIES),
    st.sampled_from(PATHS),
    st.sampled_from(BLOBS),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
)
wishes = st.one_of(
    st.tuples(st.just("owner"), st.sampled_from(OWNERS)),
    st.tuples(
        st.just("repository"),
        st.builds("{}/{}".format, st.sampled_from(OWNERS), st.sampled_from(REPOSITORIES)),
    ),
    st.tuples(
        st.just("path"),
        st.builds(
            "{}/{}:{}".format,
            st.sampled_from(OWNERS),
            st.sampled_from(REPOSITORIES),
            st.sampled_from([*PATHS, "one", "src"]),
        ),
    ),
    st.tuples(st.just("blob"), st.sampled_from(BLOBS)),
)
policies = st.fixed_dictionaries(
    {
        "copies": st.sampled_from(["exact", "keep"]),
        "contested": st.sampled_from(["keep", "remove"]),
        "common": st.builds(optout.CommonProperty, st.integers(2, 5), st.sampled_from([0, 64])),
    }
)


@st.composite
def corpora(draw: st.DrawFn) -> list[optout.Row]:
    drawn = draw(st.lists(row_values, min_size=1, max_size=12, unique_by=lambda v: v[:3]))
    return [
        optout.Row(
            f"h/{owner}/{repository}@1:{path}",
            "h",
            owner,
            repository,
            path,
            blob,
            blob[:40],
            SIZES[blob],
            released,
            vendored,
            text and path == "LICENSE",
        )
        for owner, repository, path, blob, released, vendored, text in drawn
    ]


def judge(
    rows: Sequence[optout.Row], wanted: Sequence[Wish], policy: dict, eligible: Sequence[bool]
) -> tuple[set[str], set[str], set[str]]:
    """Ids of the files that are elected, hit (by a wish, as a copy, or as an empty seat), and kept."""
    candidates = [
        election.Candidate(
            r.file, r.host, r.owner, r.repository, r.path, r.released, r.blob, r.vendored, admitted
        )
        for r, admitted in zip(rows, eligible, strict=True)
    ]
    outcomes = election.elect(candidates, {}, threshold=0.7, seed=1, validation=0.3)
    hits = optout.match(rows, [optout.Wish(*w) for w in wanted], SCOPES)
    removal = optout.spread(rows, hits, [o.seat for o in outcomes], **policy)
    table = pa.Table.from_pylist(
        [
            {
                "host": r.host,
                "owner": r.owner,
                "repository": r.repository,
                "revision": "1",
                "path": r.path,
                "blob": r.blob,
                "git_sha1": r.git_sha1,
                "bytes": r.bytes,
                "language": "Python",
            }
            for r in rows
        ]
    )
    count = len(rows)
    licenses = pa.table(
        {
            "license": ["MIT"] * count,
            "license_source": ["file"] * count,
            "license_reason": ["" if ok else "license.denied" for ok in eligible],
        }
    )
    quality = pa.table({"quality_reasons": pa.array([[]] * count, pa.list_(pa.string()))})
    privacy = pa.table(
        {
            "privacy_reasons": pa.array([[]] * count, pa.list_(pa.string())),
            "spans": pa.array([[]] * count, pa.list_(pa.struct([("entity", pa.string())]))),
        }
    )
    columns = [
        [o.split for o in outcomes],
        [o.reason for o in outcomes],
        [o.seat for o in outcomes],
        [o.similarity for o in outcomes],
    ]
    touched = {
        i: verdicts.Touch(optout.row_key(b"secret", rows[i].file), reason, removal.emptied[i])
        for i, reason in enumerate(removal.reasons)
        if reason
    }
    public, kept = verdicts.merge(
        table, licenses, quality, privacy, pa.table(columns, schema=election.SCHEMA), touched
    )
    assert public.num_rows == count
    ids = {
        verdicts.file_id(*(row[c] for c in ("host", "owner", "repository", "revision", "path")))
        for row in kept.to_pylist()
    }
    assert {row["row"] for row in public.to_pylist() if row["reason"] == "kept"} == ids
    elected = {r.file for r, o, ok in zip(rows, outcomes, eligible, strict=True) if ok and not o.reason}
    return elected, {rows[i].file for i in touched}, ids


@settings(max_examples=150)
@given(rows=corpora(), wanted=st.lists(wishes, max_size=4), one_more=wishes, policy=policies, data=st.data())
def test_one_more_wish_never_adds_a_file(
    rows: list[optout.Row], wanted: list[Wish], one_more: Wish, policy: dict, data: st.DataObject
) -> None:
    eligible = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    _, hit, kept = judge(rows, wanted, policy, eligible)
    _, hit_more, kept_more = judge(rows, [*wanted, one_more], policy, eligible)
    assert kept_more <= kept
    assert hit <= hit_more


@settings(max_examples=150)
@given(rows=corpora(), wanted=st.lists(wishes, max_size=4), policy=policies, data=st.data())
def test_what_is_kept_is_what_was_elected_without_what_was_hit(
    rows: list[optout.Row], wanted: list[Wish], policy: dict, data: st.DataObject
) -> None:
    eligible = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    elected, hit, kept = judge(rows, wanted, policy, eligible)
    assert kept == elected - hit
    assert judge(rows, [], policy, eligible)[2] == elected


@settings(max_examples=100)
@given(
    rows=corpora(),
    wanted=st.lists(wishes, max_size=4),
    policy=policies,
    order=st.randoms(use_true_random=False),
)
def test_the_order_of_rows_and_wishes_decides_nothing(
    rows: list[optout.Row], wanted: list[Wish], policy: dict, order: object
) -> None:
    admitted = [True] * len(rows)
    first = judge(rows, wanted, policy, admitted)
    order.shuffle(rows)  # type: ignore[attr-defined]
    order.shuffle(wanted)  # type: ignore[attr-defined]
    assert judge(rows, wanted, policy, admitted) == first


@settings(max_examples=150)
@given(
    rows=corpora(),
    wanted=st.lists(st.tuples(st.just("owner"), st.sampled_from(OWNERS)), min_size=1, max_size=2),
)
def test_nobody_opts_out_what_others_wrote_by_vendoring_it(
    rows: list[optout.Row], wanted: list[Wish]
) -> None:
    """Files that only vendored rows of an opted-out owner repeat stay with those who hold them unvendored."""
    policy = {"copies": "exact", "contested": "keep", "common": optout.CommonProperty(5, 0)}
    names = {value for _, value in wanted}
    own = [r for r in rows if r.owner not in names and not r.vendored]
    repeated = {r.blob for r in rows if r.owner in names and not r.vendored}
    hits = optout.match(rows, [optout.Wish(*w) for w in wanted], SCOPES)
    removal = optout.spread(rows, hits, [""] * len(rows), **policy)
    reasons = {r.file: reason for r, reason in zip(rows, removal.reasons, strict=True)}
    assert all(not reasons[r.file] for r in own if r.blob not in repeated)


# ---------------------------------------------------------------- through the commands, on the tiny corpus

CORPUS = build_corpus()
POOL: list[Wish] = [
    *(("owner", owner) for owner in sorted({row["owner"] for row in CORPUS})),
    ("owner", "nobody-here"),
    ("repository", "forker/alpha"),
    ("repository", "REQUESTLIB/requestlib"),
    ("path", "bundle/bundle:src/bundle/_vendor"),
    ("path", "alpha/alpha:alpha/tree.py"),
    ("blob", blob_of(texts.RETRY)),
]


@pytest.fixture(scope="module")
def built(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A workspace whose store all tests of this part add to, and the bundle of the build without opt-outs."""
    space = copy_space(applied_template, tmp_path_factory.mktemp("optout"), store=True)
    return space, bundle_of(space, space.parent / "none")


def build(built: tuple[Path, Path], wanted: Sequence[Wish]) -> Path:
    space, _ = built
    write_wishes(space, wanted)
    apply(space)
    return bundle_of(space, space.parent / "now")


@settings(max_examples=8)
@given(wanted=st.lists(st.sampled_from(POOL), max_size=3, unique=True), one_more=st.sampled_from(POOL))
def test_one_more_wish_never_adds_a_file_to_the_release(
    built: tuple[Path, Path], wanted: list[Wish], one_more: Wish
) -> None:
    kept = kept_of(build(built, wanted))
    more = build(built, [*wanted, one_more])
    assert kept_of(more) <= kept <= kept_of(built[1])
    shards = {
        verdicts.file_id(*(row[c] for c in ("host", "owner", "repository", "revision", "path")))
        for row in shard_rows(built[0], more)
    }
    assert shards == kept_of(more)
    if one_more[0] == "owner":
        assert all(row["owner"] != one_more[1] for row in shard_rows(built[0], more))


def test_opting_out_an_author_empties_the_vendored_copy_of_others(built: tuple[Path, Path]) -> None:
    before = kept_of(built[1])
    bundle = build(built, [("owner", "requestlib")])
    rows, facts = verdicts_of(bundle), facts_of(bundle)
    vendored = {
        row["path"]: row
        for row in CORPUS
        if row["owner"] == "installer" and "/_vendor/requestlib/" in row["path"]
    }
    code = {path for path, row in vendored.items() if row["content"] and not path.endswith("LICENSE")}
    assert len(code) == facts["optout.copies"] == 2
    # The licence text is nobody's to take away, but the kept file that the vendored one repeats is gone.
    seats = {path for path in vendored if path.endswith("LICENSE")}
    assert len(seats) == facts["optout.seats"] == 1
    assert not any(row["owner"] == "requestlib" for row in rows)
    assert sum(row["path"] is None for row in rows) == 3 + sum(row["owner"] == "requestlib" for row in CORPUS)
    left = {row["path"] for row in rows if row["owner"] == "installer"}
    assert left == {row["path"] for row in CORPUS if row["owner"] == "installer"} - code - seats
    assert {row.split("/")[1] for row in before - kept_of(bundle)} == {"requestlib"}


def test_opting_out_a_vendor_leaves_the_author_whole(built: tuple[Path, Path]) -> None:
    before = kept_of(built[1])
    bundle = build(built, [("owner", "installer")])
    kept = kept_of(bundle)
    assert not any("/installer/" in row for row in kept)
    assert {row for row in kept if "/requestlib/" in row} == {row for row in before if "/requestlib/" in row}
    assert before - kept == {row for row in before if row.split("/")[1] == "installer"}
    assert "optout.copy" not in {row["reason"] for row in verdicts_of(bundle)}


def test_a_copy_that_the_policy_leaves_to_its_holder_stays(applied: Path, tmp_path: Path) -> None:
    edit_spec(applied / "optout.yaml", "copies", value="keep")
    write_wishes(applied, [("owner", "requestlib")])
    apply(applied)
    reasons = {row["reason"] for row in verdicts_of(bundle_of(applied, tmp_path / "b"))}
    assert "optout.owner" in reasons
    assert "optout.copy" not in reasons


def test_an_opt_out_reruns_only_what_it_touches(applied: Path, tmp_path: Path) -> None:
    before = verdict_digests(bundle_of(applied, tmp_path / "before"))
    write_wishes(applied, [("owner", "widgets")])
    apply(applied)
    after = verdict_digests(bundle_of(applied, tmp_path / "after"))
    ran = tasks_of_last_run(applied)
    assert len(ran) == len(set(ran))
    assert {step for step, _ in ran} == {
        "decide.optout",
        "decide.copies",
        "verdicts",
        "export.shards",
        "facts",
        "render",
    }
    touched = {str(number) for number in before if before[number] != after[number]}
    assert {part for step, part in ran if step == "verdicts"} == touched
    assert len(touched) == 1
    languages = {
        row["language"] for row in shard_rows(applied, tmp_path / "before") if row["owner"] == "widgets"
    }
    assert {part.rpartition("/")[0] for step, part in ran if step == "export.shards"} == languages


def test_a_wish_that_names_nothing_here_reruns_no_verdict(applied: Path) -> None:
    write_wishes(applied, [("owner", "nobody-here")])
    apply(applied)
    assert {step for step, _ in tasks_of_last_run(applied)} == {
        "decide.optout",
        "decide.copies",
        "facts",
        "render",
    }


def test_taking_a_wish_back_runs_nothing_that_stood_before(applied: Path, tmp_path: Path) -> None:
    before = kept_of(bundle_of(applied, tmp_path / "before"))
    write_wishes(applied, [("owner", "alpha")])
    apply(applied)
    write_wishes(applied, [])
    apply(applied)
    assert kept_of(bundle_of(applied, tmp_path / "after")) == before
    runs = sorted((applied / ".bigcode" / "runs").iterdir())
    assert not any(
        '"event": "task"' in line for line in (runs[-1] / "journal.jsonl").read_text().splitlines()
    )


def verdict_digests(bundle: Path) -> dict[int, bytes]:
    return {int(path.stem): path.read_bytes() for path in (bundle / "verdicts").rglob("*.parquet")}


# ---------------------------------------------------------------- what an entry of a list means


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        (("path", "Ops/deploy:SRC/Notify.py"), "src/notify.py"),
        (("path", "ops/deploy:src"), "src/notify.py"),
        (("path", "ops/deploy:AUTHORS"), "AUTHORS"),
        (("repository", "OPS/Deploy"), "AUTHORS"),
        (("owner", "Ops"), "AUTHORS"),
        (
            ("blob", next(blob_of(row["content"]).upper() for row in CORPUS if row["path"] == "AUTHORS")),
            "AUTHORS",
        ),
    ],
)
def test_an_entry_names_what_it_names_in_any_case(
    applied: Path, tmp_path: Path, wish: Wish, path: str
) -> None:
    assert path in {row["path"] for row in verdicts_of(bundle_of(applied, tmp_path / "before"))}
    write_wishes(applied, [wish])
    apply(applied)
    rows = verdicts_of(bundle_of(applied, tmp_path / "after"))
    assert path not in {row["path"] for row in rows}
    hidden = [row for row in rows if row["path"] is None]
    assert hidden
    assert all({row[c] for c in row if c not in ("row", "reason")} == {None} for row in hidden)


def test_a_name_on_another_host_is_somebody_else() -> None:
    """Ann of one host is the origin of what the Ann of another vendors; the wish is for the first host alone."""
    blob = BLOBS[1]
    rows = [
        optout.Row(
            "a/ann/one@1:one/a.py", "a", "ann", "one", "one/a.py", blob, blob[:40], 1000, 1, False, False
        ),
        optout.Row(
            "b/ann/two@1:lib/a.py", "b", "ann", "two", "lib/a.py", blob, blob[:40], 1000, 2, True, False
        ),
    ]
    hits = optout.match(rows, [optout.Wish("owner", "ann", "a")], SCOPES)
    assert hits == ["optout.owner", ""]
    removal = optout.spread(
        rows, hits, ["", ""], copies="exact", contested="keep", common=optout.CommonProperty()
    )
    assert removal.reasons == ["optout.owner", "optout.copy"]
