"""`sources.npm` against a registry on the loopback interface."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from bigcode.api import Problem
from bigcode.testing.context import CollectContext
from bigcode_sources.config import NpmConfig
from bigcode_sources.npm import NpmCollector

Make = Callable[..., bytes]
NPM_TIME = 499_162_500


def sha512(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def collector(
    index: Any, integrity: str, name: str = "kit", version: str = "1.0.0", **more: Any
) -> NpmCollector:
    registry = index.url.replace("/simple", "/files") if index else "http://127.0.0.1:9"
    packages = [{"name": name, "version": version, "integrity": integrity}]
    return NpmCollector(NpmConfig.model_validate({"packages": packages, "registry": registry, **more}))


def fetch(source: NpmCollector, ctx: CollectContext) -> list[dict[str, Any]]:
    (unit,) = source.units()
    rows: list[dict[str, Any]] = source.fetch(unit, ctx).to_pylist()
    return rows


@pytest.fixture
def tarball(make_tar: Make) -> bytes:
    return make_tar(("package/package.json", b"{}\n"), ("package/lib/a.js", b"a\n"))


@pytest.mark.parametrize("pin", [sha512, lambda data: hashlib.sha256(data).hexdigest()])
def test_a_package_becomes_rows(
    index: Any, ctx: CollectContext, tarball: bytes, pin: Callable[[bytes], str]
) -> None:
    index.files["kit/-/kit-1.0.0.tgz"] = tarball
    source = collector(index, pin(tarball))
    rows = fetch(source, ctx)
    assert [(r["path"], r["content"], r["released"]) for r in rows] == [
        ("lib/a.js", b"a\n", 1_700_000_000),
        ("package.json", b"{}\n", 1_700_000_000),
    ]
    assert {(r["host"], r["owner"], r["repository"], r["revision"]) for r in rows} == {
        ("npm", "kit", "kit", "1.0.0")
    }
    asked = len(index.asked)
    assert fetch(source, ctx) == rows
    assert len(index.asked) == asked


def test_a_scope_is_the_owner(index: Any, ctx: CollectContext, tarball: bytes) -> None:
    index.files["@ann/kit/-/kit-1.0.0-rc.1.tgz"] = tarball
    rows = fetch(collector(index, sha512(tarball), "@ann/kit", "1.0.0-rc.1"), ctx)
    assert {(r["owner"], r["repository"]) for r in rows} == {("ann", "kit")}


def test_the_time_that_npm_writes_for_all_files_is_none(index: Any, ctx: CollectContext) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/a.js")
        entry.mtime = NPM_TIME
        archive.addfile(entry)
    index.files["kit/-/kit-1.0.0.tgz"] = packed.getvalue()
    (row,) = fetch(collector(index, sha512(packed.getvalue())), ctx)
    assert row["released"] == 0


def test_unsafe_members_and_pointers_are_left_out(index: Any, ctx: CollectContext, make_tar: Make) -> None:
    link = tarfile.TarInfo("package/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    data = make_tar(("package/../../up.js", b""), link, ("package/m.bin", pointer), ("package/a.js", b"a"))
    index.files["kit/-/kit-1.0.0.tgz"] = data
    assert [r["path"] for r in fetch(collector(index, sha512(data)), ctx)] == ["a.js"]
    assert ctx.omitted == {"lfs-pointer": 1, "symlink": 1, "unsafe-path": 1}


@pytest.mark.parametrize(
    ("data", "limits", "reason"),
    [
        (None, {}, "gone"),
        (b"no archive", {}, "broken"),
        ("tarball", {"files": 1}, "too-large"),
        ("tarball", {"bytes": "10B"}, "too-large"),
    ],
)
def test_a_package_that_cannot_be_had_is_a_failed_unit(
    index: Any, ctx: CollectContext, tarball: bytes, data: Any, limits: dict[str, Any], reason: str
) -> None:
    data = tarball if data == "tarball" else data
    if data is not None:
        index.files["kit/-/kit-1.0.0.tgz"] = data
    assert fetch(collector(index, sha512(data or b""), limits=limits), ctx) == []
    assert ctx.failure == reason
    assert [w.severity for w in ctx.warnings] == ["warning"]


def test_a_registry_that_is_away_is_a_failed_unit_and_shows_no_credentials(ctx: CollectContext) -> None:
    source = collector(None, "0" * 64)
    source.config = source.config.model_copy(update={"registry": "http://robot:hunter2@127.0.0.1:9"})
    assert fetch(source, ctx) == []
    assert ctx.failure == "unreachable"
    assert "hunter2" not in str(ctx.warnings)


def test_another_tarball_than_the_pinned_one_ends_the_run(
    index: Any, ctx: CollectContext, tarball: bytes
) -> None:
    index.files["kit/-/kit-1.0.0.tgz"] = tarball
    with pytest.raises(Problem, match="E702"):
        fetch(collector(index, sha512(b"other")), ctx)
    assert not ctx.kept


def test_what_a_memory_wrongly_says_was_verified_is_verified_again(
    index: Any, ctx: CollectContext, tarball: bytes
) -> None:
    index.files["kit/-/kit-1.0.0.tgz"] = tarball
    ctx.remember(sha512(tarball), ctx.keep(b"something else").encode())
    assert len(fetch(collector(index, sha512(tarball)), ctx)) == 2


def test_units_are_sorted_and_a_spec_that_pins_nothing_is_refused() -> None:
    good = {"name": "@a/b", "version": "1.0.0", "integrity": "0" * 64}
    config = NpmConfig.model_validate({"packages": [{**good, "name": "z"}, good]})
    assert [u.name for u in NpmCollector(config).units()] == ["@a/b@1.0.0", "z@1.0.0"]
    for change in (
        {"name": "../x"}, {"name": "a/b"}, {"version": "latest"}, {"integrity": "sha1-x"}, {"name": "@a/../b"},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            NpmConfig.model_validate({"packages": [{**good, **change}]})
    with pytest.raises(ValidationError, match="twice"):
        NpmConfig.model_validate({"packages": [good, good]})
