"""A bundle is whole or it is refused: `verify` exits 8 for any file that is altered, missing or added."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from bigcode.cli import run
from hypothesis import given, settings
from hypothesis import strategies as st
from workspaces import apply, bundle_of, copy_space, write_wishes

LIST, ROOT = "bundle.json", "ROOT"


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


def test_a_whole_bundle_is_verified_wherever_it_lies(bundle: Path) -> None:
    assert verify(bundle) == 0
    assert verify(bundle.rename(bundle.with_name("elsewhere"))) == 0


def test_a_flipped_bit_of_any_file_is_found(bundle: Path) -> None:
    for name in files_of(bundle):
        path, order = bundle / name, random.Random(name)
        data = bytearray(path.read_bytes())
        if data:
            data[order.randrange(len(data))] ^= 1 << order.randrange(8)
        path.write_bytes(data or b"\n")
        assert verify(bundle) == 8, name
        shutil.copyfile(bundle.parent / "kept", path) if not data else path.write_bytes(_flip_back(data, name))
    assert verify(bundle) == 0


def _flip_back(data: bytearray, name: str) -> bytes:
    order = random.Random(name)
    data[order.randrange(len(data))] ^= 1 << order.randrange(8)
    return bytes(data)
