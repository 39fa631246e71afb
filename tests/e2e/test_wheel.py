"""The wheel, installed outside of the checkout, does the whole data work on a copied workspace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(p.name for p in (ROOT / "plugins").iterdir() if (p / f"bigcode_{p.name}").is_dir())
SITE = Path(pa.__file__).parents[1]
"""The dependencies. The checkout itself is on the path by a `.pth` file there, which a path entry does not follow."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def script(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bigcode` as the wheel installs it, in an environment of its own."""
    home = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    done = subprocess.run([*pip, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (packages,) = (home / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{SITE}\n")
    return home / "bin" / "bigcode"


def bigcode(script: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment: Mapping[str, str] = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.run(
        [str(script), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_it_holds_the_packages_their_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(n for n in names if n.endswith(".dist-info/METADATA"))).decode()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"bigcode", *(f"bigcode_{name}" for name in PLUGINS)}
    shipped = {name for name in names if name.startswith("bigcode/_governance/templates/")}
    beside = {
        f"bigcode/_governance/templates/{p.name}" for p in (ROOT / "governance" / "templates").iterdir()
    }
    assert shipped == beside
    assert not [name for name in names if "/tests/" in name or "/test_" in name or name.endswith(".pyc")]
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "License-Expression: Apache-2.0" in metadata
    assert "Description-Content-Type: text/markdown" in metadata


def test_it_is_what_runs(script: Path, tmp_path: Path) -> None:
    program = "import bigcode, bigcode_sources; print(bigcode.__file__, bigcode_sources.__file__, sep='\\n')"
    python = str(script.with_name("python"))
    done = subprocess.run([python, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert all(Path(line).is_relative_to(script.parents[1]) for line in done.stdout.splitlines())


def test_it_validates_applies_bundles_and_verifies(script: Path, blank: Path, tmp_path: Path) -> None:
    plugins = bigcode(script, tmp_path, "plugins", "list", "--json")
    assert plugins.returncode == 0, plugins.stderr
    assert {p["name"] for p in json.loads(plugins.stdout)["plugins"]} == set(PLUGINS)
    for arguments in (
        ["validate", blank.name],
        ["plan", blank.name],
        ["apply", blank.name],
        ["card", blank.name, "--check"],
        ["bundle", blank.name, "--output", "bundle"],
        ["verify", "bundle"],
    ):
        done = bigcode(script, blank.parent, *arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
    again = bigcode(script, blank.parent, "apply", blank.name)
    assert "Nothing to do" in again.stdout
    assert done.stdout.endswith("Verified.\n")
