"""What an opt-out takes away, as pure functions over made-up rows: it only takes, downstream only."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.decide import election, optout, verdicts

Wish = tuple[str, str]

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


def named(row: tuple[str, str, str, str], wish: tuple[str, str, str]) -> bool:
    """Whether a wish names the file of this host, owner, repository and path; `match` and `reach` must agree."""
    host, owner, repository, path = row
    rows = [
        optout.Row("f", host, owner, repository, path, BLOBS[0], BLOBS[0][:40], 1000, 1, False, False),
        optout.Row("g", "elsewhere", "zoe", "zoo", "z.py", BLOBS[1], BLOBS[1][:40], 1000, 1, False, False),
    ]
    wishes = [optout.Wish("owner", "nobody"), optout.Wish(*wish)]
    first, second = optout.match(rows, wishes, SCOPES)
    assert (first, second) in (("", ""), (f"optout.{wish[0]}", ""))
    assert optout.reach(rows, wishes) == [0, int(bool(first))]
    return bool(first)


separators = st.text("-_.", min_size=1, max_size=3)


@given(one=separators, other=separators, upper=st.booleans())
def test_an_index_that_normalises_names_knows_a_name_in_every_spelling(
    one: str, other: str, upper: bool
) -> None:
    listed = f"jaraco{one}text"
    listed = listed.upper() if upper else listed
    row = ("pypi", f"Jaraco{other}Text", f"jaraco{other}text", "src/a_b.py")
    assert named(row, ("owner", listed, ""))
    assert named(row, ("repository", f"{listed}/{listed}", "PyPI"))
    assert named(row, ("path", f"{listed}/{listed}:SRC", ""))
    assert not named(row, ("path", f"{listed}/{listed}:src/a-b.py", ""))
    # Elsewhere names that differ are different names.
    assert named(("forge", *row[1:]), ("owner", listed, "")) == (one == other)
    assert named(("forge", *row[1:]), ("repository", f"{listed}/{listed}", "")) == (one == other)


def test_the_case_of_a_host_does_not_matter() -> None:
    row = ("Forge.Example", "ann", "one", "a.py")
    assert named(row, ("owner", "ann", "forge.EXAMPLE"))
    assert not named(row, ("owner", "ann", "forge.other"))


@given(rows=corpora(), wanted=st.lists(wishes, max_size=5))
def test_reach_counts_the_files_that_each_wish_alone_would_hit(
    rows: list[optout.Row], wanted: list[Wish]
) -> None:
    counted = optout.reach(rows, [optout.Wish(*w) for w in wanted])
    assert counted == [sum(map(bool, optout.match(rows, [optout.Wish(*w)], SCOPES))) for w in wanted]
