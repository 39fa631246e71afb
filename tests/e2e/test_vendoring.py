"""Opt-outs on real releases: pip with its vendored copies, and the projects that it vendors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fixtures.sdists import cached, releases
from workspaces import (
    apply,
    build_corpus,
    bundle_of,
    copy_space,
    data_workspace,
    edit_spec,
    facts_of,
    specs,
    verdicts_of,
    write_rows,
    write_spec,
)

from bigcode.api.diagnostics import Problem
from bigcode.cli import run
from bigcode.evidence.receipt import check_receipt
from bigcode.evidence.signing import public_key
from bigcode.store.store import Store
from bigcode.store.tables import read_table
from bigcode.testing import notices


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace of four real releases whose archives are in the store already."""
    root = tmp_path_factory.mktemp("vendoring") / "real"
    root.mkdir()
    for file, value in specs().items():
        write_spec(root / file, value)
    collector = {"uses": "sources.pypi", "version": 1, "with": {"releases": releases()}}
    snapshot = specs()["snapshot.yaml"]
    snapshot["spec"] = {"collector": collector, "buckets": 4}
    write_spec(root / "snapshot.yaml", snapshot)
    assert run(["optout", "key", str(root)]) == 0
    store = Store(str(root / ".bigcode"))
    for release in releases():
        store.objects.put(cached(release))
    assert run(["optout", "add", str(root), "--scope", "blob", "0" * 64]) == 0
    assert run(["apply", str(root)]) == 0
    return root


@pytest.fixture(scope="module")
def before(space: Path) -> pa.Table:
    """What is kept while the list names none of these projects."""
    return kept(space)


def kept(space: Path) -> pa.Table:
    store = Store(str(space / ".bigcode"))
    nodes = store.refs.read("Dataset/tiny@1.0.0").value["nodes"]
    tables = []
    for key in nodes["Dataset/tiny@1.0.0#verdicts"].values():
        action = store.actions.get(key)
        assert action is not None
        tables.append(read_table(store.objects, action.outputs["verdicts"][0].digest))
    table = pa.concat_tables(tables)
    return table.filter(pc.equal(table["reason"], "kept"))


def blobs(table: pa.Table) -> set[str]:
    return set(table["blob"].to_pylist())


def below(table: pa.Table, owner: str, prefix: str = "") -> pa.Table:
    return table.filter(pc.and_(pc.equal(table["owner"], owner), pc.starts_with(table["path"], prefix)))


def with_list(space: Path, *owners: str) -> pa.Table:
    """The dataset with exactly these owners opted out."""
    list_file = space / "optouts" / "list.json"
    before = list_file.read_bytes()
    try:
        assert run(["optout", "add", str(space), *owners]) == 0
        assert run(["apply", str(space)]) == 0
        return kept(space)
    finally:
        list_file.write_bytes(before)
        assert run(["optout", "seal", str(space)]) == 0


def test_opting_out_requests_empties_the_vendored_copy_in_pip(space: Path, before: pa.Table) -> None:
    own = blobs(below(before, "requests"))
    after = with_list(space, "requests")

    assert below(before, "requests").num_rows > 0
    assert below(after, "requests").num_rows == 0
    assert not own & blobs(below(after, "pip", "src/pip/_vendor/requests/")), "an exact copy stayed in pip"
    assert (
        below(after, "pip", "src/pip/_internal/").num_rows
        == below(before, "pip", "src/pip/_internal/").num_rows
    )
    assert set(after["row"].to_pylist()) <= set(before["row"].to_pylist()), "an opt-out added a file"


def test_opting_out_pip_leaves_requests_and_urllib3_whole(space: Path, before: pa.Table) -> None:
    after = with_list(space, "pip")

    assert below(after, "pip").num_rows == 0
    for owner in ("requests", "urllib3", "idna"):
        assert set(below(after, owner)["row"].to_pylist()) == set(below(before, owner)["row"].to_pylist())


# ---------------------------------------------------------------- receipts


