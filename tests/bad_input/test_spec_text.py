"""What is wrong with the text of a spec: each error has its place, and nothing is built."""

from __future__ import annotations

import os
from typing import Any

import pytest

from bigcode.api.codes import CODES


@pytest.mark.parametrize(
    "command", ["validate", "plan", "apply", "show", "graph", "release", "card", "verify"]
)
def test_every_command_that_reads_specs_refuses_them_alike(bench: Any, command: str) -> None:
    bench.change("snapshot.yaml", "buckets: 4", "bukets: 4")
    bench.refused(command).only(
        "E104", at=bench.spot("snapshot.yaml", "bukets"), hint="Did you mean `buckets`?"
    )


def test_an_unknown_field_is_named_with_the_fields_that_there_are(bench: Any) -> None:
    bench.change("dataset.yaml", "    seed: 1", "    colour: green")
    found = bench.refused("validate").only(
        "E104", at=bench.spot("dataset.yaml", "colour"), says="Dataset.spec.split"
    )
    assert found["hint"] == "Fields here: seed, validation."


def test_fields_go_by_their_names_in_yaml_alone(bench: Any) -> None:
    bench.change("project.yaml", "smallCell: 3", "small_cell: 3")
    bench.refused("validate").only("E104", at=bench.spot("project.yaml", "small_cell"), hint="`smallCell`")


def test_an_unknown_field_of_the_envelope(bench: Any) -> None:
    bench.change("dataset.yaml", "metadata:", "metadat:")
    refusal = bench.refused("validate")
    assert [d["code"] for d in refusal.found] == ["E106", "E104"]
    assert refusal.found[1]["hint"] == "Did you mean `metadata`?"


def test_an_unknown_kind(bench: Any) -> None:
    bench.change("dataset.yaml", "kind: Dataset", "kind: Datset")
    bench.refused("validate").only(
        "E201", at=bench.spot("dataset.yaml", "Datset"), hint="Did you mean `Dataset`?"
    )


def test_another_version_of_the_form(bench: Any) -> None:
    bench.change("dataset.yaml", "bigcode/v1", "bigcode/v9")
    bench.refused("validate").only("E105", at=bench.spot("dataset.yaml", "bigcode/v9"), hint="`bigcode/v1`")


def test_a_missing_field(bench: Any) -> None:
    bench.change("snapshot.yaml", "    uses: sources.tables\n", "")
    bench.refused("validate").only(
        "E106", at=bench.spot("snapshot.yaml", "version: 1\n    with"), says="`uses` is missing"
    )


