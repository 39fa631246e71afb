"""Checking a bundle offline: digests (level 0), facts and cards (level 1), queries over verdict tables (level 2)."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bigcode.api.canonical import digest
from bigcode.api.diagnostics import Diagnostic
from bigcode.api.facts import Fact
from bigcode.evidence.bundle import LIST, ROOT, SIGNATURE, Bundle, signature_bytes
from bigcode.evidence.check import check_facts
from bigcode.evidence.ledger import qualify
from bigcode.evidence.query import run_query
from bigcode.evidence.signing import verified
from bigcode.store.actions import Action

CheckCard = Callable[[Bundle, Mapping[str, Fact]], Iterable[Diagnostic]]


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
    bundle: Bundle, *, level: int, cards: CheckCard, trust: Sequence[str] = (), data: Path | None = None
) -> Verdict:
    """Check a bundle up to a level.

    Args:
        cards: checks every card of the bundle against its trace and the facts.
        trust: public keys, one of which must have signed the root.
        data: a release's dataset folder to check against the manifest.
    """
    out = Verdict()
    _check_files(bundle, out)
    _check_signature(bundle, trust, out)
    if not out.ok:
        out.unchecked.append("facts, cards and queries: the files themselves do not match")
        return out
    if level >= 1:
        facts = _check_facts(bundle, out)
        before = len(out.findings)
        out.findings += cards(bundle, facts)
        names = [n for n in bundle if n.endswith(".trace.json")]
        if len(out.findings) == before:
            out.checked.append(f"{len(names)} cards print only what facts hold")
        if level >= 2:
            _check_queries(bundle, facts, out)
    if data is not None:
        _check_data(bundle, data, out)
    else:
        out.unchecked.append("the data files themselves: pass --data DIR")
    out.unchecked.append(
        "that components, run again, give these objects (level 3), and training, which is recorded"
    )
    out.unchecked.append("what people declared: its sources are named, not followed")
    return out


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


def _check_facts(bundle: Bundle, out: Verdict) -> dict[str, Fact]:
    before = len(out.findings)
    facts: dict[str, Fact] = {}
    for line in bundle["facts.jsonl"].splitlines():
        fact = Fact.from_json(_loads(line))
        if fact.id in facts:
            out.findings.append(Diagnostic("E601", f"{fact.id} stands twice"))
        facts[fact.id] = fact
    present = {digest(bundle[name]) for name in bundle} | set(bundle.json("objects.json"))
    out.findings += check_facts(facts, present)
    recorded = _recorded(bundle)
    for fact_id, fact in recorded.items():
        if fact_id not in facts or facts[fact_id].as_json() != fact.as_json():
            out.findings.append(Diagnostic("E601", f"{fact_id} differs from what its action recorded"))
    if len(out.findings) == before:
        derived = sum(f.kind == "derived" for f in facts.values())
        out.checked.append(
            f"{len(facts)} facts: {derived} derived ones recompute, ledgers reconcile, inputs are listed"
        )
    return facts


def _recorded(bundle: Bundle) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for address, nodes in bundle.json("refs.json").items():
        for keys in nodes.values():
            for key in keys.values():
                action = Action.from_json(bundle.json(f"actions/{key}.json"))
                facts |= {f.id: f for f in (qualify(address, raw) for raw in action.facts)}
    return facts


def _check_queries(bundle: Bundle, facts: Mapping[str, Fact], out: Verdict) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    count, before = 0, len(out.findings)
    tables: dict[str, Any] = {}
    for name in bundle:
        if name.startswith("verdicts/"):
            subject = name.split("/", 1)[1].rpartition("/")[0]
            tables.setdefault(subject, []).append(pq.read_table(pa.BufferReader(bundle[name])))
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
    others = sum(
        1 for f in facts.values() if f.kind == "measured" and (f.query is None or f.query.table != "verdicts")
    )
    out.unchecked.append(
        f"{others} measured facts whose tables are not in the bundle (snapshot, training, evaluation)"
    )


def _check_hidden(subject: str, table: Any) -> Iterable[Diagnostic]:
    """Rows that an opt-out touches hold a keyed id and a reason, nothing else."""
    import pyarrow.compute as pc

    hidden = table.filter(pc.starts_with(table["reason"], "optout."))
    for column in hidden.column_names:
        if column not in ("row", "reason") and hidden[column].null_count != hidden.num_rows:
            yield Diagnostic("E607", f"{subject}: rows that an opt-out touches hold `{column}`")


def _check_data(bundle: Bundle, folder: Path, out: Verdict) -> None:
    import pyarrow.parquet as pq

    before, rows, count = len(out.findings), 0, 0
    manifests = [n for n in bundle if n.startswith("manifests/Dataset/")]
    for name in manifests:
        listed = {entry[0]: entry for entry in bundle.json(name)}
        for file, entry in listed.items():
            path = folder / file
            if not path.exists():
                out.findings.append(Diagnostic("E614", f"{file} is not in {folder}"))
            elif digest(path.read_bytes()) != entry[1]:
                out.findings.append(Diagnostic("E614", f"{file} does not have the digest of the manifest"))
            else:
                rows += pq.read_metadata(path).num_rows
                count += 1
        base = folder / "data"
        for path in sorted(base.rglob("*.parquet")) if base.exists() else ():
            if str(path.relative_to(folder)) not in listed:
                out.findings.append(Diagnostic("E614", f"{path.relative_to(folder)} is not in the manifest"))
    if len(out.findings) == before:
        out.checked.append(f"{count} data files with {rows} rows are those of the manifest")


def _loads(line: bytes) -> Any:
    import json

    return json.loads(line)
