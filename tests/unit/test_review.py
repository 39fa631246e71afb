"""Review queues, decisions as specs, withdrawals, and what `explain` says of a file: through the command line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from workspaces import (
    apply,
    build_corpus,
    copy_space,
    data_workspace,
    edit_spec,
    read_spec,
    resource,
    write_rows,
    write_spec,
)

from bigcode.cli import run
from bigcode.testing import corpus, notices, texts

HOST = "forge.example"
ODD = (
    notices.MIT[:700]
    + "\nIn addition nobody may use the software on Sundays, and whoever does owes the author a cake of the size of "
    "a car, to be delivered on a Monday with a written apology that must not exceed a page. The use by companies of "
    "more than five hundred people needs a separate licence from the author, who sells it at a fair price.\n"
)
LOOM = "".join(
    f"def weave_{n}(warp, weft):\n    return [warp[{n}] + thread * {n + 2} for thread in weft]\n\n\n"
    for n in range(40)
)
BRAID = LOOM.replace("weave_7(", "braid_7(")


def file(owner: str, path: str, content: str) -> dict[str, Any]:
    home = {"host": HOST, "owner": owner, "repository": owner, "revision": "1"}
    return {**home, "path": path, "released": 1_600_000_000, "content": content}


def rows() -> list[dict[str, Any]]:
    """The corpus, a project whose licence nobody knows, and one under MIT that holds copies of copyleft files."""
    return [
        *build_corpus(),
        file("odd", "LICENSE", ODD),
        file("odd", "odd/a.py", "def unclear():\n    return 'who knows'\n"),
        file("odd", "odd/b.py", "# " + corpus.SPDX + "MIT\ndef clear():\n    return 'sure'\n"),
        file("weaver", "COPYING", notices.GPL_NOTICE),
        file("weaver", "loom.py", LOOM),
        file("lender", "LICENSE", notices.MIT),
        file("lender", "backup.sh", texts.BACKUP_SH),
        file("lender", "loom.py", BRAID),
    ]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = data_workspace(tmp_path_factory.mktemp("review"), optouts=("bundle",))
    edit_spec(space / "licenses.yaml", "classifier", value={"uses": "licenses.tiers", "version": 1})
    write_rows(space, rows())
    apply(space)
    return space


@pytest.fixture
def space(template: Path, tmp_path: Path) -> Path:
    return copy_space(template, tmp_path, store=True)


Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """What a command prints on stdout, or on stderr when it ends with a code."""

    def call(*argv: str | Path, code: int = 0) -> str:
        capsys.readouterr()
        assert run([str(a) for a in argv]) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    return call


def cases(told: Told, space: Path, *more: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(told("review", space, "--json", *more))["cases"]
    return listed


def decide(
    told: Told, space: Path, case: str, decision: str, *more: str, day: str = "2026-11-20", code: int = 0
) -> str:
    return told("review", "decide", space, "Dataset/tiny", case, decision, "--by", "Ada", "--date", day, *more,
                code=code)  # fmt: skip


def explained(told: Told, space: Path, name: str) -> dict[str, Any]:
    loaded = json.loads(told("explain", "Dataset/tiny", name, "-w", space, "--json"))
    row: dict[str, Any] = loaded["rows"][0]
    return row


# ---------------------------------------------------------------- queues


def test_an_unclear_licence_is_one_case_with_what_was_detected_and_what_hangs_on_it(
    space: Path, told: Told
) -> None:
    [case] = cases(told, space, "--queue", "licence")
    assert case["case"] == f"{HOST}/odd/odd:LICENSE"
    assert case["cases"][1:] == [f"{HOST}/odd/odd"]
    assert (case["role"], case["files"], case["state"]) == ("text", 2, "open")
    assert list(case["ids"]) == ["LicenseRef-scancode-unknown"]
    assert case["categories"] == ["unknown"]
    assert "2 files hang on it" in told("review", space)


def test_a_permissive_repository_with_a_copy_of_a_copyleft_file_is_a_case_also_for_near_copies(
    space: Path, told: Told
) -> None:
    found = {case["case"]: case["files"][0] for case in cases(told, space, "--queue", "conflicts")}
    assert sorted(found) == [f"{HOST}/lender/lender:backup.sh", f"{HOST}/lender/lender:loom.py"]
    near = found[f"{HOST}/lender/lender:loom.py"]
    assert (near["license"], near["otherCategory"]) == ("MIT", "copyleft")
    assert near["other"] == f"{HOST}/weaver/weaver@1:loom.py"


def test_disputed_copies_have_keyed_ids_and_names_only_on_request(space: Path, told: Told) -> None:
    disputed = cases(told, space, "--queue", "copies")
    assert [case["why"] for case in disputed] == ["origin"] * len(disputed)
    assert disputed
    assert all(case["strength"] == "exact" and case["containment"] == 1.0 for case in disputed)
    assert all("name" not in case for case in disputed)
    assert "alpha" not in told("review", space, "--queue", "copies")
    assert "alpha/alpha" in told("review", space, "--queue", "copies", "--names")
    assert all("alpha" in case["name"] for case in cases(told, space, "--queue", "copies", "--names"))
    (space / "optouts" / "list.json").unlink()
    assert "alpha" not in told("review", space, "--queue", "copies", "--names")


# ---------------------------------------------------------------- decisions


def test_a_decision_becomes_a_spec_and_the_next_apply_judges_by_it(space: Path, told: Told) -> None:
    name = f"{HOST}/odd/odd:odd/a.py"
    assert explained(told, space, name)["reason"] == "license.denied"
    said = decide(told, space, f"{HOST}/odd/odd:LICENSE", "MIT", "--reason", "the author wrote to us")
    assert "reviews/tiny.yaml" in said
    assert cases(told, space, "--queue", "licence")[0]["state"] == "decided"
    apply(space)
    row = explained(told, space, name)
    assert (row["reason"], row["license"], row["license_source"]) == ("kept", "MIT", "review")
    assert row["licenses"]["decisions"] == {f"{HOST}/odd/odd:LICENSE": "MIT"}
    assert not row["licenses"]["unclear"]
    listed = told("review", space, "--queue", "licence")
    assert "0 open cases, 1 decided" in listed
    assert "decided: MIT, by Ada on 2026-11-20 (Review/tiny@1.0.0): the author wrote to us" in listed


def test_deny_takes_the_whole_repository(space: Path, told: Told) -> None:
    decide(told, space, f"{HOST}/odd/odd", "deny")
    apply(space)
    for path in ("LICENSE", "odd/a.py", "odd/b.py"):
        assert explained(told, space, f"{HOST}/odd/odd:{path}")["reason"] == "license.review"


def test_a_disputed_copy_that_is_to_be_removed_goes(space: Path, told: Told) -> None:
    case = cases(told, space, "--queue", "copies")[0]["case"]
    decide(told, space, case, "remove")
    apply(space)
    by_case = {c["case"]: c for c in cases(told, space, "--queue", "copies")}
    assert by_case[case]["state"] == "decided"
    assert "why" not in by_case[case]


def test_decisions_of_one_person_and_day_share_a_file_and_comments_stay(space: Path, told: Told) -> None:
    path = space / "reviews" / "tiny.yaml"
    text, loom = (hashlib.sha256(content.encode()).hexdigest() for content in (ODD, BRAID))
    decide(told, space, f"{HOST}/odd/odd:LICENSE", "MIT OR Apache-2.0", "--reason", "after a call")
    path.write_text(
        "# Kept by the legal group.\n" + path.read_text().replace("decide: MIT", "decide:  MIT") + "\n# end\n"
    )
    decide(told, space, f"{HOST}/lender/lender:loom.py", "GPL-3.0-or-later", "--reason", "a: copy, #1")
    assert path.read_text() == (
        "# Kept by the legal group.\n"
        "apiVersion: bigcode/v1\nkind: Review\nmetadata:\n  name: tiny\n  version: 1.0.0\n"
        "spec:\n  dataset: Dataset/tiny@1.0.0\n  by: Ada\n  date: '2026-11-20'\n  decisions:\n"
        f"    - queue: licence\n      case: {HOST}/odd/odd:LICENSE\n      saw:\n      - {text}\n"
        "      decide:  MIT OR Apache-2.0\n      reason: after a call\n"
        f"    - queue: licence\n      case: {HOST}/lender/lender:loom.py\n      saw:\n      - {loom}\n"
        "      decide: GPL-3.0-or-later\n"
        "      reason: 'a: copy, #1'\n"
        "\n# end\n"
    )
    decide(told, space, f"{HOST}/lender/lender:backup.sh", "deny", day="2026-11-21")
    assert sorted(p.name for p in path.parent.iterdir()) == ["tiny-2026-11-21.yaml", "tiny.yaml"]
    assert run(["validate", str(space)]) == 0


@pytest.mark.parametrize(
    ("case", "decision", "more", "exit_code", "says"),
    [
        (f"{HOST}/nobody/nothing", "MIT", (), 2, "no such case"),
        (f"{HOST}/odd/odd", "MIT", ("--queue", "copies"), 2, "no such case"),
        (f"{HOST}/odd/odd", "MIT AND", (), 3, "no SPDX expression"),
        (f"{HOST}/odd/odd", "MIIT", (), 3, "SPDX has no licence `MIIT`"),
        ("f" * 64, "remove", (), 2, "review withdraw"),
    ],
)
def test_a_wrong_decision_is_refused_and_nothing_is_written(
    space: Path, told: Told, case: str, decision: str, more: tuple[str, ...], exit_code: int, says: str
) -> None:
    assert says in decide(told, space, case, decision, *more, code=exit_code)
    assert not (space / "reviews").exists()


def test_a_file_in_another_style_or_with_an_error_is_left_as_it_is(space: Path, told: Told) -> None:
    path = space / "mine.yaml"
    one = {"queue": "licence", "case": f"{HOST}/odd/odd:LICENSE", "decide": "MIT"}
    spec = {"dataset": "Dataset/tiny", "by": "Ada", "date": "2026-11-20", "decisions": [one]}
    write_spec(
        path, {"apiVersion": "bigcode/v1", "kind": "Review", "metadata": {"name": "mine"}, "spec": spec}
    )
    lines = [
        line for line in path.read_text().splitlines() if not line.startswith(("  - ", "    ", "  decisions"))
    ]
    flow = "\n".join([*lines, f"  decisions: [{json.dumps(one)}]"]) + "\n"
    path.write_text(flow)
    decide(told, space, f"{HOST}/lender/lender:loom.py", "deny")
    assert path.read_text() == flow
    assert (space / "reviews" / "tiny.yaml").exists()
    before = (space / "reviews" / "tiny.yaml").read_text()
    assert "was decided as `deny`" in decide(told, space, f"{HOST}/lender/lender:loom.py", "MIT", code=3)
    assert (space / "reviews" / "tiny.yaml").read_text() == before


def test_what_a_released_version_holds_is_decided_for_the_next_one(space: Path, told: Told) -> None:
    from bigcode.cli.common import open_spec
    from bigcode.spec.lock import identity_digest, read_lock, write_lock

    name = "Dataset/tiny@1.0.0"
    resource = open_spec(str(space), "").workspace.resources[name]
    lock = {**read_lock(space), "released": {name: {"identity": identity_digest(resource)}}}
    write_lock(space, lock)
    assert "E210" in decide(told, space, f"{HOST}/odd/odd", "MIT", code=3)
    assert not (space / "reviews").exists()
    said = told("review", "withdraw", space, "Dataset/tiny", f"{HOST}/ops/deploy:settings.py", "--kind", "secret",
                "--by", "Ada", "--date", "2026-11-20")  # fmt: skip
    assert "released  holds it" in said


# ---------------------------------------------------------------- what was looked at


def changed(space: Path, path: str, content: str) -> None:
    """The workspace after a file of the project without a known licence has changed, applied."""
    write_rows(space, [row if (row["owner"], row["path"]) != ("odd", path) else file("odd", path, content)
                       for row in rows()])  # fmt: skip
    apply(space)


@pytest.mark.parametrize("case", [f"{HOST}/odd/odd:LICENSE", f"{HOST}/odd/odd"])
def test_a_decision_is_about_the_text_that_was_looked_at_and_another_text_is_queued_again(
    space: Path, told: Told, case: str
) -> None:
    decide(told, space, case, "MIT")
    changed(space, "odd/b.py", "def other():\n    return 'code, not licence'\n")
    assert explained(told, space, f"{HOST}/odd/odd:odd/a.py")["license_source"] == "review"

    changed(space, "LICENSE", ODD.replace("Sundays", "Mondays"))
    row = explained(told, space, f"{HOST}/odd/odd:odd/a.py")
    assert (row["reason"], row["licenses"]["decisions"]) == ("license.denied", {})
    [queued] = cases(told, space, "--queue", "licence")
    assert (queued["state"], queued["lapsed"][case]["decide"]) == ("open", "MIT")
    assert "another text was decided: MIT, by Ada" in told("review", space, "--queue", "licence")
    decide(told, space, case, "Apache-2.0")
    apply(space)
    assert explained(told, space, f"{HOST}/odd/odd:odd/a.py")["license"] == "Apache-2.0"


def test_a_decision_without_a_digest_holds_whatever_the_text_becomes(space: Path, told: Told) -> None:
    write_review(space, "mine", [{"queue": "licence", "case": f"{HOST}/odd/odd", "decide": "deny"}])
    changed(space, "LICENSE", notices.MIT)
    assert explained(told, space, f"{HOST}/odd/odd:odd/a.py")["reason"] == "license.review"


def test_a_disputed_copy_is_decided_for_the_pair_of_texts(space: Path, told: Told) -> None:
    before = {case["case"]: case["saw"][case["case"]] for case in cases(told, space, "--queue", "copies")}
    case, (saw,) = sorted(before.items())[0]
    assert len(saw) == 32, "a digest of public texts could be guessed, so it is keyed"
    decide(told, space, case, "keep")
    [decision] = read_spec(space / "reviews" / "tiny.yaml")["decisions"]
    assert decision["saw"] == [saw]
    apply(space)
    [mine] = [c for c in cases(told, space, "--queue", "copies") if c["case"] == case]
    assert (mine["state"], "why" in mine) == ("decided", False)

    (space / "reviews" / "tiny.yaml").unlink()
    write_review(space, "tiny", [{**decision, "saw": ["0" * 32]}])
    apply(space)
    [mine] = [c for c in cases(told, space, "--queue", "copies") if c["case"] == case]
    assert (mine["state"], mine["lapsed"][case]["decide"]) == ("open", "keep")


# ---------------------------------------------------------------- reviews that contradict


def write_review(
    space: Path, name: str, decisions: list[dict[str, Any]], by: str = "Ada", dataset: str = "Dataset/tiny"
) -> None:
    spec = {"dataset": dataset, "by": by, "date": "2026-11-20", "decisions": decisions}
    write_spec(space / f"{name}.yaml" if name != "tiny" else space / "reviews" / "tiny.yaml",
               resource("Review", name, spec))  # fmt: skip


def test_two_reviews_that_contradict_each_other_are_refused_with_both_places(space: Path, told: Told) -> None:
    one = {"queue": "licence", "case": f"{HOST}/odd/odd", "decide": "MIT"}
    write_review(space, "first", [one])
    write_review(
        space, "second", [{**one, "case": f"{HOST}/odd/odd:LICENSE"}, {**one, "decide": "deny"}], "Bea"
    )
    said = told("validate", space, code=3)
    assert "E209" in said
    assert "second.yaml:14:" in said
    assert "decided as `deny` by Bea here" in said
    assert "`MIT` by Ada in " in said
    assert "first.yaml:11:" in said
    assert "E209" in told("apply", space, code=3)


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        (["a" * 64], ["b" * 64], False),
        (["a" * 64], ["b" * 64, "a" * 64], True),
        (["a" * 64], [], True),
    ],
)
def test_decisions_about_other_texts_do_not_contradict(
    space: Path, told: Told, first: list[str], second: list[str], refused: bool
) -> None:
    one = {"queue": "licence", "case": f"{HOST}/odd/odd", "decide": "MIT"}
    write_review(space, "first", [{**one, "saw": first}])
    write_review(space, "second", [{**one, "decide": "deny", "saw": second}])
    told("validate", space, code=3 if refused else 0)


def test_what_two_people_decide_alike_is_no_contradiction(space: Path) -> None:
    one = {"queue": "licence", "case": f"{HOST}/odd/odd", "decide": "MIT"}
    write_review(space, "first", [one])
    write_review(space, "second", [one], "Bea")
    apply(space)


# ---------------------------------------------------------------- withdrawals


def version(space: Path, number: str) -> None:
    """One more version of the dataset beside those that are there."""
    loaded = yaml.safe_load((space / "dataset.yaml").read_text())
    loaded["metadata"]["version"] = number
    write_spec(space / f"dataset-{number}.yaml", loaded)


def test_a_withdrawal_holds_for_all_later_versions_until_one_of_them_lifts_it(
    space: Path, told: Told
) -> None:
    name = f"{HOST}/ops/deploy:settings.py"
    sha = explained(told, space, name)["provenance"]["sha256"]
    told("review", "withdraw", space, "Dataset/tiny", name, "--kind", "secret", "--by", "Ada", "--date",
         "2026-11-20")  # fmt: skip
    edit_spec(space / "card.yaml", "subject", value="Dataset/tiny@1.0.0")
    for number in ("0.9.0", "1.1.0", "1.10.0", "1.2.0"):
        version(space, number)
    lifted = {"queue": "withdrawal", "case": sha, "decide": "keep", "reason": "it was an example"}
    write_review(space, "lifted", [lifted], dataset="Dataset/tiny@1.10.0")
    apply(space)

    def reason(number: str) -> str:
        loaded = json.loads(told("explain", f"Dataset/tiny@{number}", name, "-w", space, "--json"))
        return str(loaded["rows"][0]["reason"])

    assert {n: reason(n) for n in ("0.9.0", "1.0.0", "1.1.0", "1.2.0", "1.10.0")} == {
        "0.9.0": "kept", "1.0.0": "privacy.withdrawn", "1.1.0": "privacy.withdrawn", "1.2.0": "privacy.withdrawn",
        "1.10.0": "kept",
    }  # fmt: skip
    listed = json.loads(told("review", space, "Dataset/tiny@1.2.0", "--json", "--queue", "withdrawal"))
    [case] = listed["cases"]
    assert (case["case"], case["state"]) == (sha, "decided")


def test_a_withdrawal_holds_for_what_supersedes_the_dataset(space: Path, told: Told) -> None:
    name = f"{HOST}/ops/deploy:settings.py"
    told("review", "withdraw", space, "Dataset/tiny", name, "--kind", "malware", "--by", "Ada", "--date",
         "2026-11-20")  # fmt: skip
    loaded = yaml.safe_load((space / "dataset.yaml").read_text())
    loaded["metadata"]["name"] = "next"
    loaded["spec"]["supersedes"] = "Dataset/tiny@1.0.0"
    write_spec(space / "next.yaml", loaded)
    apply(space)
    loaded = json.loads(told("explain", "Dataset/next", name, "-w", space, "--json"))
    assert loaded["rows"][0]["reason"] == "privacy.withdrawn"


def test_a_secret_found_after_release_is_recorded_told_dropped_and_can_be_erased(
    space: Path, told: Told
) -> None:
    name = f"{HOST}/ops/deploy:settings.py"
    sha = explained(told, space, name)["provenance"]["sha256"]
    said = told("review", "withdraw", space, "Dataset/tiny", name, "--kind", "secret", "--by", "Ada", "--date",
                "2026-11-20")  # fmt: skip
    assert "Dataset/tiny@1.0.0" in said
    assert "holds it" in said
    notice = (space / "notices" / "2026-11-20-1.md").read_text()
    assert f"SHA-256: `{sha}`" in notice
    for hidden in (corpus.EMAIL, corpus.GITHUB_TOKEN, corpus.AWS_ID, corpus.PASSPHRASE, "settings.py"):
        assert hidden not in notice
        assert hidden not in said
    [case] = cases(told, space, "--queue", "withdrawal")
    assert (case["case"], case["files"], case["kept"], case["state"]) == (sha, 1, 1, "decided")
    apply(space)
    row = explained(told, space, name)
    assert row["reason"] == "privacy.withdrawn"
    assert row["reasons"][0]["case"] == sha
    assert cases(told, space, "--queue", "withdrawal")[0]["kept"] == 0
    rows_file = space.parent / "rows.txt"
    rows_file.write_text(f"{sha}\n")
    assert "Erased" in told("purge", space, "--rows", rows_file, "--as-of", "2026-11-20")
    texts_left = [
        p
        for p in (space / ".bigcode" / "objects").glob("*/*")
        if corpus.PASSPHRASE.encode() in p.read_bytes()
    ]
    assert texts_left == []


def test_a_file_whose_revisions_differ_is_named_with_its_revision(space: Path, told: Told) -> None:
    args = ("--kind", "malware", "--by", "Ada", "--date", "2026-11-20")
    name = f"{HOST}/alpha/alpha:alpha/grid.py"
    assert "have 2 contents" in told("review", "withdraw", space, "Dataset/tiny", name, *args, code=2)
    told("review", "withdraw", space, "Dataset/tiny", f"{HOST}/alpha/alpha@2.0:alpha/grid.py", *args)
    assert "no file" in told("review", "withdraw", space, "Dataset/tiny", f"{HOST}/a/b:c", *args, code=2)


# ---------------------------------------------------------------- explain


def test_explain_gives_every_reason_in_order_with_what_it_rests_on(space: Path, told: Told) -> None:
    row = explained(told, space, f"{HOST}/widgets/widgets:dist/label.min.js")
    assert row["reason"] == "quality.line-length"
    [rule] = [r for r in row["reasons"] if r["reason"] == "quality.line-length"]
    assert (rule["column"], rule["drops"], rule["broken"]) == ("max_line", {"above": 1000.0}, True)
    assert rule["value"] > 1000
    assert [r["reason"] for r in row["reasons"]] == [row["reason"], *row["also"]]


def test_explain_shows_licences_by_place_and_who_detected_them(space: Path, told: Told) -> None:
    name = f"{HOST}/installer/installer:src/installer/_vendor/requestlib/retry.py"
    row = explained(told, space, name)
    detected = row["licenses"]["detected"]
    assert [(d["where"], list(d["ids"])) for d in detected] == [
        ("directory", ["ISC"]),
        ("repository", ["MIT"]),
        ("repository", ["MIT"]),
    ]
    assert detected[0]["evidence"][0]["detector"] == "licenseclassifier"
    assert row["licenses"]["category"] == "permissive"
    assert {"step": "observe.license", "component": "licenses.tiers", "behaviour": 1} in row["components"]
    assert row["languages"]["vendored"] is True
    text = told("explain", "Dataset/tiny", name, "-w", space)
    assert "text in src/installer/_vendor/requestlib/LICENSE: ISC 1.00" in text


def test_explain_counts_personal_data_and_never_shows_it(space: Path, told: Told) -> None:
    name = f"{HOST}/ops/deploy:settings.py"
    row = explained(told, space, name)
    assert row["pii"]
    assert {e["action"] for e in row["pii"]} <= {"surrogate", "below the threshold"}
    text = told("explain", "Dataset/tiny", name, "-w", space) + json.dumps(row)
    for hidden in (corpus.EMAIL, corpus.IPV4, corpus.GITHUB_TOKEN, corpus.AWS_ID, corpus.PASSPHRASE):
        assert hidden not in text


def test_explain_says_where_a_file_is_from(space: Path, told: Told) -> None:
    where = explained(told, space, f"{HOST}/odd/odd:LICENSE")["provenance"]
    assert where["unit"] == "corpus.jsonl"
    assert where["sha256"] == corpus.blob_of(ODD)
    assert where["swhid"] == f"swh:1:cnt:{where['git_sha1']}"


def test_explain_tells_of_an_opt_out_only_who_can_read_the_list(space: Path, told: Told) -> None:
    name = f"{HOST}/bundle/bundle:third_party/alpha/tree.py"
    hidden = next(
        r["path"] for r in build_corpus() if r["owner"] == "bundle" and r["path"].endswith("tree.py")
    )
    name = f"{HOST}/bundle/bundle:{hidden}"
    row = explained(told, space, name)
    assert row["reasons"][-1] == {"reason": "optout.owner", "scope": "owner"}
    (space / "optouts" / "list.json").unlink()
    refused = told("explain", "Dataset/tiny", name, "-w", space, code=2)
    assert "optout" not in refused
    assert "Near" not in refused


def test_explain_offers_near_names_for_an_unknown_file(space: Path, told: Told) -> None:
    said = told("explain", "Dataset/tiny", f"{HOST}/odd/odd:odd/aa.py", "-w", space, code=2)
    assert f"Near: {HOST}/odd/odd:odd/a.py" in said


def test_explain_tells_what_a_collector_left_out_beside_an_unknown_file(space: Path, told: Told) -> None:
    long = file("odd", "odd/huge.py", "x = 1\n" * 400_000)
    (space / "corpus.jsonl").write_text((space / "corpus.jsonl").read_text() + json.dumps(long) + "\n")
    apply(space)
    said = told("explain", "Dataset/tiny", f"{HOST}/odd/odd:odd/huge.py", "-w", space, code=2)
    assert "Left out of `corpus.jsonl`, by reason: too-large 1." in said
