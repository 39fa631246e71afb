"""A store that is damaged, or that another version wrote; and released versions that were edited."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from workspaces import objects_of, resource

from bigcode.spec.lock import identity_digest

# ---------------------------------------------------------------- what the store holds


def shard(bench: Any) -> Path:
    """An object of the store that the bundle carries: a verdict table."""
    refs = sorted(bench.path(".bigcode/refs/Dataset/tiny/1.0.0").glob("*.json"))
    key = json.loads(refs[-1].read_text())["nodes"]["Dataset/tiny@1.0.0#verdicts"]["0"]
    action = json.loads(bench.path(f".bigcode/actions/{key[:2]}/{key}.json").read_text())
    digest = action["outputs"]["verdicts"][0][1]
    return bench.path(f".bigcode/objects/{digest[:2]}/{digest}")


def test_verify_finds_a_corrupt_object_puts_it_aside_and_apply_makes_it_anew(bench: Any) -> None:
    path = shard(bench)
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    done = bench.run("verify", str(bench.space))
    assert done.code == 1
    assert f"E503  object {path.name[:12]} does not match its digest" in done.err
    assert "put aside; `bigcode apply` computes it anew" in done.err
    assert [p.name[:64] for p in bench.path(".bigcode/quarantine").iterdir()] == [path.name]
    again = bench.run("verify", str(bench.space))
    assert again.code == 1
    assert "E507" in again.err
    assert "Traceback" not in done.err + again.err
    mended = bench.run("apply", str(bench.space), "--json")
    assert (mended.code, mended.document["ran"]) == (0, 1)
    assert path.read_bytes() == good
    assert bench.run("verify", str(bench.space)).code == 0


@pytest.mark.parametrize(
    ("command", "code"), [("show", "E504"), ("card", "E504"), ("verify", "E507"), ("bundle", "E507")]
)
def test_an_object_that_is_missing(bench: Any, command: str, code: str) -> None:
    path = shard(bench)
    good = path.read_bytes()
    path.unlink()
    more = ("--output", "evidence") if command == "bundle" else ()
    found = bench.refused(command, *more).only(code, hint="`bigcode apply`")
    assert code == "E507" or "Dataset/tiny@1.0.0#verdicts 0" in found["message"]
    assert not Path("evidence").exists()
    assert bench.run("apply", str(bench.space), "--json").document["ran"] == 1
    assert path.read_bytes() == good


def test_show_reads_records_and_not_objects(bench: Any) -> None:
    path = shard(bench)
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(b"garbage")
    assert bench.run("show", str(bench.space)).code == 0
    path.write_bytes(good)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"key": 1}', b"null"])
def test_a_record_that_cannot_be_read(bench: Any, content: bytes) -> None:
    path = sorted(bench.path(".bigcode/actions").glob("*/*.json"))[0]
    bench.write(str(path.relative_to(bench.space)), content)
    for command in ("show", "plan", "apply"):
        refusal = bench.refused(command)
        refusal.only("E511", says=f"action {path.stem[:12]} cannot be read", hint="")
        assert refusal.found[0]["hint"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"\xff"])
def test_a_reference_that_cannot_be_read(bench: Any, content: bytes) -> None:
    path = sorted(bench.path(".bigcode/refs/Dataset/tiny/1.0.0").glob("*.json"))[-1]
    bench.write(str(path.relative_to(bench.space)), content)
    for command in ("show", "plan", "apply"):
        refusal = bench.refused(command)
        refusal.only("E511", says="reference Dataset/tiny@1.0.0", hint="")
        assert refusal.found[0]["hint"]


@pytest.mark.parametrize("command", ["plan", "apply", "show", "verify", "card", "release", "graph"])
def test_a_store_of_another_format(bench: Any, command: str) -> None:
    bench.write(".bigcode/format", "bigcode-store 99\n")
    refusal = bench.refused(command)
    refusal.only("E511", says="has another format", hint="Use the version of bigcode that wrote it.")
    assert refusal.added == frozenset()


def test_a_store_that_cannot_be_written(bench: Any) -> None:
    bench.change("project.yaml", "store: .bigcode", "store: corpus.jsonl/store")
    done = bench.run("apply", str(bench.space))
    assert done.code in (1, 3)
    assert "Traceback" not in done.err
    assert "fault of bigcode" not in done.err


def test_commands_that_read_what_an_apply_recorded_ask_for_one(fresh: Any) -> None:
    for command in ("verify", "card"):
        fresh.refused(command).only("E507", hint="`bigcode apply`")
    done = fresh.run("show", str(fresh.space))
    assert done.code == 0
    assert "run `bigcode apply`" in done.err
    assert fresh.run("explain", "Dataset/tiny", "x/y/z:a.py", "-w", str(fresh.space)).code == 1


def test_a_fresh_store_holds_nothing_that_a_failed_command_left(fresh: Any) -> None:
    before = objects_of(fresh.space)
    fresh.change("pii.yaml", "pii.patterns", "pii.nothing")
    fresh.refused("apply").only("E302")
    assert objects_of(fresh.space) == before


# ---------------------------------------------------------------- released versions


def lock(bench: Any, **entries: str) -> None:
    bench.write(
        "bigcode.lock",
        json.dumps({"format": 1, "released": {a: {"identity": i} for a, i in entries.items()}}),
    )


def frozen(bench: Any, address: str) -> str:
    """The identity of a resource as a release would enter it."""
    from bigcode.host.manager import load_host
    from bigcode.spec.workspace import load_workspace

    return identity_digest(load_workspace(bench.space, load_host().registry).resources[address])


def test_an_edit_of_a_released_version(bench: Any) -> None:
    lock(bench, **{"Dataset/tiny@1.0.0": frozen(bench, "Dataset/tiny@1.0.0")})
    assert bench.run("validate", str(bench.space)).code == 0
    bench.change("dataset.yaml", "threshold: 0.7", "threshold: 0.8")
    at = bench.spot("dataset.yaml", "snapshot:")
    for command in ("validate", "plan", "apply"):
        bench.refused(command).only(
            "E210", at=at, says="Dataset/tiny@1.0.0 was released", hint="raise metadata.version above 1.0.0"
        )


def test_a_new_version_beside_a_released_one_is_the_way(bench: Any) -> None:
    lock(bench, **{"Dataset/tiny@1.0.0": frozen(bench, "Dataset/tiny@1.0.0")})
    text = bench.text("dataset.yaml").replace("version: 1.0.0", "version: 1.1.0").replace("0.7", "0.8")
    bench.write("dataset-1.1.yaml", text)
    bench.change("card.yaml", "Dataset/tiny", "Dataset/tiny@1.0.0")
    assert bench.run("validate", str(bench.space)).code == 0


def test_prose_and_runtime_of_a_released_version_may_change(bench: Any) -> None:
    addresses = ("Dataset/tiny@1.0.0", "Project/tiny@1.0.0")
    lock(bench, **{address: frozen(bench, address) for address in addresses})
    bench.change(
        "dataset.yaml",
        "spec:\n",
        "spec:\n  terms: Be kind.\n  lifecycle: {state: retired, reason: old, since: '2026-11-01'}\n",
    )
    bench.change("project.yaml", "workers: 1", "workers: 2")
    assert bench.run("validate", str(bench.space)).code == 0


def test_a_released_version_that_is_gone(bench: Any) -> None:
    lock(bench, **{"License/old@1.0.0": "0" * 64})
    bench.refused("plan").only(
        "E210", says="License/old@1.0.0 was released and its spec is gone", hint="lifecycle.state"
    )


def test_a_released_version_with_another_error_is_not_called_gone(bench: Any) -> None:
    lock(bench, **{"Dataset/tiny@1.0.0": "0" * 64})
    bench.change("dataset.yaml", "threshold: 0.7", "threshold: 0.7\n      colour: 1")
    bench.change("dataset.yaml", "    seed: 1", "    sead: 1")
    bench.refused("validate").only("E104")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"released": []}', '{"released": {"a": 1}}', "\x00"])
def test_a_lock_that_cannot_be_read(bench: Any, text: str) -> None:
    bench.write("bigcode.lock", text)
    bench.refused("validate").only("E101", says="the lock cannot be read", hint="version control")


def test_a_resource_that_nothing_applied_has_no_record(bench: Any) -> None:
    spec = {"generator": {"uses": "openrail.m", "version": 1}, "title": "Terms", "licensor": "nobody"}
    bench.write("terms.yaml", yaml.safe_dump(resource("License", "terms", spec), sort_keys=False))
    bench.refused("verify").only("E507", says="tasks are pending", hint="`bigcode apply`")
