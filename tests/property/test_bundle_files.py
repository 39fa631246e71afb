"""A bundle is whole or it is refused: `verify` exits 8 for any file that is altered, missing or added."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workspaces import apply, bundle_of, copy_space, write_wishes

from bigcode.cli import run


@pytest.fixture(scope="module")
def space(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = copy_space(applied_template, tmp_path_factory.mktemp("bundled"), store=True)
    write_wishes(space, [("owner", "requestlib")])
    apply(space)
    return space


@pytest.fixture(scope="module")
def whole(space: Path) -> Path:
    return bundle_of(space, space.parent / "bundle")


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "bundle"))


def files_of(bundle: Path) -> list[str]:
    return sorted(str(p.relative_to(bundle)) for p in bundle.rglob("*") if p.is_file())


def verify(bundle: Path, *more: str) -> int:
    return run(["verify", str(bundle), *more])


def flipped(data: bytes, bit: int) -> bytes:
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


def test_a_whole_bundle_is_verified_wherever_it_lies(bundle: Path) -> None:
    assert verify(bundle) == 0
    assert verify(bundle.rename(bundle.with_name("elsewhere"))) == 0


def test_a_flipped_bit_of_any_file_is_found(bundle: Path) -> None:
    for name in files_of(bundle):
        path = bundle / name
        before = path.read_bytes()
        bit = random.Random(name).randrange(len(before) * 8) if before else 0
        path.write_bytes(flipped(before, bit) if before else b"\n")
        assert verify(bundle) == 8, name
        path.write_bytes(before)
    assert verify(bundle) == 0


@settings(max_examples=120)
@given(data=st.data(), name=st.sampled_from(["ROOT", "bundle.json"]))
def test_a_flipped_bit_of_the_list_or_the_root_is_found(whole: Path, data: st.DataObject, name: str) -> None:
    path = whole / name
    before = path.read_bytes()
    try:
        path.write_bytes(flipped(before, data.draw(st.integers(0, len(before) * 8 - 1))))
        assert verify(whole) == 8
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("name", ["ROOT", "bundle.json"])
@pytest.mark.parametrize("change", ["longer", "shorter", "empty", "spaces"])
def test_another_list_or_root_is_found(bundle: Path, name: str, change: str) -> None:
    path = bundle / name
    data = path.read_bytes()
    path.write_bytes(
        {"longer": data + b"\n", "shorter": data[:-1], "empty": b"", "spaces": data.replace(b":", b": ")}[
            change
        ]
    )
    assert verify(bundle) == 8


def test_any_missing_file_is_found(bundle: Path) -> None:
    for name in files_of(bundle):
        path, aside = bundle / name, bundle.with_name("aside")
        path.rename(aside)
        assert verify(bundle) == 8, name
        aside.rename(path)
    assert verify(bundle) == 0


@pytest.mark.parametrize(
    "name", ["extra", "specs/extra.yaml", "verdicts/a/b/00000.parquet", "actions/.hidden", ".tmp", "ROOT.sig"]
)
def test_an_added_file_is_found(bundle: Path, name: str) -> None:
    path = bundle / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"{}")
    assert verify(bundle) == 8


def test_an_added_link_is_found_and_an_empty_folder_is_nothing(bundle: Path, tmp_path: Path) -> None:
    (bundle / "empty" / "deep").mkdir(parents=True)
    assert verify(bundle) == 0
    for target in ("ROOT", "/etc/hostname", "nowhere", str(tmp_path)):
        (bundle / "empty" / "link").symlink_to(target)
        assert verify(bundle) == 8
        (bundle / "empty" / "link").unlink()
    assert verify(bundle) == 0


@pytest.mark.parametrize("name", ["facts.jsonl", "bundle.json", "ROOT"])
def test_a_file_that_became_something_else_is_found(bundle: Path, name: str) -> None:
    path, aside = bundle / name, bundle.with_name("aside")
    path.rename(aside)
    path.symlink_to(aside)
    assert verify(bundle) == 8
    path.unlink()
    path.symlink_to("nowhere")
    assert verify(bundle) == 8
    path.unlink()
    path.mkdir()
    assert verify(bundle) == 8
    path.rmdir()
    os.mkfifo(path)
    assert verify(bundle) == 8


def test_a_signature_that_is_altered_missing_or_of_another_is_found(space: Path, tmp_path: Path) -> None:
    from bigcode.evidence.signing import make_key, public_key

    bundle = tmp_path / "signed"
    assert run(["bundle", str(space), "--output", str(bundle), "--sign"]) == 0
    key = public_key(space / ".bigcode/keys/steward.ed25519")
    other = make_key(tmp_path / "other.ed25519")
    assert verify(bundle) == verify(bundle, "--trust", key) == 0
    assert verify(bundle, "--trust", other) == 8
    signature = bundle / "ROOT.sig"
    before = signature.read_bytes()
    for bit in range(0, len(before) * 8 - 8, 61):
        signature.write_bytes(flipped(before, bit))
        assert verify(bundle, "--trust", key) == 8
    signature.unlink()
    assert verify(bundle, "--trust", key) == 8


def test_a_bundle_of_other_facts_under_a_right_root_is_found(
    space: Path, whole: Path, tmp_path: Path
) -> None:
    """Whoever rewrites list and root too is caught by the queries over the verdict tables."""
    from bigcode.evidence.bundle import LIST, ROOT, seal

    files = {name: (whole / name).read_bytes() for name in files_of(whole) if name not in (LIST, ROOT)}
    lines = files["facts.jsonl"].splitlines(keepends=True)
    index = next(i for i, line in enumerate(lines) if b'/files.kept"' in line)
    lines[index] = lines[index].replace(b'"value":', b'"value":1')
    forged = seal({**files, "facts.jsonl": b"".join(lines)}, "tiny")
    for name, data in forged.items():
        (tmp_path / "forged" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "forged" / name).write_bytes(data)
    assert verify(tmp_path / "forged", "--level", "0") == 0
    assert verify(tmp_path / "forged") == 8
