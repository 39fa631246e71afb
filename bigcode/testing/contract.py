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
from itertools import pairwise
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

_PARTS = 3
"""Into so many parts the range of band hashes is cut, beside the whole of it."""

_CLUSTERER_TABLES = {
    "map": (Column("blob", "string"), Column("signature", "binary"), Column("bands", "binary")),
    "shingle": (Column("blob", "string"), Column("shingles", "binary")),
    "link": (Column("left", "string"), Column("right", "string")),
    "reduce": (Column("blob", "string"), Column("cluster", "string")),
}
"""What each step of a clusterer gives, in the order of the tables that `_run` returns."""


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
        if component.slot == "clusterer":
            assert_groups(component, stage, *results)
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


def assert_columns(component: Component, table: pa.Table, *results: pa.Table) -> None:
    """Columns are those declared, and each row of the input has one row (in `map` and `shingle`, for a
    clusterer)."""
    names = GRAIN_KEYS[component.grain or "blob"]
    if component.slot == "clusterer":
        for result, columns in zip(results, _CLUSTERER_TABLES.values(), strict=True):
            _assert_types(component, result, columns)
    else:
        _assert_types(component, results[0], (*(Column(name, "string") for name in names), *component.writes))
    given = _keys(table, names)
    for result in results[:2]:
        got = _keys(result, names)
        assert given == got, (
            f"`{component.name}` must give one row for each of its input: {len(given)} in, {len(got)} out"
        )


def assert_groups(
    component: Component,
    stage: Any,
    sketches: pa.Table,
    shingles: pa.Table,
    links: pa.Table,
    groups: pa.Table,
) -> None:
    """What the core reads of a clusterer: a threshold, numbers in bytes, pairs of files that have a sketch, groups
    named after their smallest blob, and the same groups however the range of band hashes is cut."""
    name = component.name
    assert 0 < stage.threshold <= 1, f"`{name}` has the threshold {stage.threshold}, which is no similarity"
    widths = set()
    for row in sketches.to_pylist():
        signature, bands = row["signature"], row["bands"]
        assert (signature is None) == (bands is None), (
            f"`{name}` gives a signature without bands, or bands alone"
        )
        widths |= {(len(signature), len(bands))} if signature is not None else set()
    assert len(widths) <= 1, f"`{name}` gives sketches of different lengths: {sorted(widths)}"
    for signature_bytes, band_bytes in widths:
        assert signature_bytes % 4 == 0, f"`{name}`: a signature is a sequence of uint32"
        assert band_bytes % 8 == 0, f"`{name}`: bands are a sequence of uint64"
    for hashes in shingles["shingles"].to_pylist():
        assert hashes is not None, f"`{name}` gives null for shingles; a file without any has none, not null"
        numbers = _numbers(hashes)
        assert all(a < b for a, b in pairwise(numbers)), f"`{name}`: shingles are distinct and ascend"
    sketched = {row["blob"] for row in sketches.to_pylist() if row["bands"] is not None}
    linked = {*links["left"].to_pylist(), *links["right"].to_pylist()}
    assert linked <= sketched, f"`{name}` links files that have no sketch"
    members = groups["blob"].to_pylist()
    assert members == sorted(linked), f"`{name}` must give each linked file once, sorted by blob"
    smallest: dict[str, str] = {}
    for blob, group in zip(members, groups["cluster"].to_pylist(), strict=True):
        assert smallest.setdefault(group, blob) == group, (
            f"`{name}`: a group is named after its smallest blob"
        )
    parts = [stage.link([sketches], part, _PARTS, StageContext()) for part in range(_PARTS)]
    assert stage.reduce(parts, StageContext()).equals(groups), (
        f"`{name}` gives other groups when the range of band hashes is cut into {_PARTS} parts"
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
    """What the component makes of its input: its table, or those of each step of a clusterer."""
    import pyarrow as pa

    if component.slot == "observer":
        return (pa.concat_tables([stage.run(part, StageContext()) for part in parts]),)
    sketches = [stage.map(part, StageContext()) for part in parts]
    shingles = pa.concat_tables([stage.shingle(part, StageContext()) for part in parts])
    links = stage.link(sketches, 0, 1, StageContext())
    return pa.concat_tables(sketches), shingles, links, stage.reduce([links], StageContext())


def _keys(table: pa.Table, names: Sequence[str]) -> list[tuple[str, ...]]:
    return sorted(zip(*(table[name].to_pylist() for name in names), strict=True))


def _numbers(data: bytes) -> list[int]:
    """Little-endian uint32 as numbers."""
    return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]


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
