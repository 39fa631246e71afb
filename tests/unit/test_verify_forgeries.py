"""Whoever seals a forged bundle anew is found out by what its facts, tables and cards say of each other."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from workspaces import apply, bundle_of, copy_space, edit_spec, write_wishes

from bigcode.api.canonical import canonical, digest
from bigcode.cards.audit import check_cards
from bigcode.cli import run
from bigcode.evidence.bundle import LIST, ROOT, Bundle, seal
from bigcode.evidence.shards import check_shards
from bigcode.evidence.verify import Verdict, verify

Files = dict[str, bytes]
DATASET = "Dataset/tiny@1.0.0"
CARD = "cards/tiny.dataset-card"


@pytest.fixture(scope="module")
def space(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = copy_space(applied_template, tmp_path_factory.mktemp("forged"), store=True)
    write_wishes(space, [("owner", "requestlib")])
    declared = {"id": "curators", "value": 3, "unit": "person", "source": "minutes", "asOf": "2026-11-01"}
    edit_spec(space / "dataset.yaml", "facts", value=[declared])
    apply(space)
    return space


@pytest.fixture(scope="module")
def whole(space: Path) -> Path:
    return bundle_of(space, space.parent / "bundle")


@pytest.fixture
def files(whole: Path) -> Files:
    """The files of a bundle that is in order, without its list and root."""
    names = [str(p.relative_to(whole)) for p in whole.rglob("*") if p.is_file()]
    return {name: (whole / name).read_bytes() for name in names if name not in (LIST, ROOT)}


def keep_records_in_step(files: Files, whole: Path) -> Files:
    """A thorough forger: the records of actions name the digests of the forged files."""
    swapped = {
        digest((whole / name).read_bytes()): digest(data)
        for name, data in files.items()
        if (whole / name).exists() and not name.startswith("actions/")
    }
    out = dict(files)
    for record in (n for n in files if n.startswith("actions/")):
        for old, new in swapped.items():
            out[record] = out[record].replace(old.encode(), new.encode())
    return out


@pytest.fixture
def codes(tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., set[str]]:
    """Seal the files, verify them with the command, and give the codes of what it found."""

    def find(files: Files, *more: str) -> set[str]:
        files = keep_records_in_step(files, whole)
        folder = tmp_path / f"sealed-{len(list(tmp_path.iterdir()))}"
        for name, data in seal(files, "tiny").items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        capsys.readouterr()
        exit_code = run(["verify", str(folder), "--json", *more])
        said = json.loads(capsys.readouterr().out)
        found = {finding["code"] for finding in said["findings"]}
        assert exit_code == (8 if found else 0)
        assert said["ok"] is not found or not found
        return found

    return find


def checked(files: Files) -> Verdict:
    return verify(Bundle(seal(files, "tiny")), level=2, cards=check_cards)


def facts_in(files: Files) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files["facts.jsonl"].splitlines()]


def write_facts(files: Files, facts: list[dict[str, Any]]) -> None:
    files["facts.jsonl"] = b"".join(canonical(fact) + b"\n" for fact in facts)


def forge_fact(files: Files, name: str, **changes: Any) -> None:
    """Change a fact both where it stands and where its action recorded it."""
    write_facts(files, [f | changes if f["id"] == f"{DATASET}/{name}" else f for f in facts_in(files)])
    for record, data in list(files.items()):
        if record.startswith("actions/"):
            action = json.loads(data)
            action["facts"] = [f | changes if f["id"] == name else f for f in action["facts"]]
            files[record] = canonical(action) + b"\n"


def value_of(files: Files, name: str) -> Any:
    return next(f["value"] for f in facts_in(files) if f["id"] == f"{DATASET}/{name}")


def forge_rows(files: Files, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]] | None]) -> None:
    """Change the first verdict table for which `change` gives rows."""
    for name in sorted(n for n in files if n.startswith("verdicts/")):
        table = pq.read_table(pa.BufferReader(files[name]))
        rows = change(table.to_pylist())
        if rows is not None:
            stream = io.BytesIO()
            pq.write_table(pa.Table.from_pylist(rows, table.schema), stream)
            files[name] = stream.getvalue()
            return
    raise AssertionError("no table has such a row")


def change_row(
    wanted: Callable[[dict[str, Any]], bool], **changes: Any
) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]] | None]:
    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        index = next((i for i, row in enumerate(rows) if wanted(row)), None)
        return None if index is None else [row | changes if i == index else row for i, row in enumerate(rows)]

    return change


def hidden(row: dict[str, Any]) -> bool:
    return row["path"] is None


def test_a_bundle_that_was_only_sealed_anew_is_in_order(files: Files, codes: Callable[..., set[str]]) -> None:
    assert value_of(files, "curators") == 3
    assert codes(files) == set()


# ---------------------------------------------------------------- facts and tables


def test_a_fact_changed_in_its_action_too_is_found_by_its_query_alone(
    files: Files, codes: Callable[..., set[str]]
) -> None:
    name = "bytes.kept"
    forge_fact(files, name, value=value_of(files, name) + 1)
    files = {n: d for n, d in files.items() if not n.startswith("cards/")}
    assert codes(files, "--level", "1") == {"E604"}, "the cards that its action wrote are gone"
    assert codes(files) == {"E604", "E607"}


def test_a_fact_changed_beside_its_action_is_found(files: Files, codes: Callable[..., set[str]]) -> None:
    facts = facts_in(files)
    write_facts(files, [f | {"value": 1} if f["id"].endswith("/bytes.kept") else f for f in facts])
    assert "E601" in codes(files)


def test_a_verdict_that_was_taken_away_is_found(files: Files, codes: Callable[..., set[str]]) -> None:
    forge_rows(files, lambda rows: rows[1:] if rows else None)
    assert codes(files) == {"E607"}


def test_a_verdict_with_another_reason_is_found(files: Files, codes: Callable[..., set[str]]) -> None:
    dropped = change_row(lambda row: row["reason"].startswith("duplicate."), reason="kept")
    forge_rows(files, dropped)
    assert codes(files) == {"E607"}


def test_a_verdict_taken_away_with_its_count_breaks_the_ledger(
    files: Files, codes: Callable[..., set[str]]
) -> None:
    forge_fact(files, "files.in", value=value_of(files, "files.in") - 1)
    found = codes(files)
    assert {"E607", "E608"} <= found


@pytest.mark.parametrize("column", ["path", "owner", "blob", "license", "also", "redactions"])
@pytest.mark.parametrize("reason", ["", "license.none"])
def test_a_hidden_row_that_tells_more_than_its_reason_is_found(
    files: Files, codes: Callable[..., set[str]], column: str, reason: str
) -> None:
    """Whether its reason is the opt-out or what came first, such as the licence."""
    told: Any = ["x"] if column in ("also", "redactions") else "x"
    changes = {column: told} | ({"reason": reason} if reason else {})
    forge_rows(files, change_row(hidden, **changes))
    assert "E607" in codes(files)
    assert any(f"rows that an opt-out touches hold `{column}`" in f.message for f in checked(files).findings)


def test_a_hidden_row_given_all_of_a_file_but_its_id_is_found(
    files: Files,
) -> None:
    named = {"host": "h", "owner": "o", "repository": "r", "revision": "v", "path": "p"}
    forge_rows(files, change_row(hidden, reason="license.none", **named))
    assert any("rows that an opt-out touches hold `path`" in f.message for f in checked(files).findings)


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"value": 1}, "E602"),
        ({"tolerance": 1e9, "value": 1}, "E602"),
        ({"tolerance": 1e-5}, "E602"),
        ({"tolerance": -1.0}, "E602"),
        ({"unit": "B"}, "E603"),
        ({"unit": "apples"}, "E603"),
        ({"terms": {"t0": "files.lost"}, "formula": "t0"}, "E613"),
    ],
)
def test_a_derived_fact_that_does_not_follow_is_found(
    files: Files, codes: Callable[..., set[str]], changes: dict[str, Any], code: str
) -> None:
    forge_fact(files, "files.dropped", **changes)
    assert code in codes(files, "--level", "1")


def test_a_table_that_is_not_carried_leaves_its_facts_unchecked(files: Files) -> None:
    def unchecked(files: Files) -> int:
        line = next(s for s in checked(files).unchecked if "measured facts whose tables" in s)
        return int(line.split()[0])

    queried = sum("query" in f and f["query"]["table"] == "verdicts" for f in facts_in(files))
    bare = {n: d for n, d in files.items() if not n.startswith("verdicts/")}
    assert unchecked(bare) == unchecked(files) + queried


# ---------------------------------------------------------------- where facts come from


@pytest.mark.parametrize(
    "fact",
    [
        {"id": f"{DATASET}/stars", "kind": "measured", "unit": "1", "value": 5},
        {"id": f"{DATASET}/stale", "kind": "measured", "unit": "text", "value": "no"},
        {"id": "Model/other@1.0.0/loss", "kind": "measured", "unit": "1", "value": 5},
        {
            "id": f"{DATASET}/stars",
            "kind": "declared",
            "unit": "1",
            "value": 5,
            "source": "us",
            "as_of": "2026-11-01",
        },
    ],
)
@pytest.mark.parametrize("file", ["facts.jsonl", "declared.jsonl"])
def test_a_fact_that_nobody_recorded_or_declared_is_found(
    files: Files, codes: Callable[..., set[str]], fact: dict[str, Any], file: str
) -> None:
    files[file] += canonical(fact) + b"\n"
    assert codes(files) == {"E613"}


def test_a_declared_value_that_the_spec_does_not_say_is_found(
    files: Files, codes: Callable[..., set[str]]
) -> None:
    facts = facts_in(files)
    write_facts(files, [f | {"value": 4} if f["id"].endswith("/curators") else f for f in facts])
    assert "E613" in codes(files)


def test_a_record_under_the_key_of_another_is_found(files: Files, codes: Callable[..., set[str]]) -> None:
    name = next(n for n in sorted(files) if n.startswith("actions/"))
    files[name] = canonical(json.loads(files[name]) | {"key": "0" * 64}) + b"\n"
    assert codes(files) == {"E613"}


# ---------------------------------------------------------------- cards


def test_a_card_changed_together_with_its_trace_is_found(
    files: Files, codes: Callable[..., set[str]]
) -> None:
    text = files[f"{CARD}.md"].decode()
    trace = json.loads(files[f"{CARD}.trace.json"])
    numbers = (s for s in trace["markdown"]["spans"] if "fact" in s and "format" in s)
    span = next(s for s in numbers if s["text"][0].isdigit())
    other = span["text"].translate(str.maketrans("0123456789", "1234567890"))
    text = text[: span["start"]] + other + text[span["end"] :]
    span["text"] = other
    trace["markdown"]["sha256"] = digest(text.encode())
    files[f"{CARD}.md"], files[f"{CARD}.trace.json"] = text.encode(), canonical(trace) + b"\n"
    assert codes(files) == {"E609"}


def test_a_number_that_no_span_holds_is_found(files: Files, codes: Callable[..., set[str]]) -> None:
    text = files[f"{CARD}.md"].decode() + "\nRead by 12 people.\n"
    trace = json.loads(files[f"{CARD}.trace.json"])
    trace["markdown"]["sha256"] = digest(text.encode())
    files[f"{CARD}.md"], files[f"{CARD}.trace.json"] = text.encode(), canonical(trace) + b"\n"
    assert codes(files) == {"E609"}


def test_a_card_without_its_trace_is_found(files: Files, codes: Callable[..., set[str]]) -> None:
    del files[f"{CARD}.trace.json"]
    assert codes(files) == {"E604", "E609"}


@pytest.mark.parametrize("change", [{"card": "12 million"}, {"markdown": "html"}])
def test_a_trace_of_something_else_is_found(
    files: Files, codes: Callable[..., set[str]], change: dict[str, Any]
) -> None:
    trace = json.loads(files[f"{CARD}.trace.json"])
    if "card" in change:
        trace |= change
    else:
        trace["markdown"]["surface"] = change["markdown"]
    files[f"{CARD}.trace.json"] = canonical(trace) + b"\n"
    assert "E609" in codes(files)


# ---------------------------------------------------------------- bundles of another form


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"3", b"null", b"\xff", b"[" * 100_000, b'{"a": 1}'])
@pytest.mark.parametrize(
    "name", ["facts.jsonl", "declared.jsonl", "refs.json", "names.json", "objects.json", "ACTION", "TABLE", "TRACE"]
)  # fmt: skip
def test_a_file_of_another_form_is_a_finding_and_no_fault(
    files: Files, codes: Callable[..., set[str]], name: str, data: bytes
) -> None:
    starts = {"ACTION": "actions/", "TABLE": "verdicts/", "TRACE": f"{CARD}.trace"}
    found = next(n for n in sorted(files) if n.startswith(starts.get(name, name)))
    files[found] = data
    assert codes(files) or (name, data) == ("declared.jsonl", b"")


@pytest.mark.parametrize(
    "name",
    ["facts.jsonl", "declared.jsonl", "refs.json", "names.json", "objects.json", f"{CARD}.md"],
)
def test_a_missing_file_that_is_not_listed_either_is_a_finding(
    files: Files, codes: Callable[..., set[str]], name: str
) -> None:
    del files[name]
    assert codes(files) == ({"E604", "E611"} if name.startswith("cards/") else {"E611"})


@pytest.mark.parametrize(
    "name, data",
    [
        ("facts.jsonl", b"no JSON\n"),
        ("names.json", b"[]\n"),
        ("names.json", b'{"resources": [], "glossary": [], "labels": []}'),
        ("refs.json", b'{"Dataset/tiny@1.0.0": []}'),
        ("verdicts/Dataset/tiny@1.0.0/00000.parquet", b"no table"),
        ("verdicts/Dataset/tiny@1.0.0/00000.parquet", b"PAR1" + b"\xff" * 64 + b"\x40\0\0\0PAR1"),
        (f"{CARD}.trace.json", b"{}"),
    ],
)
def test_what_cannot_be_read_is_said_to_be_no_bundle(
    files: Files, codes: Callable[..., set[str]], name: str, data: bytes
) -> None:
    files[name] = data
    assert "E611" in codes(files)


@pytest.mark.parametrize("listing", [b"{}", b"[]", b'{"format": "bigcode-bundle/1"}', b"[" * 100_000])
def test_a_list_of_another_form_is_a_finding(files: Files, tmp_path: Path, listing: bytes) -> None:
    sealed = seal(files, "tiny") | {LIST: listing, ROOT: f"sha256:{digest(listing)}\n".encode()}
    for name, data in sealed.items():
        (tmp_path / "b" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "b" / name).write_bytes(data)
    assert run(["verify", str(tmp_path / "b")]) == 8


# ---------------------------------------------------------------- data files


def shard(path: Path, rows: int) -> list[Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"content": [path.parent.as_posix()] * rows}), path)
    data = path.read_bytes()
    return [f"data/{path.name}", digest(data), rows, len(data)]


@pytest.fixture
def two(files: Files, tmp_path: Path) -> Files:
    """A bundle of two datasets whose shards have the same names, and the folders of both."""
    for name, rows in (("one", (1, 2)), ("two", (3, 4, 5))):
        listed = [shard(tmp_path / name / "data" / f"{i}.parquet", n) for i, n in enumerate(rows)]
        files[f"manifests/Dataset/{name}@1.0.0/shards.json"] = canonical(listed)
    return files


@pytest.mark.parametrize("name, count, rows", [("one", 2, 3), ("two", 3, 12)])
def test_a_data_folder_is_checked_against_the_dataset_that_it_is_of(
    two: Files, tmp_path: Path, name: str, count: int, rows: int
) -> None:
    findings: list[Any] = []
    lines: list[str] = []
    check_shards(Bundle(two), tmp_path / name, findings, lines, [])
    assert not findings
    assert lines == [f"{count} data files with {rows} rows are those of the manifest of Dataset/{name}@1.0.0"]


def test_a_shard_that_is_altered_missing_or_foreign_is_found(
    two: Files, tmp_path: Path, codes: Callable[..., set[str]]
) -> None:
    folder = tmp_path / "two"
    assert codes(two, "--data", str(folder)) == {"E606"}, "no action wrote the made-up manifests"
    kept = (folder / "data/0.parquet").read_bytes()
    (folder / "data/0.parquet").write_bytes(kept + b"\0")
    assert codes(two, "--data", str(folder)) == {"E606", "E614"}
    (folder / "data/0.parquet").unlink()
    assert codes(two, "--data", str(folder)) == {"E606", "E614"}
    (folder / "data/0.parquet").write_bytes(kept)
    (folder / "data/9.parquet").write_bytes(kept)
    assert codes(two, "--data", str(folder)) == {"E606", "E614"}


def test_a_folder_that_no_manifest_lists_is_found(
    files: Files, tmp_path: Path, codes: Callable[..., set[str]]
) -> None:
    assert codes(files, "--data", str(tmp_path)) == {"E614"}
    bare = {n: d for n, d in files.items() if not n.startswith("manifests/")}
    assert codes(bare, "--data", str(tmp_path)) == {"E604", "E614"}


def test_a_table_or_card_that_its_action_did_not_write_is_found(files: Files, whole: Path) -> None:
    table = next(n for n in sorted(files) if n.startswith("verdicts/"))
    findings = checked({**files, table: files[table] + b"\0"}).findings
    assert [f.message for f in findings if f.code == "E604"] == [f"{table} is not what its action wrote"]
    findings = checked({**files, "cards/other.md": b"# other\n"}).findings
    assert "cards/other.md was written by no action" in [f.message for f in findings if f.code == "E606"]
