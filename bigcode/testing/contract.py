"""The contract of a component, checked for authors of plugins.

`assert_contract(component)` runs an observer or a clusterer over the tiny corpus and checks what the engine
relies on: loading its plugin is cheap, its settings survive JSON, its columns are those it declares, its result
depends on nothing but its input, it reaches no network, and its golden digest still holds.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bigcode.api import Column, Component, Config, load_object
from bigcode.testing.context import StageContext
from bigcode.testing.corpus import tables_of
from bigcode.testing.results import GRAIN_KEYS, digest_of, parse_type

if TYPE_CHECKING:
    import pyarrow as pa

HEAVY = (
    "torch", "transformers", "mlflow", "dask", "distributed", "pyarrow", "pandas", "numba", "datasketch",
)  # fmt: skip
"""What loading a plugin and its settings must not import: `--help`, `validate` and `plan` start without them."""

_SIGNATURE = Column("signature", "binary")
_CLUSTER = Column("cluster", "string")


def assert_contract(
    component: Component,
    rows: Sequence[Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Check all that the engine expects of an observer or a clusterer.

    `rows` are as of `bigcode.testing.corpus.build_corpus` (the default); `settings` are the `with` of a spec.
    The golden digest is over the default corpus and default settings, and is checked for these alone.

    Raises:
        AssertionError: saying which part of the contract is broken, and for the golden digest what to do.
        ValueError: for a component of another slot.
    """
    if component.slot not in ("observer", "clusterer"):
        raise ValueError(
            f"`{component.name}` fills the slot {component.slot}; the kit checks observers and clusterers"
        )
    assert_import_budget(component)
    config = assert_config_round_trip(component, settings or {})
    stage = load_object(component.factory)(config)
    table = _table(component, rows)
    with without_network():
        results = _run(component, stage, [table])
        found = digest_of(*results)
        assert_columns(component, table, *results)
        assert_partition_independence(component, stage, table, found)
    assert_hash_seed_independence(component, rows, config, found)
    if rows is None and not settings:
        assert_golden(component, found)


