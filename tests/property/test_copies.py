"""Candidates for copies by their prints: what is found, what is common, and that parts of the data decide nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.decide import copies

Prints = Mapping[str, Sequence[int]]


HELD = pa.schema(
    [*((n, pa.string()) for n in ("host", "blob", "owner", "repository")), ("vendored", pa.bool_())]
)


def prints_of(found: Prints, normals: Mapping[str, str] | None = None) -> pa.Table:
    packed = [np.array(sorted(set(p)), "<u8").tobytes() for p in found.values()]
    return pa.table(
        {
            "blob": pa.array(list(found), pa.string()),
            "normal": pa.array([(normals or {}).get(b, "") for b in found], pa.string()),
            "prints": pa.array(packed, pa.binary()),
        }
    )


def own_of(held: Sequence[tuple[str, str, str]], vendored: Sequence[int] = ()) -> pa.Table:
    """Blob, owner and repository of each file."""
    rows = [
        {"host": "h", "blob": blob, "owner": owner, "repository": name, "vendored": i in vendored}
        for i, (blob, owner, name) in enumerate(held)
    ]
    return copies.own_holders(pa.Table.from_pylist(rows, schema=HELD))


def common(seeds: pa.Table, prints: pa.Table, own: pa.Table, least: int) -> list[int]:
    found = [copies.owners_of_prints(seeds, prints, own, least)]
    return copies.common_prints(found, least).tolist()


BLOBS = tuple("abcdef")
files = st.dictionaries(st.sampled_from(BLOBS), st.lists(st.integers(1, 30), max_size=20), min_size=1)
holders = st.lists(
    st.tuples(st.sampled_from(BLOBS), st.sampled_from("uvwxyz"), st.sampled_from("pqrs")), max_size=30
)


@settings(max_examples=150)
@given(found=files, held=holders, least=st.integers(2, 4), cut=st.integers(0, 6), seed=st.sampled_from(BLOBS))
def test_a_print_is_common_that_enough_owners_hold_in_projects_of_enough_names(
    found: Prints, held: list[tuple[str, str, str]], least: int, cut: int, seed: str
) -> None:
    """Told from parts of the contents, of which each names few owners only."""
    seeds, own = prints_of({k: v for k, v in found.items() if k == seed}), own_of(held)
    parts = [dict(list(found.items())[:cut]), dict(list(found.items())[cut:])]
    owners = [copies.owners_of_prints(seeds, prints_of(part), own, least) for part in parts]
    expected = [
        p
        for p in sorted(set(found.get(seed, ())))
        if len({o for b, o, _ in held if p in found.get(b, ())}) >= least
        and len({r for b, _, r in held if p in found.get(b, ())}) >= least
    ]
    assert copies.common_prints(owners, least).tolist() == expected


@settings(max_examples=150)
@given(found=files, boilerplate=st.sets(st.integers(1, 30)), cut=st.integers(0, 6))
def test_candidates_hold_enough_of_what_is_the_seeds_own(
    found: Prints, boilerplate: set[int], cut: int
) -> None:
    seeds, common_ = prints_of(found), np.array(sorted(boilerplate), "<u8")
    parts = [dict(list(found.items())[:cut]), dict(list(found.items())[cut:])]
    rows = [
        row
        for part in parts
        for row in copies.find_candidates(seeds, prints_of(part), common_, 0.8, "contained").to_pylist()
    ]
    expected = {}
    for seed, mine in found.items():
        own = set(mine) - boilerplate
        for blob, theirs in found.items():
            share = len(own & set(theirs)) / len(own) if own else 0
            if seed != blob and len(own) >= copies.FEWEST and share >= 0.8 * copies.MARGIN:
                shared = len(set(mine) & boilerplate & set(theirs)) / len(set(mine))
                expected[seed, blob] = (share, len(own) / len(set(mine)), shared)
    assert {(r["seed"], r["blob"]) for r in rows} == expected.keys()
    for r in rows:
        assert np.allclose((r["share"], r["own"], r["boilerplate"]), expected[r["seed"], r["blob"]])


def test_what_is_vendored_has_no_owner() -> None:
    prints = prints_of({"a": [1, 2, 3]})
    held = [("a", "u", "p"), ("a", "v", "q"), ("a", "w", "r")]
    assert common(prints, prints, own_of(held), 3) == [1, 2, 3]
    assert common(prints, prints, own_of(held, vendored=[2]), 3) == []


def test_forks_are_not_many_owners() -> None:
    prints = prints_of({"a": [1, 2, 3]})
    assert common(prints, prints, own_of([("a", o, "Kit") for o in "uvw"]), 3) == []


def test_the_same_text_in_other_white_space_is_found_whatever_its_prints() -> None:
    table = prints_of({"a": [1], "b": [], "c": [1]}, {"a": "n", "b": "n"})
    for strength in ("normalised", "contained"):
        found = copies.find_candidates(table.slice(0, 1), table, np.zeros(0, "<u8"), 0.5, strength)
        assert [(r["seed"], r["blob"], r["own"]) for r in found.to_pylist()] == [("a", "b", 1.0)]


def verified(containment: float, normalised: bool = False) -> pa.Table:
    row = {"seed": "a", "blob": "b", "containment": containment, "normalised": normalised}
    return pa.Table.from_pylist([row])


def candidate(own: float, boilerplate: float) -> pa.Table:
    row = {"seed": "a", "blob": "b", "share": 1.0, "own": own, "boilerplate": boilerplate}
    return pa.Table.from_pylist([row], schema=copies.CANDIDATES)


def test_boilerplate_that_both_hold_does_not_make_a_match() -> None:
    """Of a seed that is four fifths licence, another file with the licence and a third of the rest is no copy."""
    assert copies.discount(candidate(0.2, 0.8), verified(0.87), 0.5).num_rows == 0
    whole = copies.discount(candidate(0.2, 0.8), verified(1.0), 0.5)
    assert whole["containment"].to_pylist() == [1.0]
    # Who leaves the licence out and takes all else has taken all.
    bare = copies.discount(candidate(0.2, 0.0), verified(0.2), 0.5)
    assert bare["containment"].to_pylist() == [1.0]
    assert copies.discount(candidate(0.5, 0.5), verified(0.1, normalised=True), 0.5).num_rows == 1


def test_nothing_asked_finds_nothing() -> None:
    none, some = prints_of({}), prints_of({"a": [1, 2, 3, 4]})
    for seeds, prints in ((none, some), (some, none), (none, none)):
        assert copies.owners_of_prints(seeds, prints, own_of([]), 3).num_rows == 0
        assert copies.find_candidates(seeds, prints, np.zeros(0, "<u8"), 0.5, "contained").num_rows == 0
