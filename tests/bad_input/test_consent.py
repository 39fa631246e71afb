"""Opt-out lists that cannot be relied on: the build stops before anything is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bigcode.evidence.consent import seal_list
from bigcode.evidence.signing import make_key

LIST, SIGNATURE, SPEC = "optouts/list.json", "optouts/list.json.sig", "optout.yaml"
PLANTED = "zqx-planted-owner"


def missing(bench: Any) -> None:
    bench.remove(LIST)


def a_folder(bench: Any) -> None:
    bench.remove(LIST)
    bench.path(LIST).mkdir()


def not_pinned(bench: Any) -> None:
    bench.change(SPEC, pin(bench), "")


def unsigned(bench: Any) -> None:
    bench.remove(SIGNATURE)


def signature_is_garbage(bench: Any) -> None:
    bench.write(SIGNATURE, "[1")


def signature_is_no_mapping(bench: Any) -> None:
    bench.write(SIGNATURE, '["key", "value"]')


def signature_lacks_its_value(bench: Any) -> None:
    bench.write(SIGNATURE, '{"key": "00"}')


def signature_is_not_text(bench: Any) -> None:
    bench.write(SIGNATURE, b"\xff\xfe{}")


def signed_by_a_key_that_does_not_count(bench: Any) -> None:
    key = bench.path("stranger.key")
    bench.originals[key] = None
    make_key(key)
    bench.write(SIGNATURE, bench.text(SIGNATURE))
    seal_list(bench.path(LIST), key)


def altered_list(bench: Any) -> None:
    bench.write(LIST, bench.text(LIST).replace("made for a test", "made for a jest"))


def one_name_less(bench: Any) -> None:
    bench.write(LIST, json.dumps({**json.loads(bench.text(LIST)), "entries": []}))


def altered_pin(bench: Any) -> None:
    bench.change(SPEC, pin(bench), f"sha256:{'0' * 64}")


def signature_of_another_list(bench: Any) -> None:
    signature = json.loads(bench.text(SIGNATURE))
    value = signature["value"]
    bench.write(SIGNATURE, json.dumps({**signature, "value": value[::-1]}))


def resealed(change: Callable[[dict[str, Any]], Any]) -> Callable[[Any], None]:
    """A list that is changed, pinned and signed as it should be, and yet has not the form of one."""

    def spoil(bench: Any) -> None:
        before = pin(bench)
        content = change(json.loads(bench.text(LIST)))
        bench.write(LIST, content if isinstance(content, str) else json.dumps(content))
        bench.write(SIGNATURE, bench.text(SIGNATURE))
        bench.change(SPEC, before, seal_list(bench.path(LIST), bench.path(".bigcode/keys/steward.ed25519")))

    return spoil


def entry(**values: Any) -> Callable[[Any], None]:
    return resealed(lambda content: {**content, "entries": [{"scope": "owner", "value": PLANTED}, values]})


def renames(value: Any) -> Callable[[Any], None]:
    return resealed(lambda content: {**content, "renames": value})


def pin(bench: Any) -> str:
    return next(word.strip("'\",}") for word in bench.text(SPEC).split() if "sha256:" in word)


CASES: list[tuple[Callable[[Any], None], str, str, str]] = [
    (missing, "E401", "is not there", "source: ^optouts"),
    (a_folder, "E401", "cannot be read: Is a directory", "source: ^optouts"),
    (not_pinned, "E402", "is not pinned", "source: ^optouts"),
    (unsigned, "E402", "has no signature", "source: ^optouts"),
    (signature_is_garbage, "E402", "signature of the opt-out list cannot be read", "source: ^optouts"),
    (signature_is_no_mapping, "E402", "cannot be read", "source: ^optouts"),
    (signature_lacks_its_value, "E402", "cannot be read", "source: ^optouts"),
    (signature_is_not_text, "E402", "cannot be read", "source: ^optouts"),
    (signed_by_a_key_that_does_not_count, "E402", "a key that does not count", "source: ^optouts"),
    (altered_list, "E403", "does not match the pin", 'pin: ^"sha256'),
    (one_name_less, "E403", "does not match the pin", 'pin: ^"sha256'),
    (altered_pin, "E403", "does not match the pin", 'pin: ^"sha256'),
    (signature_of_another_list, "E403", "the signature is not of this list", "source: ^optouts"),
    (resealed(lambda content: "not JSON"), "E404", "not JSON", "source: ^optouts"),
    (resealed(lambda content: "[" * 100_000), "E404", "not JSON", "source: ^optouts"),
    (resealed(lambda content: [content]), "E404", "format", "source: ^optouts"),
    (resealed(lambda content: {**content, "format": "bigcode-optout/9"}), "E404", "format", "source: ^optouts"),
    (resealed(lambda content: {**content, "salt": ""}), "E404", "has no salt", "source: ^optouts"),
    (resealed(lambda content: {**content, "salt": "abc" * 11}), "E404", "has no salt", "source: ^optouts"),
    (resealed(lambda content: {**content, "entries": "none"}), "E404", "has no entries", "source: ^optouts"),
    (
        resealed(lambda content: json.dumps(content)[:-1] + ', "entries": []}'),
        "E404", "not JSON", "source: ^optouts",
    ),
    (entry(scope="country", value=PLANTED), "E404", "entry 2 of the opt-out list has no known", "source: ^optouts"),
    (entry(scope="owner"), "E404", "entry 2 of the opt-out list has no value of the form OWNER", "source: ^optouts"),
    (entry(scope="owner", value=" "), "E404", "OWNER", "source: ^optouts"),
    (entry(scope="repository", value=PLANTED), "E404", "OWNER/REPOSITORY", "source: ^optouts"),
    (entry(scope="path", value=f"{PLANTED}/x"), "E404", "OWNER/REPOSITORY:PATH", "source: ^optouts"),
    (entry(scope="path", value=f"{PLANTED}/x:src/"), "E404", "OWNER/REPOSITORY:PATH", "source: ^optouts"),
    (entry(scope="blob", value=PLANTED), "E404", "SHA-1 or SHA-256", "source: ^optouts"),
    (entry(scope="owner", value=f"{PLANTED}/x"), "E404", "has no value of the form OWNER", "source: ^optouts"),
    (entry(scope="issue-author", value=PLANTED), "E404", "entry 2 of the opt-out list has a scope", "source: ^optouts"),
    (entry(scope="owner", value=PLANTED, host=3), "E404", "not text", "source: ^optouts"),
    (entry(scope="owner", value=PLANTED, hots="x"), "E404", "fields other than", "source: ^optouts"),
    (entry(scope="owner", value=PLANTED, level=6), "E404", "entry 2 of the opt-out list has no", "source: ^optouts"),
    (entry(scope="owner", value=PLANTED, level=True), "E404", "has no level from 0 to 5", "source: ^optouts"),
    (entry(scope="owner", value=PLANTED, level="2"), "E404", "has no level", "source: ^optouts"),
    (entry(scope="owner", value=PLANTED, kind="whim"), "E404", "has no known kind", "source: ^optouts"),
    (entry(scope="owner", value=PLANTED, kind=[]), "E404", "not text", "source: ^optouts"),
    (entry(scope="owner", value=PLANTED, since="2026-02-30"), "E404", "no day of the calendar", "source: ^optouts"),
    (entry(scope="owner", value=PLANTED, withdrawn=""), "E404", "no day of the calendar", "source: ^optouts"),
    (entry(scope="owner", value=PLANTED, purposes=[]), "E404", "no list of words", "source: ^optouts"),
    (entry(scope="owner", value=PLANTED, purposes="train"), "E404", "no list of words", "source: ^optouts"),
    (renames("none"), "E404", "the renames of the opt-out list are no list", "source: ^optouts"),
    (renames([{"from": PLANTED}]), "E404", "rename 1 of the opt-out list has fields", "source: ^optouts"),
    (renames([{"from": PLANTED, "to": 3}]), "E404", "not text", "source: ^optouts"),
    (renames([{"from": PLANTED, "to": f"{PLANTED}/x"}]), "E404", "does not join two owners", "source: ^optouts"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "code", "says", "spot"), CASES)
def test_a_list_that_cannot_be_relied_on_stops_the_build(
    bench: Any, spoil: Callable[[Any], None], code: str, says: str, spot: str
) -> None:
    spoil(bench)
    try:
        refusal = bench.refused("apply")
        refusal.only(code, at=bench.spot(SPEC, spot), says=says, hint="")
        assert refusal.found[0]["hint"]
        assert refusal.ran.code == 3
        assert refusal.added == frozenset(), "nothing may be written"
        assert PLANTED not in refusal.ran.err + refusal.ran.out
        status = bench.run("optout", "status", str(bench.space))
        assert status.code == 3
        assert "not usable" in status.out
        document = bench.run("optout", "status", str(bench.space), "--json").document
        assert (document["ok"], [d["code"] for d in document["diagnostics"]]) == (False, [code])
    finally:
        if bench.path(LIST).is_dir():
            bench.path(LIST).rmdir()


@pytest.mark.parametrize(("spoil", "code"), [(missing, "E401"), (unsigned, "E402"), (altered_list, "E403")])
def test_on_a_workspace_that_was_never_applied_no_store_is_made(fresh: Any, spoil: Any, code: str) -> None:
    key = fresh.path(".bigcode/keys/steward.ed25519").read_text()
    public = json.loads(fresh.text(SIGNATURE))["key"]
    fresh.change(SPEC, "spec:\n", f"spec:\n  signers: ['{public}']\n")
    spoil(fresh)
    for path in sorted(fresh.path(".bigcode").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    fresh.path(".bigcode").rmdir()
    refusal = fresh.refused("apply")
    refusal.only(code)
    assert not fresh.path(".bigcode").exists()
    assert not fresh.path("governance").exists()
    fresh.write(LIST, fresh.originals.get(fresh.path(LIST)) or fresh.text(LIST))
    fresh.write(SIGNATURE, fresh.originals.get(fresh.path(SIGNATURE)) or fresh.text(SIGNATURE))
    assert fresh.run("apply", str(fresh.space)).code == 0, (
        "a signer that the spec names needs no key of the store"
    )
    assert key


def test_all_lists_are_looked_at_and_told_at_once(bench: Any) -> None:
    text = (
        bench.text(SPEC)
        .replace("name: list", "name: second")
        .replace("optouts/list.json", "optouts/second.json")
    )
    bench.write("second.yaml", text)
    bench.remove(LIST)
    found = bench.refused("apply").found
    assert [(d["code"], Path(d["place"]["file"]).name) for d in found] == [
        ("E401", "optout.yaml"),
        ("E401", "second.yaml"),
    ]


def test_a_plan_reads_no_list(bench: Any) -> None:
    bench.remove(LIST)
    assert bench.run("plan", str(bench.space), "--exit-code").code == 0


# ---------------------------------------------------------------- the commands that edit lists


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["", "--scope", "owner"], "OWNER"),
        (["a b"], "OWNER"),
        ([PLANTED, "--scope", "repository"], "OWNER/REPOSITORY"),
        ([f"https://forge.example/{PLANTED}", "--scope", "owner"], "OWNER"),
        ([PLANTED, "--scope", "path"], "OWNER/REPOSITORY:PATH"),
        (["1234", "--scope", "blob"], "SHA-1 or SHA-256"),
    ],
)
def test_what_cannot_name_anything_is_not_added(bench: Any, values: list[str], says: str) -> None:
    done = bench.run("optout", "add", str(bench.space), *values)
    assert done.code == 3
    assert "E404  entry 1 of the opt-out list has no value of the form" in done.err
    assert says in done.err
    assert PLANTED not in done.err + done.out


def narrowed(bench: Any) -> None:
    """The spec counts owners alone."""
    bench.change(SPEC, "  - repository\n  - path\n  - blob\n", "")


def test_a_scope_that_the_spec_does_not_count_is_refused_by_name(bench: Any) -> None:
    bench.write(SIGNATURE, bench.text(SIGNATURE))
    bench.write(LIST, bench.text(LIST))
    bench.write(SPEC, bench.text(SPEC))
    value = f"{PLANTED}/x"
    assert bench.run("optout", "add", str(bench.space), value, "--scope", "repository").code == 0
    narrowed(bench)
    says = "entry 1 of the opt-out list has a scope that the spec does not count"
    bench.refused("apply").only("E404", says=says, hint="Add `repository` to `scopes`")
    assert "Add `repository` to `scopes`" in bench.run("optout", "seal", str(bench.space)).err


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ([f"{PLANTED}/x:src", "--scope", "path"], "Add `path` to `scopes` of the OptOutSnapshot."),
        ([f"{PLANTED}/x"], "Use `--scope repository` for a name with `/` in it."),
    ],
)
def test_what_would_be_passed_over_is_not_added(bench: Any, values: list[str], hint: str) -> None:
    narrowed(bench)
    kept = (bench.text(LIST), bench.text(SIGNATURE), bench.text(SPEC))
    done = bench.run("optout", "add", str(bench.space), *values)
    assert (done.code, hint in done.err) == (3, True)
    bench.write("names.txt", f"somebody\n{PLANTED}/x\n")
    done = bench.run("optout", "import", str(bench.space), str(bench.path("names.txt")))
    assert done.code == 3
    assert "entry 2 of the opt-out list has no value of the form OWNER" in done.err
    assert PLANTED not in done.err + done.out
    assert (bench.text(LIST), bench.text(SIGNATURE), bench.text(SPEC)) == kept


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--level", "7"], "--level"),
        (["--since", "soon"], "--since"),
        (["--kind", "whim"], "--kind"),
        (["--purpose", "All of it"], "has purposes that are no list of words"),
    ],
)
def test_what_is_said_of_an_entry_must_mean_something(bench: Any, more: list[str], says: str) -> None:
    before = bench.text(LIST)
    done = bench.run("optout", "add", str(bench.space), PLANTED, *more)
    assert done.code in (2, 3)
    assert says in done.err
    assert PLANTED not in done.err + done.out
    assert bench.text(LIST) == before


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([PLANTED], "an entry goes only when the person who asked takes it back"),
        ([PLANTED, "--withdrawn", "2026-05-01"], "value 1 is no entry of the list"),
        (["zqx-tomb", "--withdrawn", "2026-05-01"], "value 1 is a tombstone"),
    ],
)
def test_nothing_goes_from_a_list_by_mistake(bench: Any, values: list[str], says: str) -> None:
    for name in (LIST, SIGNATURE, SPEC):
        bench.write(name, bench.text(name))
    assert bench.run("optout", "add", str(bench.space), "zqx-tomb", "--kind", "tombstone").code == 0
    before = bench.text(LIST)
    done = bench.run("optout", "remove", str(bench.space), *values)
    assert done.code == 3
    assert f"E404  {says}" in done.err
    assert "zqx" not in done.err + done.out
    assert bench.text(LIST) == before


@pytest.mark.parametrize(
    ("old", "new"), [("zqx-one", "zqx/two"), ("zqx one", "zqx-two"), ("zqx:one", "zqx-two")]
)
def test_a_rename_joins_what_can_be_one(bench: Any, old: str, new: str) -> None:
    before = bench.text(LIST)
    done = bench.run("optout", "rename", str(bench.space), old, new)
    assert (done.code, bench.text(LIST)) == (3, before)
    assert "rename 1 of the opt-out list does not join two owners" in done.err
    assert "zqx" not in done.err + done.out


@pytest.mark.parametrize(
    "record",
    [
        "{",
        "[1, 2",
        "[" * 100_000,
        "[3]",
        '{"body": null}',
        '{"issue": 1, "author": 3, "optout_owners": [null, {}, 7.5], "optout_repos": "x"}',
        '{"scope": "owner"}',
        '{"scope": [], "value": "zqx"}',
        '{"from": 1, "to": "zqx"}',
        '{"user": {"login": []}, "labels": 3, "body": "I request that the following data is removed\\n- all"}',
        '{"issue": [], "body": "zqx"}',
    ],
)
def test_records_that_cannot_be_read_are_told_and_end_nothing(bench: Any, record: str) -> None:
    for name in (LIST, SIGNATURE, SPEC):
        bench.write(name, bench.text(name))
    bench.write("requests.jsonl", record)
    done = bench.run("optout", "import", str(bench.space), str(bench.path("requests.jsonl")))
    assert done.code == 0
    assert "E404" in done.err
    assert "record 1 " in done.err
    assert "zqx" not in done.err + done.out


def test_nothing_is_added_to_a_list_that_is_malformed(bench: Any) -> None:
    bench.write(LIST, "{}")
    done = bench.run("optout", "add", str(bench.space), PLANTED)
    assert (done.code, bench.text(LIST)) == (3, "{}")
    assert "E404" in done.err


def test_without_a_key_nothing_is_added_and_nothing_sealed(bench: Any) -> None:
    bench.remove(".bigcode/keys/steward.ed25519")
    for command in (("add", str(bench.space), PLANTED), ("seal", str(bench.space))):
        before = bench.text(LIST)
        done = bench.run("optout", *command)
        assert done.code == 3
        assert "E405  no key can be read" in done.err
        assert "`bigcode optout key SPEC` makes one" in done.err
        assert bench.text(LIST) == before


def test_a_key_that_is_none(bench: Any) -> None:
    bench.write(".bigcode/keys/steward.ed25519", "no key\n")
    assert "E405" in bench.run("optout", "seal", str(bench.space)).err
    bench.refused("apply").only("E402", says="a key that does not count")


def test_there_is_no_list_to_seal(bench: Any) -> None:
    bench.remove(LIST)
    done = bench.run("optout", "seal", str(bench.space))
    assert done.code == 3
    assert "E401" in done.err


def test_a_workspace_without_a_snapshot_of_opt_outs(bench: Any) -> None:
    for name in ("optout.yaml", "dataset.yaml", "card.yaml"):
        bench.remove(name)
    done = bench.run("optout", "status", str(bench.space))
    assert done.code == 2
    assert "E003" in done.err


def test_the_list_to_add_to_must_be_named_when_there_are_several(bench: Any) -> None:
    bench.write("second.yaml", bench.text(SPEC).replace("name: list", "name: second"))
    done = bench.run("optout", "add", str(bench.space), PLANTED)
    assert done.code == 2
    assert "Name one: OptOutSnapshot/list@1.0.0, OptOutSnapshot/second@1.0.0" in done.err


# ---------------------------------------------------------------- how the pin is written


FLOW = (
    "apiVersion: bigcode/v1\nkind: OptOutSnapshot\nmetadata: {name: list, rationale: x.md}\n"
    "spec: {source: optouts/list.json, asOf: '2026-11-01'}\n"
)


def test_a_spec_that_has_no_place_for_the_pin_is_left_alone_with_its_list(fresh: Any) -> None:
    fresh.write(SPEC, FLOW)
    before = (fresh.text(LIST), fresh.text(SIGNATURE))
    done = fresh.run("optout", "add", str(fresh.space), PLANTED)
    assert done.code == 3
    assert "E402  the pin cannot be written into the spec" in done.err
    assert 'Write `pin: "sha256:' in done.err
    assert (fresh.text(LIST), fresh.text(SIGNATURE), fresh.text(SPEC)) == (*before, FLOW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "spec:\n  # where it lies\n  source: optouts/list.json  # reviewed\n  asOf: '2026-11-01'\n",
            "spec:\n  # where it lies\n  pin: \"PIN\"\n  source: optouts/list.json  # reviewed\n  asOf: '2026-11-01'\n",
        ),
        (
            "spec:\n  source: optouts/list.json\n  pin: ''   # by hand\n  asOf: '2026-11-01'\n  notes: 'pin: 0'\n",
            "spec:\n  source: optouts/list.json\n  pin: \"PIN\"   # by hand\n  asOf: '2026-11-01'\n  notes: 'pin: 0'\n",
        ),
        (
            "spec: {source: optouts/list.json, asOf: '2026-11-01', pin: \"\"}\n",
            "spec: {source: optouts/list.json, asOf: '2026-11-01', pin: \"PIN\"}\n",
        ),
        (
            "spec:\r\n  source: optouts/list.json\r\n  asOf: '2026-11-01'\r\n",
            "spec:\r\n  pin: \"PIN\"\r\n  source: optouts/list.json\r\n  asOf: '2026-11-01'\r\n",
        ),
    ],
)
def test_only_the_pin_of_the_spec_is_written(fresh: Any, before: str, after: str) -> None:
    head = (
        "# café\napiVersion: bigcode/v1\nkind: OptOutSnapshot\nmetadata:\n  name: list\n  rationale: pin.md\n"
    )
    if "\r" in before:
        head = head.replace("\n", "\r\n")
    fresh.write(SPEC, head + before)
    assert fresh.run("optout", "seal", str(fresh.space)).code == 0
    digest = hashlib.sha256(fresh.path(LIST).read_bytes()).hexdigest()
    assert fresh.path(SPEC).read_bytes().decode() == head + after.replace("PIN", f"sha256:{digest}")
    assert fresh.run("apply", str(fresh.space)).code == 0
