"""What a command imports before it does anything: the heavy libraries belong to the work, not to the way in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bigcode.testing.contract import HEAVY

DEMO = Path(__file__).parents[2] / "specs" / "demo"
NEVER = (*HEAVY, "numpy", "tokenizers", "datasets", "unearth", "enry", "sqlalchemy")


def modules_of(*arguments: str | Path) -> list[str]:
    """Modules that a command has imported when it ends, in an interpreter of its own."""
    program = (
        "import sys\n"
        "from bigcode.cli import run\n"
        "code = run(sys.argv[1:])\n"
        "print(code, *sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    return modules


def loaded_by(*arguments: str | Path) -> set[str]:
    """Top-level modules that a command has imported when it ends."""
    return {module.partition(".")[0] for module in modules_of(*arguments)}


LOOKS = (("--help",), ("validate", DEMO), ("plan", DEMO), ("graph", DEMO), ("plugins", "list"))


@pytest.mark.parametrize("arguments", LOOKS, ids=lambda a: str(a[0]))
def test_looking_at_specs_imports_nothing_heavy(arguments: tuple[str | Path, ...]) -> None:
    assert loaded_by(*arguments) & set(NEVER) == set()


def test_so_does_the_plan_of_what_was_applied(applied: Path) -> None:
    assert loaded_by("plan", applied, "--exit-code") & set(NEVER) == set()


def test_help_does_not_even_read_specs() -> None:
    assert (
        loaded_by("--help") & {"pydantic", "yaml", "omegaconf", "fsspec", "rich", "jinja2", "cryptography"}
        == set()
    )


@pytest.mark.parametrize(
    "command", ["apply", "bundle", "card", "explain", "optout", "plan", "release", "schema", "verify"]
)
def test_help_of_a_command_is_as_cheap(command: str) -> None:
    assert loaded_by(command, "--help") & set(NEVER) == set()


@pytest.mark.parametrize(
    ("arguments", "most"),
    [
        (("--help",), 150),
        (("explain", "E101"), 150),
        (("plugins", "list"), 280),
        (("schema",), 320),
        (("validate", DEMO), 500),
        (("plan", DEMO), 650),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_the_number_of_modules_stays_small(arguments: tuple[str | Path, ...], most: int) -> None:
    """A ceiling somewhat above what there is today: each hundred modules are some twenty milliseconds."""
    assert len(modules_of(*arguments)) <= most
