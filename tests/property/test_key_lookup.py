"""Keys that a walk makes with what its labels share are those of the definition, and so is the order of a graph."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bigcode.api.facts import Fact
from bigcode.api.shapes import Entry
from bigcode.plan.graph import Edge, Graph, Node, order, sources
from bigcode.plan.keys import Keys, content_key, inputs_of
from bigcode.store.actions import Action

NAMES = ("0", "1", "2", "Python", 'Ünï"co\\de', "")
DIGESTS = st.sampled_from(["ab" * 32, "cd" * 32, "ef" * 32])
ENTRIES = st.lists(st.builds(Entry, st.sampled_from(NAMES), DIGESTS, st.integers(0, 9)), max_size=4)
VALUES = st.one_of(st.integers(), st.text(max_size=4), st.none(), st.lists(st.booleans(), max_size=2))
LABELS = ("0", "1", "2", "Python/0-2", "2/1-1", "/0-1")


def action(entries: list[Entry], facts: list[Any]) -> Action:
    found = tuple(Fact(f"f{i}", value) for i, value in enumerate(facts))
    return Action("k", "c", 1, "", None, {}, {"out": tuple(entries)}, facts=found)


SOURCES = st.fixed_dictionaries(
    {part: st.builds(action, ENTRIES, st.lists(st.integers(), max_size=2)) for part in ("0", "1", "2")}
).flatmap(lambda made: st.permutations(list(made.items())).map(dict))
EDGES = st.lists(
    st.builds(
        Edge,
        st.sampled_from(["a", "b", "Ünï", "z"]),
        st.sampled_from(["one", "two"]),
        st.sampled_from(["out", "other"]),
        st.sampled_from(["same", "all", "named", "range", "facts"]),
        st.sampled_from(["", "P", "1"]),
        st.booleans(),
    ),
    max_size=4,
    unique_by=lambda edge: edge.name,
)


@given(
    results=st.fixed_dictionaries({"one": SOURCES, "two": SOURCES}),
    edges=EDGES,
    identity=st.dictionaries(st.text(max_size=3), VALUES, max_size=3),
    unit=VALUES,
    literals=st.dictionaries(st.sampled_from(["list", "é"]), DIGESTS),
    labels=st.lists(st.sampled_from(LABELS), min_size=1, max_size=5),
)
def test_keys_of_a_walk_are_those_of_the_definition(
    results: dict[str, dict[str, Action]],
    edges: list[Edge],
    identity: dict[str, Any],
    unit: Any,
    literals: dict[str, str],
    labels: list[str],
) -> None:
    node = Node(
        "x",
        "R",
        "core",
        "core.x",
        3,
        "m:f",
        identity,
        inputs=tuple(edges),
        partition_identity={labels[0]: unit},
        literals=literals,
    )
    keys = Keys(results)
    for label in labels:
        modes = {edge.mode for edge in edges}
        if ("range" in modes and "/" not in label) or ("same" in modes and label not in results["one"]):
            continue
        assert keys.key(node, label) == content_key(node, label, results)
        assert keys.inputs(node, label) == inputs_of(node, label, results)


def test_a_source_that_is_finished_anew_is_looked_at_anew() -> None:
    results = {"one": {"0": action([Entry("0", "ab" * 32)], [])}}
    node = Node(
        "x",
        "R",
        "core",
        "c",
        1,
        "m:f",
        {},
        inputs=tuple(
            Edge(mode, "one", "out", mode)
            for mode in ("same", "all", "named", "facts")  # type: ignore[arg-type]
        ),
    )
    keys = Keys(results)
    before = keys.key(node, "0")
    results["one"] = {"0": action([Entry("0", "cd" * 32)], [1])}
    assert keys.key(node, "0") == content_key(node, "0", results) != before


def waves(nodes: list[Node]) -> list[str]:
    """The order by its definition: again and again all nodes whose sources are out."""
    out: list[str] = []
    while len(out) < len(nodes):
        out += [n.id for n in nodes if n.id not in out and all(s in out for s in sources(n))]
    return out


@given(st.data())
def test_nodes_stand_behind_their_sources_and_otherwise_as_they_came(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    made = []
    for number in range(count):
        above = data.draw(st.lists(st.integers(0, number - 1), max_size=3)) if number else []
        edges = tuple(Edge(f"e{i}", str(source)) for i, source in enumerate(above))
        made.append(Node(str(number), f"R{number % 3}", "core", "c", 1, "m:f", {}, inputs=edges))
    shuffled = data.draw(st.permutations(made))
    graph: Graph = order(shuffled)
    assert list(graph.nodes) == waves(list(shuffled))
    assert graph.resources() == list(dict.fromkeys(n.resource for n in graph.nodes.values()))
    assert graph.of("R1") == [n for n in graph.nodes.values() if n.resource == "R1"]
