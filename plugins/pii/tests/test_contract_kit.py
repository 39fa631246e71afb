"""The contract kit catches what it is there to catch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from textwrap import dedent, indent

import pytest

from bigcode.api import Column, Component
from bigcode.testing.contract import assert_contract
from bigcode.testing.results import parse_type

PLUGIN = """
{imports}
from bigcode.api import Column, Component
def bigcode_components():
    return [Component(name="kit.length", version=1, slot="observer", factory="", config="")]
"""
STAGE = """
import socket
import pyarrow as pa

class Length:
    def __init__(self, config):
        self.extra = config.extra
    def run(self, table, ctx):
        contents = table["content"].to_pylist()
{body}
        return pa.table({{"blob": table["blob"], "length": pa.array(lengths, pa.int64())}})
"""
HONEST = "lengths = [len(content) + self.extra for content in contents]"
GOLDEN = "7a1a65f7f5aeb8b0f0b8bbf4fdb5a0a3ea1d6e2cdbd1c7d3a90dd35e2d5f8c11"

Make = Callable[..., Component]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Make:
    """A component in a package of its own, with the given body and imports of its plugin module."""

    def build(body: str = HONEST, imports: str = "") -> Component:
        package = "kit_" + request.node.name.removeprefix("test_")
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "plugin.py").write_text(PLUGIN.format(imports=imports))
        (folder / "stage.py").write_text(STAGE.format(body=indent(dedent(body), " " * 8)))
        (folder / "settings.py").write_text(
            "from bigcode.api import Config\nclass LengthConfig(Config):\n    extra: int = 0\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        return Component(
            name="kit.length",
            version=1,
            slot="observer",
            grain="blob",
            factory=f"{package}.stage:Length",
            config=f"{package}.settings:LengthConfig",
            writes=(Column("length", "int64"),),
        )

    return build


def test_an_honest_component_passes(make: Make) -> None:
    component = make()
    assert_contract(component)
    assert_contract(component, settings={"extra": 2})


def test_a_plugin_that_imports_its_implementation_is_refused(make: Make) -> None:
    with pytest.raises(AssertionError, match="imports pyarrow"):
        assert_contract(make(imports="import pyarrow"))


def test_a_column_of_another_type_is_refused(make: Make) -> None:
    component = replace(make(), writes=(Column("length", "int32"),))
    with pytest.raises(AssertionError, match="declares"):
        assert_contract(component)


def test_a_result_that_depends_on_other_rows_is_refused(make: Make) -> None:
    with pytest.raises(AssertionError, match="another result when it reads its input"):
        assert_contract(make("lengths = [len(contents)] * len(contents)"))


def test_a_result_that_depends_on_the_hash_seed_is_refused(make: Make) -> None:
    with pytest.raises(AssertionError, match="PYTHONHASHSEED"):
        assert_contract(make("lengths = [hash(content) % 1000003 for content in contents]"))


def test_a_component_that_opens_a_socket_is_refused(make: Make) -> None:
    with pytest.raises(AssertionError, match="opened a socket"):
        assert_contract(make(f"socket.socket()\n{HONEST}"))


def test_a_changed_result_says_how_to_raise_the_version(make: Make) -> None:
    with pytest.raises(AssertionError, match="set version=2 and golden") as caught:
        assert_contract(replace(make(), golden=GOLDEN))
    assert GOLDEN in str(caught.value)


def test_another_slot_is_not_for_the_kit(make: Make) -> None:
    with pytest.raises(ValueError, match="collector"):
        assert_contract(replace(make(), slot="collector"))


def test_types_are_read_from_words() -> None:
    words = "list<struct<start:int64,tags:list<string>,score:double>>"
    assert str(parse_type(words)).replace(" ", "").replace("item:", "") == words
    with pytest.raises(ValueError):
        parse_type("list<number>")
