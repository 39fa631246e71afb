"""Checking a bundle offline: digests (level 0), facts and cards (level 1), queries over verdict tables (level 2)."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bigcode.api.canonical import digest
from bigcode.api.diagnostics import Diagnostic
from bigcode.api.facts import Fact
from bigcode.evidence.bundle import LIST, ROOT, SIGNATURE, Bundle, carried_name, signature_bytes
from bigcode.evidence.check import check_facts
from bigcode.evidence.claims import check_claims
from bigcode.evidence.ledger import qualify
from bigcode.evidence.query import run_query
from bigcode.evidence.shards import EraseLookup, check_shards
from bigcode.evidence.signing import verified
from bigcode.store.actions import Action

CheckCard = Callable[[Bundle, Mapping[str, Fact]], Iterable[Diagnostic]]
_MISFORMED = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
)


@dataclass
class Verdict:
    """What was checked (a line each), what was not, and the findings."""

    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not any(f.severity == "error" for f in self.findings)


def verify(
    bundle: Bundle,
    *,
    level: int,
    cards: CheckCard,
    trust: Sequence[str] = (),
    data: Path | None = None,
    erasure_of: EraseLookup | None = None,
) -> Verdict:
    """Check a bundle up to a level.

    Args:
        cards: checks every card of the bundle against its trace and the facts.
        trust: public keys, one of which must have signed the root.
        data: a release's dataset folder to check against what the bundle names.
        erasure_of: what a store at hand says that a purge took; else the record in the folder is taken.
    """
    out = Verdict()
    with _reading(out, LIST):
        _check_files(bundle, out)
        _check_signature(bundle, trust, out)
    if not out.ok:
        out.unchecked.append("facts, cards and queries: the files themselves do not match")
        return out
    facts: dict[str, Fact] = {}
    if level >= 1:
        with _reading(out, "facts, names or actions"):
            _check_facts(bundle, facts, out)
    if any(f.code == "E611" for f in out.findings):
        out.unchecked.append("cards and queries: the facts cannot be read")
        return out
    if level >= 1:
        with _reading(out, "cards or traces"):
            _check_cards(bundle, facts, cards, out)
    if level >= 2:
        with _reading(out, "verdict tables"):
            _check_queries(bundle, facts, out)
    if data is not None:
        with _reading(out, "manifests"):
            check_shards(bundle, data, out.findings, out.checked, out.unchecked, erasure_of)
    else:
        out.unchecked.append("the data files themselves: pass --data DIR")
    out.unchecked.append(
        "that components, run again, give these objects (level 3), and training, which is recorded"
    )
    out.unchecked.append("what people declared: its sources are named, not followed")
    return out


@contextmanager
def _reading(out: Verdict, part: str) -> Iterator[None]:
    """Whoever seals a bundle may put anything into it: a part of another form is a finding, not a fault."""
    try:
        yield
    except _MISFORMED as error:
        said = f"{type(error).__name__}: {error}"[:200]
        out.findings.append(Diagnostic("E611", f"the bundle holds {part} of another form ({said})"))


def _check_files(bundle: Bundle, out: Verdict) -> None:
    before = len(out.findings)
    root = f"sha256:{digest(bundle[LIST])}"
    if not bundle.plain(ROOT):
        out.findings.append(Diagnostic("E605", f"{ROOT} is not in the bundle"))
    elif bundle[ROOT] != f"{root}\n".encode():
        # A list that is not the one that was sealed says nothing about the other files.
        out.findings.append(Diagnostic("E604", f"{LIST} does not have the digest that {ROOT} names"))
        return
    listing = bundle.json(LIST)["files"]
    found = set(bundle) - {LIST, ROOT, SIGNATURE}
    present = {name for name in found if bundle.plain(name)}
    for name in sorted(set(listing) - present):
        out.findings.append(Diagnostic("E605", f"{name} is listed and not there"))
    for name in sorted(found - (present & set(listing))):
        out.findings.append(Diagnostic("E606", f"{name} is there and not listed"))
    for name in sorted(present & set(listing)):
        if not hmac.compare_digest(digest(bundle[name]), listing[name]["sha256"]):
            out.findings.append(Diagnostic("E604", f"{name} does not have the digest that the bundle lists"))
    if len(out.findings) == before:
        out.checked.append(f"{len(listing)} files have the digests that the bundle lists ({root})")


def _check_signature(bundle: Bundle, trust: Sequence[str], out: Verdict) -> None:
    if SIGNATURE not in set(bundle):
        if trust:
            out.findings.append(Diagnostic("E612", "the bundle is not signed"))
        else:
            out.unchecked.append("who made the bundle: it is not signed")
        return
    try:
        signature = bundle.json(SIGNATURE)
        good = bundle[SIGNATURE] == signature_bytes(signature["key"], signature["value"])
        good = good and verified(signature["key"], signature["value"], bundle[ROOT])
    except (ValueError, KeyError, TypeError, AttributeError):
        good = False
        signature = {}
    if not good:
        out.findings.append(Diagnostic("E612", "the signature is not of this bundle"))
    elif trust and signature["key"] not in trust:
        out.findings.append(Diagnostic("E612", "the bundle is signed with another key than the trusted one"))
    else:
        known = "the trusted key" if trust else f"key {signature['key'][:16]}, which was not named as trusted"
        out.checked.append(f"the root is signed with {known}")


def _check_facts(bundle: Bundle, facts: dict[str, Fact], out: Verdict) -> None:
    """Check the facts and enter them into `facts`."""
    before = len(out.findings)
    for line in bundle["facts.jsonl"].splitlines():
        fact = Fact.from_json(json.loads(line))
        if fact.id in facts:
            out.findings.append(Diagnostic("E601", f"{fact.id} stands twice"))
        facts[fact.id] = fact
    present = {digest(bundle[name]) for name in bundle} | set(bundle.json("objects.json"))
    out.findings += check_facts(facts, present)
    recorded = _recorded(bundle, out)
    for fact_id, fact in recorded.items():
        if fact_id not in facts or facts[fact_id].as_json() != fact.as_json():
            out.findings.append(Diagnostic("E601", f"{fact_id} differs from what its action recorded"))
    resources = bundle.json("names.json")["resources"]
    claimed, wrong = check_claims(resources, facts)
    out.findings += wrong
    beside = [Fact.from_json(json.loads(line)) for line in bundle["declared.jsonl"].splitlines()]
    for fact in [*(facts[i] for i in sorted(facts.keys() - recorded.keys() - set(claimed))), *beside]:
        if not _told(fact, resources):
            out.findings.append(
                Diagnostic("E613", f"{fact.id} is recorded by no action and declared by no spec")
            )
    if len(out.findings) == before:
        derived = sum(f.kind == "derived" for f in facts.values())
        out.checked.append(
            f"{len(facts)} facts: {derived} derived ones recompute, ledgers reconcile, inputs are listed"
        )


def _recorded(bundle: Bundle, out: Verdict) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    carried: set[str] = set()
    for address, nodes in bundle.json("refs.json").items():
        for node, keys in nodes.items():
            for label, key in keys.items():
                action = Action.from_json(bundle.json(f"actions/{key}.json"))
                if action.key != key:
                    out.findings.append(
                        Diagnostic("E613", f"actions/{key}.json is the record of another key")
                    )
                facts |= {f.id: f for f in (qualify(address, raw) for raw in action.facts)}
                for output, entries in action.outputs.items():
                    for entry in entries:
                        name = carried_name(address, node, label, output, entry.name)
                        carried.add(name)
                        if name and (name not in bundle or digest(bundle[name]) != entry.digest):
                            out.findings.append(Diagnostic("E604", f"{name} is not what its action wrote"))
    for name in bundle:
        if name.startswith(_OUTPUTS) and name not in carried:
            out.findings.append(Diagnostic("E606", f"{name} was written by no action"))
    return facts


_OUTPUTS = ("verdicts/", "manifests/", "listings/", "cards/", "recorded/")


def _told(fact: Fact, resources: Mapping[str, Any]) -> bool:
    """Whether a fact that no action recorded is one that a spec declares, or the engine's own on stale data."""
    for address, resource in resources.items():
        if not fact.id.startswith(f"{address}/"):
            continue
        name = fact.id.removeprefix(f"{address}/")
        if name == "stale" and resource["kind"] in ("Model", "Tokenizer"):
            return fact.value in ("yes", "no")
        for item in resource["spec"].get("facts", ()):
            wanted = (item["id"], item["value"], item["unit"], item["source"], item["asOf"])
            if fact.kind == "declared" and wanted == (name, fact.value, fact.unit, fact.source, fact.as_of):
                return True
    return False