def assert_import_budget(component: Component) -> None:
    """A fresh interpreter that loads the plugin and the config class imports none of `HEAVY`."""
    plugin = component.factory.partition(":")[0].partition(".")[0] + ".plugin"
    program = (
        f"import sys, {plugin}\n"
        f"names = [c.name for c in {plugin}.bigcode_components()]\n"
        f"assert {component.name!r} in names, names\n"
        f"from bigcode.api import load_object; load_object({component.config!r})\n"
        f"print(*sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    loaded = _python(program).split()
    assert not loaded, f"{plugin} imports {', '.join(loaded)}; name the implementation by a string instead"


def assert_config_round_trip(component: Component, settings: Mapping[str, Any]) -> Config:
    """The settings as JSON and back are the same settings; returns them."""
    model: type[Config] = load_object(component.config)
    config = model.model_validate(settings)
    text = json.dumps(config.model_dump(mode="json", by_alias=True), sort_keys=True)
    again = model.model_validate(json.loads(text))
    assert again == config, f"{component.config}: settings change on their way through JSON: {text}"
    model.model_json_schema()
    return config


def assert_columns(component: Component, table: pa.Table, first: pa.Table, *clusters: pa.Table) -> None:
    """Columns are those declared, and each row of the input has one row (in the sketches, for a clusterer)."""
    names = GRAIN_KEYS[component.grain or "blob"]
    keys = tuple(Column(name, "string") for name in names)
    _assert_types(component, first, (*keys, *(component.writes if not clusters else (_SIGNATURE,))))
    for table_of_clusters in clusters:
        _assert_types(component, table_of_clusters, (*keys, _CLUSTER, _SIGNATURE))
    given, got = (sorted(zip(*(t[k].to_pylist() for k in names), strict=True)) for t in (table, first))
    assert given == got, (
        f"`{component.name}` must give one row for each of its input: {len(given)} in, {len(got)} out"
    )


def assert_partition_independence(component: Component, stage: Any, table: pa.Table, expected: str) -> None:
    """Any way to cut and order the input gives the same result, and so does an empty part."""
    order = list(range(table.num_rows))
    random.Random(7).shuffle(order)
    shuffled = table.take(order)
    cuts = {
        "in another order": [shuffled],
        "in two parts": [table.slice(0, table.num_rows // 3), table.slice(table.num_rows // 3)],
        "row by row": [shuffled.slice(i, 1) for i in range(shuffled.num_rows)],
        "with an empty part": [table.slice(0, 0), table],
    }
    for how, parts in cuts.items():
        found = digest_of(*_run(component, stage, parts))
        assert found == expected, f"`{component.name}` gives another result when it reads its input {how}"


def assert_hash_seed_independence(
    component: Component, rows: Sequence[Mapping[str, Any]] | None, config: Config, expected: str
) -> None:
    """Two interpreters with different hash seeds give the result of this one."""
    request = {
        "component": asdict(component),
        "rows": None if rows is None else list(rows),
        "config": config.model_dump(mode="json", by_alias=True),
    }
    for seed in ("1", "2"):
        found = _python(
            "from bigcode.testing.contract import answer; answer()", json.dumps(request), seed
        ).strip()
        assert found == expected, f"`{component.name}` gives another result under PYTHONHASHSEED={seed}"


def golden_of(component: Component) -> str:
    """The digest that `golden` is set to: of the result over the corpus with default settings."""
    stage = load_object(component.factory)(load_object(component.config)())
    return digest_of(*_run(component, stage, [_table(component, None)]))


def assert_golden(component: Component, found: str) -> None:
    """The result over the corpus is the one that this behaviour version is known by, if it declares one."""
    if component.golden and component.golden != found:
        raise AssertionError(
            f"`{component.name}` version {component.version} gives another result over the corpus than its golden "
            f"digest says.\n  declared {component.golden}\n  found    {found}\n"
            f"If the change is meant, set version={component.version + 1} and golden to the digest found, so that "
            "stores compute again; if it is not, the component's behaviour depends on something that changed."
        )


@contextmanager
def without_network() -> Iterator[None]:
    """Within it, opening a socket raises."""
    opened = socket.socket

    class Refused(opened):  # type: ignore[valid-type, misc]
        def __init__(self, *_: Any, **__: Any) -> None:
            raise AssertionError("a stage opened a socket; collectors and release targets alone may")

    socket.socket = Refused  # type: ignore[misc]
    try:
        yield
    finally:
        socket.socket = opened  # type: ignore[misc]


def answer() -> None:
    """Read a request of `assert_hash_seed_independence` from stdin and print the digest of its result."""
    request = json.load(sys.stdin)
    described = request["component"]
    component = Component(**{**described, "writes": tuple(Column(**c) for c in described["writes"])})
    config = load_object(component.config).model_validate(request["config"])
    table = _table(component, request["rows"])
    with without_network():
        print(digest_of(*_run(component, load_object(component.factory)(config), [table])))


def _table(component: Component, rows: Sequence[Mapping[str, Any]] | None) -> pa.Table:
    return tables_of(rows)["blob" if component.slot == "clusterer" else component.grain]


def _run(component: Component, stage: Any, parts: Sequence[pa.Table]) -> tuple[pa.Table, ...]:
    """What the component makes of its input: its table, or for a clusterer the sketches and the clusters."""
    import pyarrow as pa

    if component.slot == "observer":
        return (pa.concat_tables([stage.run(part, StageContext()) for part in parts]),)
    sketches = [stage.map(part, StageContext()) for part in parts]
    return pa.concat_tables(sketches), stage.reduce(sketches, StageContext())


def _assert_types(component: Component, table: pa.Table, columns: Sequence[Column]) -> None:
    wanted = {column.name: parse_type(column.type) for column in columns}
    found = {field.name: field.type for field in table.schema}
    assert found == wanted, f"`{component.name}` declares {wanted} and gives {found}"


def _python(program: str, text: str = "", seed: str = "0") -> str:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=text,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
