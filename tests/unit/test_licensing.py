"""Licence verdicts: what is nearest to a file decides, and no added licence text ever widens what is admitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bigcode.decide.licensing import Policy, decide, find_conflicts

OBSERVED = pa.schema(
    [(name, pa.string()) for name in ("host", "owner", "repository", "revision", "path")]
    + [
        ("license_ids", pa.list_(pa.string())),
        ("license_scores", pa.list_(pa.float64())),
        ("license_role", pa.string()),
        ("license_attribution", pa.bool_()),
        ("license_categories", pa.list_(pa.string())),
        ("license_unclear", pa.bool_()),
    ]
)
CATEGORY = {
    "MIT": "permissive",
    "0BSD": "permissive",
    "Apache-2.0": "permissive",
    "MPL-2.0": "weak-copyleft",
    "GPL-3.0-only": "copyleft",
    "GPL-3.0-only OR MIT": "permissive",
    "LicenseRef-Ours": "proprietary",
    "LicenseRef-scancode-unknown": "unknown",
}
ALLOWED = frozenset({"MIT", "0BSD", "Apache-2.0"})
DENIED = sorted(set(CATEGORY) - ALLOWED - {"GPL-3.0-only OR MIT"})


def file(
    path: str, *ids: str, role: str = "", score: float = 1.0, unclear: bool = False, repo: str = "r"
) -> dict[str, Any]:
    return {
        "host": "h",
        "owner": "o",
        "repository": repo,
        "revision": "v1",
        "path": path,
        "license_ids": list(ids),
        "license_scores": [score] * len(ids),
        "license_role": role,
        "license_attribution": any(i != "0BSD" for i in ids),
        "license_categories": [CATEGORY[i] for i in ids],
        "license_unclear": unclear,
    }


def text(path: str, *ids: str, **more: Any) -> dict[str, Any]:
    return file(path, *ids, role="text", **more)


def judge(rows: Sequence[dict[str, Any]], **policy: Any) -> dict[str, dict[str, Any]]:
    """Verdicts by repository and path."""
    table = pa.Table.from_pylist(list(rows), OBSERVED)
    verdicts = decide(table, Policy(ALLOWED, **policy)).to_pylist()
    return {
        f"{row['repository']}:{row['path']}": verdict for row, verdict in zip(rows, verdicts, strict=True)
    }


def verdict_of(path: str, rows: Sequence[dict[str, Any]], **policy: Any) -> tuple[str, str, str]:
    found = judge(rows, **policy)[f"r:{path}"]
    return found["license"], found["license_source"], found["license_reason"]


FOLDERS = ("", "a/", "a/b/", "c/", "LICENSES/", "a/LICENSES/")
ids = st.lists(st.sampled_from(sorted(CATEGORY)), min_size=0, max_size=2, unique=True).map(sorted)


@st.composite
def repositories(draw: st.DrawFn) -> list[dict[str, Any]]:
    rows = []
    for number in range(draw(st.integers(1, 8))):
        said = draw(ids)
        role = (
            draw(st.sampled_from(["text", "header", "metadata"]))
            if said
            else draw(st.sampled_from(["", "text"]))
        )
        path = f"{draw(st.sampled_from(FOLDERS))}f{number}"
        score, unclear = draw(st.sampled_from([0.5, 1.0])), draw(st.booleans())
        rows.append(
            file(path, *said, role=role, score=score, unclear=unclear, repo=draw(st.sampled_from("rs")))
        )
    return rows


policies = st.fixed_dictionaries(
    {"file_over_repository": st.booleans(), "attribution": st.sampled_from(["allow", "exclude"])}
)


@given(repositories(), policies, st.randoms(use_true_random=False))
def test_the_order_of_files_never_matters(rows: list, policy: dict, random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert judge(rows, **policy) == judge(shuffled, **policy)


@given(repositories(), policies)
def test_other_repositories_never_matter(rows: list, policy: dict) -> None:
    alone = [row for row in rows if row["repository"] == "r"]
    together = judge(rows, **policy)
    assert judge(alone, **policy) == {key: v for key, v in together.items() if key.startswith("r:")}


@given(repositories(), policies, st.sampled_from(FOLDERS), st.sampled_from(DENIED))
def test_a_text_of_a_denied_licence_never_admits_a_file(
    rows: list, policy: dict, folder: str, denied: str
) -> None:
    before = judge(rows, **policy)
    after = judge([*rows, text(f"{folder}ADDED", denied)], **policy)
    assert not [key for key in before if before[key]["license_reason"] and not after[key]["license_reason"]]


@given(repositories(), st.sampled_from(sorted(CATEGORY)))
def test_the_notice_of_a_file_wins(rows: list, own: str) -> None:
    found = judge([*rows, file("a/b/x.py", own, role="header")])["r:a/b/x.py"]
    assert (found["license"], found["license_source"]) == (own, "file")
    assert found["license_category"] == CATEGORY[own]


@given(repositories(), policies)
def test_each_verdict_is_whole(rows: list, policy: dict) -> None:
    for verdict in judge(rows, **policy).values():
        assert bool(verdict["license"]) == bool(verdict["license_source"])
        assert (verdict["license_reason"] == "license.unknown") == (not verdict["license"])
        assert verdict["license_category"] in {*CATEGORY.values(), "unknown"}
        if not verdict["license_reason"]:
            assert verdict["license_category"] == "permissive"


@pytest.mark.parametrize(
    "rows, path, expected",
    [
        ([file("x.py")], "x.py", ("", "", "license.unknown")),
        ([text("LICENSE", "MIT"), file("d/x.py")], "d/x.py", ("MIT", "repository", "")),
        ([text("LICENSE", "MIT"), text("d/COPYING", "GPL-3.0-only"), file("d/e/x.py")], "d/e/x.py",
         ("GPL-3.0-only", "directory", "license.denied")),
        ([text("LICENSE", "MIT"), text("d/COPYING", "GPL-3.0-only"), file("x.py")], "x.py", ("MIT", "repository", "")),
        ([text("LICENSES/A.txt", "MIT"), text("LICENSES/B.txt", "MPL-2.0"), file("x.py")], "x.py",
         ("MIT AND MPL-2.0", "repository", "license.denied")),
        ([text("LICENSE-MIT", "MIT"), text("LICENSE-APACHE", "Apache-2.0"), file("x.py")], "x.py",
         ("Apache-2.0 AND MIT", "repository", "")),
        ([text("A", "MIT"), text("B", "GPL-3.0-only"), file("package.json", "GPL-3.0-only OR MIT", role="metadata"),
          file("x.py")], "x.py", ("GPL-3.0-only OR MIT", "metadata", "")),
        ([file("package.json", "MIT", role="metadata"), file("x.py")], "x.py", ("MIT", "metadata", "")),
        ([file("d/package.json", "MIT", role="metadata"), file("d/x.py")], "d/x.py", ("", "", "license.unknown")),
        ([text("LICENSE", "MIT"), text("d/COPYING", "GPL-3.0-only", score=0.5), file("d/x.py")], "d/x.py",
         ("MIT", "repository", "")),
        ([text("LICENSE", "MIT", "LicenseRef-scancode-unknown"), file("x.py")], "x.py",
         ("LicenseRef-scancode-unknown AND MIT", "repository", "license.denied")),
    ],
)  # fmt: skip
def test_what_is_nearest_decides(rows: list, path: str, expected: tuple[str, str, str]) -> None:
    assert verdict_of(path, rows) == expected


def test_a_policy_may_ask_the_repository_alone() -> None:
    rows = [text("LICENSE", "MIT"), file("x.py", "GPL-3.0-only", role="header")]
    assert verdict_of("x.py", rows) == ("GPL-3.0-only", "file", "license.denied")
    assert verdict_of("x.py", rows, file_over_repository=False) == ("MIT", "repository", "")


def test_licences_that_ask_for_attribution_may_be_excluded() -> None:
    rows = [text("LICENSE", "MIT"), file("x.py"), file("y.py", "0BSD", role="header")]
    assert verdict_of("x.py", rows, attribution="exclude") == ("MIT", "repository", "license.attribution")
    assert verdict_of("y.py", rows, attribution="exclude") == ("0BSD", "file", "")


@pytest.mark.parametrize(
    "rows, unclear",
    [
        ([text("LICENSE", "MIT"), file("d/x.py")], False),
        ([text("LICENSE", "MIT", unclear=True), file("d/x.py")], True),
        ([text("LICENSE", "MIT", unclear=True), text("d/LICENSE", "MIT"), file("d/x.py")], False),
        ([text("LICENSE", "MIT"), text("d/LICENSE.pdf", unclear=True), file("d/x.py")], True),
        ([text("LICENSE", "MIT"), text("e/LICENSE.pdf", unclear=True), file("d/x.py")], False),
        ([text("LICENSE", "MIT", unclear=True), file("d/x.py", "MIT", role="header")], False),
        ([text("LICENSE", "MIT"), file("d/x.py", "MIT", role="header", score=0.5, unclear=True)], True),
        ([text("LICENSE", "MIT"), file("d/x.py", unclear=True)], True),
        ([file("package.json", "MIT", role="metadata", unclear=True), file("d/x.py")], True),
        ([text("LICENSE", unclear=True), file("d/x.py")], True),
    ],
)
def test_a_decision_is_unclear_where_what_it_rests_on_is(rows: list, unclear: bool) -> None:
    assert judge(rows)["r:d/x.py"]["license_unclear"] is unclear


def test_columns_that_a_classifier_does_not_write_are_not_asked_for() -> None:
    table = pa.Table.from_pylist([text("LICENSE", "MIT"), file("x.py")], OBSERVED)
    bare = decide(
        table.drop_columns(["license_categories", "license_unclear", "license_attribution"]), Policy(ALLOWED)
    )
    assert bare["license"].to_pylist() == ["MIT", "MIT"]
    assert bare["license_category"].to_pylist() == ["unknown", "unknown"]
    assert bare["license_unclear"].to_pylist() == [False, False]
    assert decide(table.slice(0, 0), Policy(ALLOWED)).num_rows == 0


def test_null_lists_state_nothing() -> None:
    row = file("x.py") | dict.fromkeys(("license_ids", "license_scores", "license_role", "license_unclear"))
    assert verdict_of("x.py", [row, text("LICENSE", "MIT")]) == ("MIT", "repository", "")


COPIES = pa.schema(
    [
        ("file", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("group", pa.int64()),
        ("license", pa.string()),
        ("license_category", pa.string()),
        ("admitted", pa.bool_()),
    ]
)


def conflicts(*rows: tuple[str, str, int | None, str, bool]) -> list[tuple[str, str]]:
    """(file, other file) of rows given as file, `owner/repository`, group, licence and whether it is admitted."""
    table = pa.Table.from_pylist(
        [
            {
                "file": name,
                "owner": f"h/{home.split('/')[0]}",
                "repository": home.split("/")[1],
                "group": group,
                "license": license_,
                "license_category": CATEGORY[license_],
                "admitted": admitted,
            }
            for name, home, group, license_, admitted in rows
        ],
        COPIES,
    )
    found = find_conflicts(table)
    assert found.column_names == [
        "group", "file", "license", "category", "other_file", "other_license", "other_category",
    ]  # fmt: skip
    assert all(row["category"] == "permissive" for row in found.to_pylist())
    return [(row["file"], row["other_file"]) for row in found.to_pylist()]


MIT, GPL, MPL, OURS, UNKNOWN = (
    "MIT",
    "GPL-3.0-only",
    "MPL-2.0",
    "LicenseRef-Ours",
    "LicenseRef-scancode-unknown",
)


@pytest.mark.parametrize(
    "rows, found",
    [
        ((("x", "a/r", 1, MIT, True), ("y", "b/r", 1, GPL, False)), [("x", "y")]),
        ((("x", "a/r", 1, MIT, True), ("y", "a/s", 1, OURS, False)), [("x", "y")]),
        # Its own repository is no other place, and other groups are no copies.
        ((("x", "a/r", 1, MIT, True), ("y", "a/r", 1, GPL, False)), []),
        ((("x", "a/r", 1, MIT, True), ("y", "b/r", 2, GPL, False)), []),
        ((("x", "a/r", None, MIT, True), ("y", "b/r", None, GPL, False)), []),
        # Only what is admitted as permissive is at stake, and nothing is known of unknown terms.
        ((("x", "a/r", 1, MIT, False), ("y", "b/r", 1, GPL, True)), []),
        ((("x", "a/r", 1, MIT, True), ("y", "b/r", 1, UNKNOWN, False)), []),
        ((("x", "a/r", 1, MIT, True), ("y", "b/r", 1, MIT, True)), []),
        # The gravest copy is named, then the first.
        ((("x", "a/r", 1, MIT, True), ("y", "b/r", 1, MPL, False), ("z", "c/r", 1, OURS, False)), [("x", "z")]),
        ((("x", "a/r", 1, MIT, True), ("z", "b/r", 1, GPL, False), ("y", "c/r", 1, GPL, False)), [("x", "y")]),
        # A file whose own repository holds the gravest copy gets that of another one.
        ((("x", "a/r", 1, MIT, True), ("w", "d/r", 1, MIT, True), ("y", "a/r", 1, OURS, False),
          ("z", "c/r", 1, MPL, False)), [("w", "y"), ("x", "z")]),
    ],
)  # fmt: skip
def test_a_permissive_file_conflicts_with_a_graver_copy_elsewhere(rows: tuple, found: list) -> None:
    assert conflicts(*rows) == found
    assert conflicts(*reversed(rows)) == found


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a/r", "a/s", "b/r"]),
            st.sampled_from([1, 2, None]),
            st.sampled_from([MIT, GPL, MPL, OURS, UNKNOWN]),
            st.booleans(),
        ),
        max_size=9,
    )
)
def test_conflicts_are_those_that_their_definition_names(rows: list) -> None:
    named = [(f"f{number}", *row) for number, row in enumerate(rows)]
    assume(named)
    expected = {
        name
        for name, home, group, license_, admitted in named
        if admitted and license_ == MIT and group is not None
        for _, other, others, theirs, _ in named
        if others == group and other != home and theirs in (GPL, MPL, OURS)
    }
    found = conflicts(*named)
    assert [name for name, _ in sorted(found)] == sorted(expected)


# ---------------------------------------------------------------- reviews

DECIDED = ("MIT", "GPL-3.0-only", "0BSD OR MIT", "deny")


def test_a_review_of_a_file_stands_for_what_was_detected_in_it() -> None:
    rows = [file("a.py", "GPL-3.0-only", role="header", unclear=True), text("LICENSE", "Apache-2.0")]
    decided = judge(rows, decisions={"h/o/r:a.py": "MIT"})["r:a.py"]
    assert (decided["license"], decided["license_source"], decided["license_reason"]) == ("MIT", "review", "")
    assert not decided["license_unclear"]
    assert verdict_of("LICENSE", rows, decisions={"h/o/r:a.py": "MIT"})[1] == "file"


def test_a_review_of_a_licence_text_is_taken_by_the_files_that_take_from_the_text() -> None:
    rows = [
        text("lib/LICENSE", "LicenseRef-scancode-unknown", unclear=True),
        file("lib/deep/a.py"),
        file("b.py", "0BSD", role="header"),
        text("LICENSE", "Apache-2.0"),
        file("c.py"),
    ]
    decisions = {"h/o/r:lib/LICENSE": "MIT"}
    assert verdict_of("lib/deep/a.py", rows, decisions=decisions) == ("MIT", "review", "")
    assert verdict_of("b.py", rows, decisions=decisions) == ("0BSD", "file", "")
    assert verdict_of("c.py", rows, decisions=decisions) == ("Apache-2.0", "repository", "")


def test_a_review_of_a_repository_stands_for_its_root_and_gives_way_to_what_is_nearer() -> None:
    rows = [
        text("LICENSE", unclear=True),
        file("a.py"),
        file("b.py", "GPL-3.0-only", role="header"),
        text("vendor/x/LICENSE", "GPL-3.0-only"),
        file("vendor/x/c.py"),
    ]
    decisions = {"h/o/r": "MIT"}
    assert verdict_of("a.py", rows, decisions=decisions) == ("MIT", "review", "")
    assert verdict_of("b.py", rows, decisions=decisions)[2] == "license.denied"
    assert verdict_of("vendor/x/c.py", rows, decisions=decisions)[2] == "license.denied"
    assert verdict_of("a.py", rows, decisions={"h/o/r": "MIT", "h/o/r:a.py": "0BSD"})[0] == "0BSD"


def test_deny_takes_all_of_a_repository_or_what_hangs_on_a_text() -> None:
    rows = [text("LICENSE", "MIT"), file("a.py", "MIT", role="header"), text("x/LICENSE"), file("x/b.py")]
    whole = judge(rows, decisions={"h/o/r": "deny"})
    assert {v["license_reason"] for v in whole.values()} == {"license.review"}
    assert {(v["license"], v["license_source"]) for v in whole.values()} == {("", "review")}
    part = judge(rows, decisions={"h/o/r:x/LICENSE": "deny"})
    denied = [path for path, v in part.items() if v["license_reason"] == "license.review"]
    assert denied == ["r:x/LICENSE", "r:x/b.py"]


def test_a_reviewed_licence_has_the_category_that_was_detected_in_its_project_or_none() -> None:
    rows = [
        text("LICENSE", "MPL-2.0", score=0.5),
        file("a.py"),
        text("LICENSE", "MIT", repo="s"),
        file("a.py", repo="s"),
    ]
    told = judge(rows, decisions={"h/o/r": "MPL-2.0"})
    assert told["r:a.py"]["license_category"] == "weak-copyleft"
    told = judge(rows, decisions={"h/o/r": "MIT"})
    assert told["r:a.py"]["license_category"] == "unknown"
    assert told["s:a.py"]["license_category"] == "permissive"


def test_a_review_does_not_say_that_a_licence_asks_for_no_attribution() -> None:
    rows = [file("a.py")]
    told = verdict_of("a.py", rows, decisions={"h/o/r:a.py": "MIT"}, attribution="exclude")
    assert told[2] == "license.attribution"


@given(repositories(), policies, st.data())
def test_a_review_changes_nothing_outside_its_repository(rows: list, policy: dict, data: Any) -> None:
    row = data.draw(st.sampled_from(rows))
    case = data.draw(st.sampled_from([f"h/o/{row['repository']}", f"h/o/{row['repository']}:{row['path']}"]))
    decision = data.draw(st.sampled_from(DECIDED))
    before, after = judge(rows, **policy), judge(rows, decisions={case: decision}, **policy)
    elsewhere = [key for key in before if not key.startswith(f"{row['repository']}:")]
    assert {k: before[k] for k in elsewhere} == {k: after[k] for k in elsewhere}
    mine = after[f"{row['repository']}:{row['path']}"]
    if decision == "deny":
        assert mine["license_reason"] == "license.review"
    elif ":" in case:
        assert (mine["license"], mine["license_source"]) == (decision, "review")
