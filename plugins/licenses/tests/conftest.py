"""Real licence texts, taken from the packages that are installed here, and the observer as a spec would build it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import Distribution, distributions

import pyarrow as pa
import pytest

from bigcode.api import load_object
from bigcode.testing.context import StageContext
from bigcode_licenses import plugin

COMPONENT, TIERS = plugin.bigcode_components()


@pytest.fixture(scope="session")
def build() -> Callable:
    def with_settings(**settings: object):
        return load_object(COMPONENT.factory)(load_object(COMPONENT.config)(**settings))

    return with_settings


@pytest.fixture(scope="session")
def observe(build: Callable) -> Callable:
    """Observe one file: its row, with `license` as pairs of id and score."""

    def one(name: str, content: str | bytes, **settings: object) -> dict:
        data = content.encode() if isinstance(content, str) else content
        table = pa.table({"blob": ["0" * 64], "name": [name], "content": pa.array([data], pa.binary())})
        (row,) = build(**settings).run(table, StageContext()).to_pylist()
        return row

    return one


@pytest.fixture(scope="session")
def read() -> Callable:
    """Observe one file with `licenses.tiers`; `context` holds what is remembered."""

    def one(name: str, content: str | bytes, context: StageContext | None = None, **settings: object) -> dict:
        data = content.encode() if isinstance(content, str) else content
        table = pa.table({"blob": ["0" * 64], "name": [name], "content": pa.array([data], pa.binary())})
        stage = load_object(TIERS.factory)(load_object(TIERS.config)(**settings))
        (row,) = stage.run(table, context or StageContext()).to_pylist()
        return row

    return one


@pytest.fixture(scope="session")
def licensed() -> list[tuple[str, str, str]]:
    """(declared expression, name of the licence file, its text) of installed packages with exactly one such file."""
    found = []
    for distribution in sorted(distributions(), key=lambda d: d.name or ""):
        expression = distribution.metadata.get("License-Expression")
        files = _license_files(distribution)
        if expression and len(files) == 1:
            found.append((expression, files[0].name, files[0].read_text()))
    return found


@pytest.fixture(scope="session")
def text_of(licensed: list[tuple[str, str, str]]) -> Callable[[str], str]:
    """The text that the first package under a licence ships."""
    return lambda identifier: next(text for expression, _, text in licensed if expression == identifier)


def _license_files(distribution: Distribution) -> list:
    declared = set(distribution.metadata.get_all("License-File") or ())
    return [f for f in distribution.files or () if ".dist-info" in str(f) and f.name in declared]
