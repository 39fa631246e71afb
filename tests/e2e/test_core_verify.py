"""Whoever checks a bundle needs the core alone, and no network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from workspaces import bundle_of

FORBIDDEN = (
    "torch", "transformers", "tokenizers", "datasets", "dask", "distributed", "mlflow", "datasketch", "pandas", "numba",
    "numpy", "scipy", "unearth", "requests", "httpx", "enry", "licenseclassifier", "re2",
)  # fmt: skip

BARE = f"""
import builtins, socket, sys

class Absent:
    '''As if these were not installed.'''
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {FORBIDDEN!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())

class Refused(socket.socket):
    def __init__(self, *_, **__):
        raise AssertionError("a socket was opened")

socket.socket = Refused
from bigcode.cli import run
code = run(sys.argv[1:])
loaded = sorted(set(sys.modules) & set({FORBIDDEN!r}))
print("loaded:", *loaded, file=sys.stderr)
sys.exit(code)
"""


def run_bare(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command of the command line where the core alone can be imported."""
    return subprocess.run(
        [sys.executable, "-I", "-c", BARE, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def bundle(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_of(applied_template, tmp_path_factory.mktemp("bundle") / "bundle")


def test_a_bundle_verifies_with_the_core_alone_and_no_socket(bundle: Path) -> None:
    done = run_bare("verify", bundle)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Verified.\n")
    assert "measured facts recount from the verdict tables" in done.stdout
    assert "not verified:" in done.stdout
    assert done.stderr.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_level_can_be_asked_for(bundle: Path, level: int) -> None:
    done = run_bare("verify", bundle, "--level", str(level), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True


def test_a_changed_bundle_is_refused_there_too(bundle: Path, tmp_path: Path) -> None:
    altered = tmp_path / "bundle"
    shutil.copytree(bundle, altered)
    facts = altered / "facts.jsonl"
    facts.write_bytes(facts.read_bytes().replace(b'"value":', b'"value": ', 1))
    assert run_bare("verify", altered).returncode == 8