WRONG: list[tuple[str, str, str, str, str, str]] = [
    ("snapshot.yaml", "buckets: 4", "buckets: four", "buckets: ^four", "a whole number", "decimal digits"),
    ("snapshot.yaml", "buckets: 4", "buckets: '4'", "'4'", "a whole number", "without quotes"),
    ("snapshot.yaml", "buckets: 4", "buckets: 0777", "0777", "a whole number", "decimal digits"),
    ("snapshot.yaml", "buckets: 4", "buckets: 1_000", "1_000", "a whole number", "decimal digits"),
    ("snapshot.yaml", "buckets: 4", "buckets: true", "true", "a whole number", ""),
    ("snapshot.yaml", "buckets: 4", "buckets: 4.5", "4.5", "a whole number", ""),
    ("snapshot.yaml", "buckets: 4", "buckets: 0", "buckets: ^0", "greater than or equal to 1", ""),
    ("snapshot.yaml", "buckets: 4", "buckets: ~", "~", "a whole number", ""),
    ("dataset.yaml", "validation: 0.2", "validation: .inf", ".inf", "a number", "decimal digits"),
    ("dataset.yaml", "validation: 0.2", "validation: .nan", ".nan", "a number", "decimal digits"),
    ("dataset.yaml", "validation: 0.2", "validation: 1.5", "1.5", "less than or equal to 1", ""),
    ("dataset.yaml", "above: 1000", "above: nan", "nan", "a number", "decimal digits"),
    ("licenses.yaml", "  - MIT\n", "  - 1\n", "- ^1\n", "text, not `1`", "Quote it"),
    ("licenses.yaml", "spec:\n", "spec:\n  facts: none\n", "none", "a list", ""),
    ("optout.yaml", "spec:\n", "spec:\n  copies: exakt\n", "exakt", "'exact'", "Did you mean `exact`?"),
    ("optout.yaml", "asOf: '2026-11-01'", "asOf: 2026-02-30", "2026-02-30", "no day of the calendar", ""),
    ("project.yaml", "title: Tiny", "title: 2026", "2026", "text", "Quote it"),
    ("project.yaml", "title: Tiny", "title: [a, b]", "[a, b]", "text", ""),
    ("dataset.yaml", "spec:\n", "spec:\n  export: 3\n", "export: ^3", "a mapping of fields", ""),
    ("snapshot.yaml", "version: 1.0.0", "version: 1.0", "1.0\n", "should be text, not `1.0`", "Quote it"),
    ("snapshot.yaml", "version: 1.0.0", "version: 1.10", "1.10\n", "should be text, not `1.10`", "Quote it"),
    ("snapshot.yaml", "name: corpus", "name: Corpus", "Corpus", "match pattern", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "spot", "says", "hint"), WRONG, ids=[row[2].strip() for row in WRONG]
)
def test_a_wrong_type(bench: Any, file: str, old: str, new: str, spot: str, says: str, hint: str) -> None:
    bench.change(file, old, new)
    bench.refused("validate").only("E105", at=bench.spot(file, spot), says=says, hint=hint or None)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("90d", "not measured in B"),
        ("4 furlongs", "unknown unit `furlongs`"),
        ("4096 ", ""),
        ("'4096'", "lacks a unit"),
        ("many", "no quantity"),
        ("-1MiB", "no quantity"),
    ],
)
def test_a_wrong_unit(bench: Any, value: str, says: str) -> None:
    bench.change("dataset.yaml", "  split:\n", f"  export:\n    shardBytes: {value}\n  split:\n")
    if not says:
        assert bench.run("validate", str(bench.space)).code == 0
        return
    bench.refused("validate").only("E105", at=bench.spot("dataset.yaml", value), says=says)


def test_a_duplicate_key(bench: Any) -> None:
    bench.change("project.yaml", "  smallCell: 3\n", "  smallCell: 3\n  smallCell: 30\n")
    bench.refused("validate").only(
        "E102", at=bench.spot("project.yaml", "smallCell: 30"), hint="first set in line"
    )


@pytest.mark.parametrize("text", ["\tsmallCell: 3", "  smallCell: 3\n\ttitle: x", "  smallCell:\n\t- 3"])
def test_a_tab(bench: Any, text: str) -> None:
    bench.change("project.yaml", "  smallCell: 3", text)
    bench.refused("validate").only("E103", at=bench.spot("project.yaml", "\t"), hint="Use spaces.")


@pytest.mark.parametrize("word", ["no", "No", "OFF", "yes", "On", "True", "FALSE"])
def test_a_word_that_yaml_reads_as_a_boolean(bench: Any, word: str) -> None:
    meant = "true" if word.lower() in ("yes", "on", "true") else "false"
    bench.change("licenses.yaml", "spec:\n", f"spec:\n  fileOverRepository: {word}\n")
    refusal = bench.refused("validate")
    refusal.only(
        "E107", at=bench.spot("licenses.yaml", f"{word}\n"), says=f"read as {meant}", hint="quote it"
    )


def test_no_among_texts_is_one_error_and_not_two(bench: Any) -> None:
    bench.change("licenses.yaml", "  - MIT\n", "  - NO\n")
    bench.refused("validate").only("E107", at=bench.spot("licenses.yaml", "NO"))