HOST = "forge.example"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small workspace: one project asked to be left out of which others hold copies, and one that holds copies of
    others."""
    tiny = data_workspace(tmp_path_factory.mktemp("receipts"), optouts=("requestlib",))
    edit_spec(tiny / "optout.yaml", "copies", value="contained")
    edit_spec(tiny / "dataset.yaml", "split", "validation", value=0)
    [taken] = [r for r in build_corpus() if (r["path"], r["revision"]) == ("requestlib/session.py", "1.1.0")]
    own = "".join(f"def other_{n}(a, b):\n    return a[{n}] * b + {n}\n\n\n" for n in range(9))
    home = {
        "host": HOST,
        "owner": "paster",
        "repository": "paster",
        "revision": "1",
        "released": 1_700_000_000,
    }
    pasted = {
        "LICENSE": notices.MIT,
        "spaced.py": taken["content"].replace("    ", "  "),
        "glued.py": own + taken["content"],
    }
    write_rows(tiny, [*build_corpus(), *({**home, "path": p, "content": text} for p, text in pasted.items())])
    assert run(["optout", "add", str(tiny), "bundle", "--since", "2026-10-30"]) == 0
    apply(tiny)
    return tiny


def receipt_of(capsys: pytest.CaptureFixture[str], space: Path, value: str, *more: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["optout", "receipt", str(space), value, "--json", *more]) == 0
    loaded: dict[str, Any] = json.loads(capsys.readouterr().out)
    return loaded


def test_a_receipt_says_what_went_for_a_request_and_what_stays_and_why(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = receipt_of(capsys, tiny, "RequestLib", "--names")["receipt"]
    assert said["request"] == {
        "scope": "owner", "value": "RequestLib", "host": "", "received": [], "level": 1, "state": "honoured",
    }  # fmt: skip
    [dataset] = said["datasets"]
    bundle = bundle_of(tiny, tmp_path / "bundle")
    reasons = [row["reason"] for row in verdicts_of(bundle)]
    other = receipt_of(capsys, tiny, "bundle", "--names")["receipt"]["datasets"][0]
    assert dataset["own"]["removed"] + other["own"]["removed"] == reasons.count("optout.owner")
    removed = dataset["copies"]["removed"]
    assert removed == {"exact": 2, "normalised": 1, "contained": 1}
    assert sum(removed.values()) == reasons.count("optout.copy") == facts_of(bundle)["optout.copies"]
    stays = dataset["copies"]["stays"]
    assert stays == {"common: licence-text": 1, "common: tiny": stays["common: tiny"]}
    common = [c["file"] for d in (dataset, other) for c in d["copies"]["names"] if c["outcome"] == "common"]
    assert len(set(common)) == facts_of(bundle)["optout.common"]
    gone = {c["file"].partition(":")[2] for c in dataset["copies"]["names"] if c["outcome"] == "removed"}
    assert gone >= {"spaced.py", "glued.py", "src/installer/_vendor/requestlib/session.py"}
    assert set(dataset["digests"]) == {"list", "rows", "verdicts", "shards"}
    shards = (bundle / "manifests/Dataset/tiny@1.0.0/shards.json").read_bytes()
    assert hashlib.sha256(shards).hexdigest() == dataset["digests"]["shards"]


def test_who_vendors_others_takes_nothing_of_theirs_and_the_receipt_says_so(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = receipt_of(capsys, tiny, "bundle")["receipt"]
    [dataset] = said["datasets"]
    assert said["request"]["received"] == ["2026-10-30"]
    assert dataset["own"]["removed"] > 0
    assert dataset["copies"]["removed"] == {}
    assert dataset["copies"]["stays"]["contested"] > 0


def test_a_receipt_is_signed_and_names_nobody_unless_asked(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = receipt_of(capsys, tiny, "requestlib")
    key = public_key(tiny / ".bigcode" / "keys" / "steward.ed25519")
    check_receipt(sealed, [key])
    assert "requestlib" not in json.dumps(sealed)
    with pytest.raises(Problem, match="does not count"):
        check_receipt(sealed, [])
    sealed["receipt"]["datasets"][0]["own"]["removed"] += 1
    with pytest.raises(Problem, match="not what was signed"):
        check_receipt(sealed, [key])
    before = {p for p in tiny.rglob("*") if p.is_file()}
    assert run(["optout", "receipt", str(tiny), "requestlib"]) == 0
    printed = capsys.readouterr().out
    assert "requestlib" not in printed
    assert "common property: the text of a licence" in printed
    assert {p for p in tiny.rglob("*") if p.is_file()} == before


def test_a_receipt_with_names_is_written_outside_of_the_workspace_alone(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["optout", "receipt", str(tiny), "requestlib", "--output"]
    assert run([*call, str(tiny / "receipt.md")]) == 2
    assert not (tiny / "receipt.md").exists()
    (tmp_path / "clone" / ".git").mkdir(parents=True)
    assert run([*call, str(tmp_path / "clone" / "receipt.md")]) == 2
    assert run([*call, str(tmp_path / "receipt.md")]) == 0
    text = (tmp_path / "receipt.md").read_text()
    assert "- Request: owner `requestlib`" in text
    assert f"`{HOST}/requestlib/requestlib@1.1.0:requestlib/session.py`" in text
    assert "requestlib" not in capsys.readouterr().out


def test_a_request_that_is_not_honoured_is_told_as_such(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = copy_space(tiny, tmp_path, store=True)
    assert run(["optout", "receipt", str(space), "nobody-asked"]) == 2
    assert "nobody-asked" not in capsys.readouterr().err
    assert run(["optout", "add", str(space), "alpha"]) == 0
    said = receipt_of(capsys, space, "alpha")["receipt"]
    assert (said["request"]["state"], said["datasets"][0]["honoured"]) == ("not yet built", False)
    edit_spec(space / "optout.yaml", "minLevels", value={"owner": 2})
    assert (
        receipt_of(capsys, space, "alpha")["receipt"]["request"]["state"] == "waits for a proof of identity"
    )