def _check_cards(bundle: Bundle, facts: Mapping[str, Fact], cards: CheckCard, out: Verdict) -> None:
    before = len(out.findings)
    out.findings += cards(bundle, facts)
    names = [n for n in bundle if n.endswith(".trace.json")]
    if len(out.findings) == before:
        out.checked.append(f"{len(names)} cards print only what facts hold")


def _check_queries(bundle: Bundle, facts: Mapping[str, Fact], out: Verdict) -> None:
    import pyarrow as pa

    count, before = 0, len(out.findings)
    tables: dict[str, Any] = {}
    for name in bundle:
        if name.startswith("verdicts/"):
            subject = name.split("/", 1)[1].rpartition("/")[0]
            tables.setdefault(subject, []).append(_read_table(bundle[name]))
    for subject, parts in tables.items():
        table = pa.concat_tables(parts)
        out.findings += _check_hidden(subject, table)
        for fact in facts.values():
            if fact.query is None or fact.query.table != "verdicts" or not fact.id.startswith(f"{subject}/"):
                continue
            count += 1
            value = run_query(fact.query, table)
            if value != fact.value:
                out.findings.append(
                    Diagnostic("E607", f"{fact.id} is recorded as {fact.value} and counts to {value}")
                )
    if len(out.findings) == before:
        out.checked.append(f"{count} measured facts recount from the verdict tables")
    others = sum(f.kind == "measured" or f.query is not None for f in facts.values()) - count
    out.unchecked.append(
        f"{others} measured facts whose tables are not in the bundle (snapshot, training, evaluation)"
    )


def _read_table(data: bytes) -> Any:
    """A table of the bundle.

    Raises:
        ValueError: when the bytes hold no table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(pa.BufferReader(data))
    except OSError as error:
        # The reader says so of bytes that it cannot decode; no disk is involved.
        raise ValueError(str(error)) from error


def _check_hidden(subject: str, table: Any) -> Iterable[Diagnostic]:
    """Rows that an opt-out touches hold a keyed id and a reason, nothing else.

    Such a row may have been dropped for its licence first, so that its reason does not tell: it has no path, or
    its id is not that of the file that it names.
    """
    import pyarrow.compute as pc

    names = [table[c] for c in ("host", "owner", "repository", "revision", "path")]
    named = pc.binary_join_element_wise(
        pc.binary_join_element_wise(*names[:3], "/"),
        pc.binary_join_element_wise(*names[3:], ":"),
        "@",
    )
    own = pc.fill_null(pc.equal(table["row"], named), False)
    hidden = table.filter(pc.or_(pc.invert(own), pc.starts_with(table["reason"], "optout.")))
    for column in hidden.column_names:
        if column not in ("row", "reason") and hidden[column].null_count != hidden.num_rows:
            yield Diagnostic("E607", f"{subject}: rows that an opt-out touches hold `{column}`")
