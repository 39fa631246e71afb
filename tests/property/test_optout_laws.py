"""An opt-out only takes away: it never adds a file, reruns only what it touches, and follows copies downstream."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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

from bigcode.decide import columns
from bigcode.testing import texts
from bigcode.testing.corpus import blob_of, build_corpus

Wish = tuple[str, str]

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
        columns.file_id(*(row[c] for c in ("host", "owner", "repository", "revision", "path")))
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
        "decide.wishes",
        "decide.optout",
        "decide.seeds",
        "decide.holders",
        "decide.copies",
        "decide.seats",
        "verdicts",
        "tally",
        "export.attributions",
        "export.checked",
        "export.notices",
        "export.rows",
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
        "decide.wishes",
        "decide.optout",
        "decide.copies",
        "decide.seats",
        "export.checked",
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