@pytest.mark.parametrize(
    ("text", "spot", "says"),
    [
        ("kind: [Dataset\n", "", "cannot be read"),
        ("a: 1\n---\nb: 2\n", "---", "second document"),
        ("a: &x 1\nb: *x\n", "&x", "anchors"),
        ("<<: {a: 1}\n", "<<", "merge keys"),
        ("? [a, b]\n: 1\n", "[a", "a key must be text"),
        ("a: !!python/object:os.system x\n", "!!", "tag"),
        ("a: \x07\n", "\x07", "control character (U+0007)"),
        ("a: " + "[" * 200, f"a: {'[' * 64}^[", "nested deeper than 64"),
    ],
)
def test_what_is_not_yaml_or_a_part_of_it_that_is_not_read(
    bench: Any, text: str, spot: str, says: str
) -> None:
    bench.write("more.yaml", text)
    at = bench.spot("more.yaml", spot) if spot else None
    bench.refused("validate").only("E101", at=at, says=says)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "- a\n- b\n", "just text\n", "~\n"])
def test_a_file_that_holds_no_resource(bench: Any, text: str) -> None:
    bench.write("more.yaml", text)
    bench.refused("validate").only("E105", says="a resource is a mapping", hint="another ending")


def test_a_file_that_is_not_utf8(bench: Any) -> None:
    text = bench.text("dataset.yaml").encode() + b"# caf\xe9\n"
    bench.write("dataset.yaml", text)
    line = text.count(b"\n")
    bench.refused("validate").only("E108", at=f"{bench.path('dataset.yaml')}:{line}:6", hint="UTF-8")


def test_a_byte_order_mark_and_other_line_ends_are_fine(bench: Any) -> None:
    text = bench.text("project.yaml").replace("\n", "\r\n")
    bench.write("project.yaml", b"\xef\xbb\xbf" + text.encode())
    assert bench.run("validate", str(bench.space)).code == 0


def test_a_file_that_cannot_be_opened(bench: Any) -> None:
    link = bench.path("gone.yaml")
    link.symlink_to("nowhere.yaml")
    bench.originals[link] = None
    refusal = bench.refused("validate")
    refusal.only("E109", at=f"{link}:1:1", says="No such file", hint="remove the link")


def test_a_file_that_is_no_plain_file_is_not_waited_for(bench: Any) -> None:
    pipe = bench.path("pipe.yaml")
    os.mkfifo(pipe)
    try:
        bench.refused("validate").only("E109", at=f"{pipe}:1:1", says="not a plain file")
    finally:
        pipe.unlink()


def test_all_errors_are_told_at_once_in_the_order_of_their_places(bench: Any) -> None:
    bench.change("dataset.yaml", "snapshot: Snapshot/corpus", "snapshot: Snapshot/corpse")
    bench.change("dataset.yaml", "uses: dedup.minhash", "uses: dedup.minhush")
    bench.change("project.yaml", "title: Tiny", "titel: Tiny")
    bench.change("pii.yaml", "action: surrogate\n    IP", "action: no\n    IP")
    bench.change("licenses.yaml", "  rationale: governance/decisions/0001.md\n", "")
    bench.write("broken.yaml", "a: [\n")
    refusal = bench.refused("validate")
    assert [(d["code"], d["place"]["file"].rpartition("/")[2]) for d in refusal.found] == [
        ("E101", "broken.yaml"),
        ("E302", "dataset.yaml"),
        ("E106", "licenses.yaml"),
        ("E107", "pii.yaml"),
        ("E104", "project.yaml"),
        ("E106", "project.yaml"),
    ]
    bench.remove("broken.yaml")
    found = bench.refused("validate").found
    assert [d["message"] for d in found if d["code"] == "E202"] == [
        "`Snapshot/corpse` names nothing in this workspace"
    ]
    assert all(CODES[d["code"]].exit == 3 for d in found)


def test_debug_shows_the_traceback_and_says_the_same(bench: Any) -> None:
    bench.change("snapshot.yaml", "buckets: 4", "bukets: 4")
    plain, debug = bench.run("validate", str(bench.space)), bench.run("validate", str(bench.space), "--debug")
    assert debug.code == plain.code == 3
    assert "Traceback" in debug.err
    assert debug.err.endswith(plain.err)
