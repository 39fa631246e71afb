"""The gate: hints spare work and change nothing, and what was compiled once is read back."""

from __future__ import annotations

from pathlib import Path
from random import Random
from string import ascii_letters, digits

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bigcode_pii
from bigcode.testing.context import StageContext
from bigcode.testing.corpus import tables_of
from bigcode_pii import detector
from bigcode_pii.config import GatedConfig
from bigcode_pii.detector import Detector
from bigcode_pii.findings import Finding
from bigcode_pii.gate import Gate, Patterns, windows
from bigcode_pii.gated import Gated

HINTED = [rule for rule in Detector().rules if rule.hints]
WITH, WITHOUT = (Gate([Patterns(rule.gates, rule.hints[:keep]) for rule in HINTED]) for keep in (None, 0))
ALNUM = ascii_letters + digits
DRAW = Random(7)
RUN, HEX, KEY = (
    "".join(DRAW.choices(signs, k=n)) for signs, n in ((ALNUM, 30), ("0123456789abcdef", 40), (ALNUM, 86))
)
PARTS = [
    part.encode()
    for part in (
        "AccountKey=", KEY + "==", "12345678", "123456789", ":AA", "discord", ".com", "discordapp.com", "/api",
        "/webhooks/", "1" * 18 + "/", "_" * 60, "tok", "TOKEN", "_", "-", RUN, "x_y-", HEX, "sgp_", "SGP_local_",
        "Sourcegraph",
        "\n", " ", "'", '"', ";", "<", ">", "@", "a.b", "host", "Jane Roe", " <j", "(", "\\n", "é", "k" * 64,
    )
]  # fmt: skip


def found(gate: Gate, content: bytes) -> list[Finding]:
    return [
        f for w in windows(content, gate.hits(content)) for f in HINTED[w.rule].find(content, w.start, w.end)
    ]


def assert_same(content: bytes) -> None:
    assert found(WITH, content) == found(WITHOUT, content)


def test_some_rules_have_hints_and_what_they_find_can_be_made_of_the_parts():
    assert len(HINTED) == 3
    kinds = {
        finding.kind
        for text in (f"AccountKey={KEY}==", f"sgp_{HEX} ", f"tok_{RUN}", "Jane Roe <j@a.b>")
        for finding in found(WITH, text.encode())
    }
    assert kinds == {"azure", "sourcegraph-access-token", "prefixed", "mailbox"}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PARTS) | st.binary(max_size=2), max_size=20).map(b"".join))
def test_hints_change_nothing_in_any_text(text: bytes):
    assert_same(text)


@pytest.mark.parametrize("middle", PARTS)
def test_hints_change_nothing_around_any_part(middle: bytes):
    for first in PARTS:
        for last in PARTS:
            assert_same(b"".join((first, middle, last)))


def test_hints_change_nothing_in_real_files():
    files = sorted(Path(bigcode_pii.__file__).parent.glob("*.py"))
    for content in [path.read_bytes() for path in files] + tables_of()["blob"]["content"].to_pylist():
        assert_same(content)


@pytest.fixture
def run():
    """Run the component as a new process would, with what an earlier one has left."""
    table = tables_of()["blob"]

    def once(memory: dict[str, bytes]) -> tuple[pa.Table, dict[str, bytes]]:
        detector._gate.cache_clear()
        context = StageContext(memory=dict(memory))
        return Gated(GatedConfig()).run(table, context), context.memory

    yield once
    detector._gate.cache_clear()


def test_what_was_compiled_is_read_back(run):
    result, memory = run({})
    ((key, kept),) = memory.items()
    again, left = run(memory)
    assert again.equals(result)
    assert left == memory
    for spoilt in (b"", kept[:-1], kept[:1000] + bytes(1000) + kept[2000:]):
        again, left = run({key: spoilt})
        assert again.equals(result)
        assert left == memory
