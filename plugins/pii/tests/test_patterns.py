"""What is personal or secret in source text is found, what only looks like it is left alone."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.testing.context import StageContext
from bigcode.testing.corpus import EMAIL, GITHUB_TOKEN, IPV4, PASSPHRASE, tables_of
from bigcode_pii.config import Entity, PatternsConfig
from bigcode_pii.invented import NEGATIVES, POSITIVES
from bigcode_pii.patterns import Patterns, find, mask
from bigcode_pii.surrogates import choose_surrogate

AT = "@"
"""Keeps addresses from standing whole in this file."""


def found(text: str) -> list[tuple[str, str]]:
    data = text.encode()
    return [(f.entity, data[f.start : f.end].decode()) for f in find(data)]


def line(entity: Entity, kind: str, seed: int = 3) -> tuple[str, str, str]:
    return POSITIVES[entity, kind](Random(seed))


@pytest.mark.parametrize(("entity", "kind"), sorted(POSITIVES))
def test_each_invented_kind_is_found_in_place(entity: Entity, kind: str) -> None:
    for seed in range(5):
        before, value, after = line(entity, kind, seed)
        data = f"# é\n{before}{value}{after}\n".encode()
        (finding,) = [f for f in find(data) if f.entity == entity]
        assert data[finding.start : finding.end].decode() == value
        assert 0.5 < finding.score < 1


@pytest.mark.parametrize("kind", sorted(NEGATIVES))
def test_each_look_alike_is_left_alone(kind: str) -> None:
    for seed in range(20):
        assert found("".join(NEGATIVES[kind](Random(seed))) + "\n") == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (f"mailto:jo.do+x{AT}post.lumabit.co.uk?subject=1", f"jo.do+x{AT}post.lumabit.co.uk"),
        (f'print("\\njo{AT}lumabit.dev\\n")', f"jo{AT}lumabit.dev"),
        (f"Write to jo{AT}lumabit.org.Thanks", f"jo{AT}lumabit.org"),
        (f"({AT}x) jo{AT}lumabit.io, y", f"jo{AT}lumabit.io"),
        (f"ünï jo{AT}lumabit.com", f"jo{AT}lumabit.com"),
    ],
)
def test_the_bounds_of_an_address_are_exact(text: str, address: str) -> None:
    assert found(text) == [("EMAIL", address)]


@pytest.mark.parametrize(
    "text",
    [
        f"https://jo{AT}lumabit.com/path",
        f"ssh://git{AT}lumabit.com/a/b.git",
        f"logits = x{AT}weight.transpose(0, 1)",
        f"a{AT}b.test b{AT}mail.example.net c{AT}x.invalid d{AT}localhost.localdomain",
        f"jo{AT}lumabit.unknownending",
        f"pkg{AT}1.2.3-alpha.next",
    ],
)
def test_what_has_the_form_of_an_address_is_not_always_one(text: str) -> None:
    assert found(text) == []


def test_four_numbers_are_an_address_or_a_version_by_what_stands_around() -> None:
    low, high = ".".join(["9", "4", "7", "2"]), ".".join(["91", "44", "107", "212"])
    assert found(f"ssh root{AT}{low}") == [("IP_ADDRESS", low)]
    assert found(f"version = '{high}'") == []
    assert found(f"release {low}") == []
    assert found(f"x = '{low}'") == []
    assert found(f"x = '{high}'") == [("IP_ADDRESS", high)]
    assert found(f"1.{high} {high}.5 0{high}") == []
    assert found(f"allow {high[:-3]}0/24; deny {high}/24") == [("IP_ADDRESS", high)]


def test_addresses_that_name_no_machine_in_particular_are_left_alone() -> None:
    quads = "0.0.0.0 10.9.8.7 100.64.1.2 127.0.0.53 169.254.3.4 172.31.2.1 192.0.2.9 198.18.0.9 203.0.113.5 224.0.0.251"
    more = "240.1.2.3 255.255.255.0 8.8.4.4 149.112.112.112 123.123.123.123 1.2.3.4"
    six = "::1 fe80::1 fc00::8 ff02::fb 2001:db8::8 2001:4860:4860::8888 12:30:45 a::b"
    for value in f"{quads} {more} {six}".split():
        assert found(f"host: {value}\n") == [], value


def test_a_key_wins_over_an_address_that_it_contains() -> None:
    before, value, after = line("KEY", "url")
    (finding,) = found(f"{before}{value}{after}".replace("service.example", "lumabit.com"))
    assert finding == ("KEY", value)


def test_the_marks_and_line_ends_of_a_private_key_stay() -> None:
    for end in ("\n", "\\n"):
        begin, body, close = f"-----BEGIN PRIVATE KEY-----{end}", [], f"{end}-----END PRIVATE KEY-----"
        body = [POSITIVES["KEY", "google"](Random(i))[1][:32] * 2 for i in range(3)]
        data = f'key = "{begin}{end.join(body)}{close}"'.encode()
        masked = mask(data, find(data)).decode()
        assert masked.startswith(f'key = "{begin}')
        assert masked.endswith(f'{close}"')
        assert len(masked) == len(data)
        assert masked.count(end) == data.decode().count(end)
        assert not any(row in masked for row in body)


def test_a_surrogate_is_the_same_for_the_same_value_and_shared_by_many() -> None:
    rng = Random(1)
    for entity, kind, most in (("EMAIL", "email", 64), ("IP_ADDRESS", "ipv4", 5), ("IP_ADDRESS", "ipv6", 5)):
        values = {POSITIVES[entity, kind](rng)[1].encode() for _ in range(2000)}
        surrogates = {value: choose_surrogate(entity, value) for value in values}
        assert surrogates == {value: choose_surrogate(entity, value) for value in values}
        assert len(set(surrogates.values())) == most
    key = PASSPHRASE.encode()
    assert choose_surrogate("KEY", key) == choose_surrogate("KEY", key)
    assert len(choose_surrogate("KEY", key)) == len(key)
    assert len(set(choose_surrogate("KEY", key))) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_masked_text_holds_nothing_more_to_find(seed: int) -> None:
    rng = Random(seed)
    lines = ["".join(POSITIVES[key](rng)) for key in sorted(POSITIVES)]
    lines += ["".join(NEGATIVES[kind](rng)) for kind in sorted(NEGATIVES)]
    rng.shuffle(lines)
    data = "\n".join(lines).encode()
    assert find(mask(data, find(data))) == []


@settings(max_examples=200, deadline=None)
@given(st.text("ab@.:/-_=\"'\\n 019é\n", max_size=200) | st.text(max_size=200))
def test_findings_are_in_order_apart_and_on_whole_characters(text: str) -> None:
    data = text.encode()
    findings = find(data)
    assert all(a.end <= b.start for a, b in pairwise(findings))
    for finding in findings:
        assert 0 <= finding.start < finding.end <= len(data)
        data[finding.start : finding.end].decode()


def test_the_observer_gives_findings_and_counts_for_each_blob() -> None:
    table = tables_of()["blob"]
    result = Patterns(PatternsConfig()).run(table, StageContext())
    assert result["blob"].equals(table["blob"])
    totals = {name: sum(result[name].to_pylist()) for name in ("pii_email", "pii_ip", "pii_key")}
    assert totals == {"pii_email": 2, "pii_ip": 1, "pii_key": 3}
    for content, findings in zip(table["content"].to_pylist(), result["pii"].to_pylist(), strict=True):
        values = {content[f["start"] : f["end"]].decode(): f["entity"] for f in findings}
        expected = {EMAIL: "EMAIL", IPV4: "IP_ADDRESS", GITHUB_TOKEN: "KEY", PASSPHRASE: "KEY"}
        assert all(expected.get(value, "KEY") == entity for value, entity in values.items())
        assert not any(value in f["surrogate"] for value in values for f in findings)


def test_an_observer_of_one_entity_leaves_the_columns_of_the_others_empty() -> None:
    result = Patterns(PatternsConfig(entities=("EMAIL",))).run(tables_of()["blob"], StageContext())
    assert {f["entity"] for findings in result["pii"].to_pylist() for f in findings} == {"EMAIL"}
    assert not any(result["pii_key"].to_pylist() + result["pii_ip"].to_pylist())


def test_an_empty_table_gives_an_empty_table() -> None:
    empty = pa.table({"blob": pa.array([], pa.string()), "content": pa.array([], pa.binary())})
    assert Patterns(PatternsConfig()).run(empty, StageContext()).num_rows == 0


@pytest.mark.parametrize(
    "unit", ["@", "a.b@", "token=", "1.1.1.1.", "2001:", "eyJ.eyJ", "-----BEGIN PRIVATE KEY-----"]
)
def test_hostile_text_is_read_and_holds_nothing(unit: str) -> None:
    assert find(unit.encode() * 2000) == []
