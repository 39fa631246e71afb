"""Names in an opt-out list stay in it: they are in no public byte, neither plain nor as a hash that can be guessed."""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from workspaces import apply, bundle_of, copy_space, shard_rows, verdicts_of, write_rows, write_wishes

from bigcode.cli import run
from bigcode.testing import texts
from bigcode.testing.corpus import HOST, build_corpus

OWNER, REPOSITORY, FILE = "zq-Planted-owner-7f3a", "zq-planted-repository-52bc", "zq-planted-file-e19d.py"
FOLDER = "zq-planted-folder-08aa"
PLANTED = [
    {
        "host": HOST,
        "owner": owner,
        "repository": repository,
        "revision": "1.0",
        "path": path,
        "released": 1_500_000_000,
        "content": content,
    }
    for owner, repository, path, content in [
        (
            OWNER,
            "widget",
            "LICENSE",
            next(r["content"] for r in build_corpus() if r["owner"] == "alpha" and r["path"] == "LICENSE"),
        ),
        (OWNER, "widget", "widget/heap.py", texts.TREE.replace("tree", "heap").replace("word", OWNER)),
        (OWNER, "widget", "widget/second.py", texts.GRID.replace("way", "road")),
        (OWNER, "widget", "widget/bad.py", "\\udcff not text"),
        (
            "kind",
            REPOSITORY,
            "LICENSE",
            next(r["content"] for r in build_corpus() if r["owner"] == "alpha" and r["path"] == "LICENSE"),
        ),
        ("kind", REPOSITORY, "one.py", texts.RETRY.replace("seconds", "moments")),
        ("ops", "deploy", f"src/{FILE}", texts.SESSION.replace("cookie", "biscuit")),
        ("ops", "deploy", f"{FOLDER}/deep/a.py", texts.SESSION.replace("cookie", "cracker")),
        # Others hold copies of what is taken away, under names of their own.
        ("mixer", "mixer", "third_party/heap.py", texts.TREE.replace("tree", "heap").replace("word", OWNER)),
        ("mixer", "mixer", "third_party/one.py", texts.RETRY.replace("seconds", "moments")),
    ]
]
BLOB = hashlib.sha256(texts.RING_H.encode()).hexdigest()
WISHES = [
    ("owner", OWNER),
    ("repository", f"kind/{REPOSITORY}"),
    ("path", f"ops/deploy:src/{FILE}"),
    ("path", f"ops/deploy:{FOLDER}"),
    ("owner", "zq-absent-owner-91be"),
    ("repository", "zq-absent-owner-91bf/zq-absent-repository-37c1"),
    ("path", "kind/kindness:zq-absent-file-6d20.c"),
]
TOKENS = [
    OWNER,
    REPOSITORY,
    FILE,
    FILE.removesuffix(".py"),
    FOLDER,
    "zq-absent-owner-91be",
    "zq-absent-owner-91bf",
    "zq-absent-repository-37c1",
    "zq-absent-file-6d20",
]


def secrets() -> Iterator[str]:
    """Everything that names somebody or something in the list: names, addresses, ids of files."""
    for _, value in WISHES:
        owner, _, rest = value.partition("/")
        yield from (value, owner, f"{HOST}/{value}", f"{HOST}/{owner}", f"{HOST}\0{owner}", f"{owner}\n")
        if rest:
            yield from (rest, rest.partition(":")[0], rest.partition(":")[2])
    for row in PLANTED:
        if any(token in f"{row['owner']}/{row['repository']}/{row['path']}" for token in TOKENS):
            stem = f"{row['owner']}/{row['repository']}"
            yield from (
                f"{HOST}/{stem}@{row['revision']}:{row['path']}",
                f"{HOST}/{stem}:{row['path']}",
                f"{stem}:{row['path']}",
                stem,
            )


def needles() -> dict[bytes, str]:
    """Plain names in lower case, and what anybody could compute from a name: digests, also cut short, and base64."""
    found = {token.lower().encode(): f"plain {token}" for token in TOKENS}
    for secret in {s for s in secrets() if any(token.lower() in s.lower() for token in TOKENS)}:
        for text in {secret, secret.lower()}:
            data = text.encode()
            for name in ("sha256", "sha1", "md5", "sha512", "blake2b", "sha3_256"):
                found[hashlib.new(name, data).hexdigest()[:16].encode()] = f"{name} of {text!r}"
                found[base64.b64encode(hashlib.new(name, data).digest())[:14].lower()] = (
                    f"{name} of {text!r} in base64"
                )
            found[base64.b64encode(data).rstrip(b"=")[:-1].lower()] = f"base64 of {text!r}"
            found[data.hex().encode()] = f"hex of {text!r}"
    return {needle: what for needle, what in found.items() if len(needle) > 6}


NEEDLES = needles()


def leaks(data: bytes, where: str) -> list[str]:
    lowered = data.lower()
    return [f"{where}: {what}" for needle, what in NEEDLES.items() if needle in lowered]


def leaks_in_folder(folder: Path) -> list[str]:
    found = []
    for path in (p for p in folder.rglob("*") if p.is_file()):
        found += leaks(str(path.relative_to(folder)).encode(), f"the name {path}")
        found += leaks(path.read_bytes(), str(path))
        if path.suffix == ".parquet":
            found += leaks(json.dumps(pq.read_table(path).to_pylist()).encode(), str(path))
    return found


@pytest.fixture(scope="module")
def planted(blank_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose corpus holds the people and files that the list is going to name."""
    space = copy_space(blank_template, tmp_path_factory.mktemp("planted"), store=True)
    write_rows(space, [*build_corpus(), *PLANTED])
    return space


def test_the_search_finds_what_it_looks_for() -> None:
    assert leaks(OWNER.upper().encode(), "x")
    assert leaks(hashlib.sha256(f"{HOST}/{OWNER}".encode()).hexdigest().encode(), "x")
    assert leaks(hashlib.sha1(f"kind/{REPOSITORY}".encode()).hexdigest()[:20].encode(), "x")
    assert leaks(base64.b64encode(OWNER.encode()), "x")
    assert not leaks(b"kind/kindness ops/deploy forge.example", "x")


def test_no_public_byte_names_who_opted_out(
    planted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    # A first state in which half of the list was not yet received.
    write_wishes(planted, WISHES[3:])
    apply(planted)
    before = {path for path in (planted / ".bigcode").rglob("*") if path.is_file()}
    write_wishes(planted, WISHES)
    capfd.readouterr()
    space, output = str(planted), tmp_path / "public"
    output.mkdir()
    for command in (
        ["optout", "add", space, "zq-absent-owner-91be"],
        ["validate", space],
        ["plan", space],
        ["plan", space, "--json"],
        ["plan", space, "--impact"],
        ["plan", space, "--impact", "--json"],
        ["plan", space, "--format", "github", "--out", str(output / "plan.json")],
        ["apply", str(output / "plan.json")],
        ["apply", space, "--json"],
        ["plan", space, "--impact"],
        ["show", space],
        ["show", space, "--json"],
        ["graph", space],
        ["graph", space, "--json"],
        ["explain", "Dataset/tiny@1.0.0#verdicts", "-w", space],
        ["explain", "Dataset/tiny@1.0.0#decide.optout", "-w", space, "--json"],
        ["optout", "seal", space],
        ["optout", "status", space],
        ["card", space],
        ["card", space, "--check"],
        ["bundle", space, "--output", str(output / "bundle"), "--sign"],
        ["verify", str(output / "bundle")],
        ["verify", space, "--json"],
    ):
        assert run(command) == 0, command
    printed = capfd.readouterr()
    found = leaks(printed.out.encode(), "stdout") + leaks(printed.err.encode(), "stderr")
    found += leaks_in_folder(output)
    found += leaks_in_folder(planted / "governance")
    store = planted / ".bigcode"
    for folder in ("actions", "refs", "index", "runs", "work"):
        for path in (store / folder).rglob("*"):
            if path.is_file() and path not in before:
                found += leaks(path.read_bytes(), str(path)) + leaks(
                    str(path.relative_to(store)).encode(), f"the name {path}"
                )
    assert found == []
    # Objects are the steward's alone; but no verdict and no released row may name anybody either.
    bundle = output / "bundle"
    assert leaks(json.dumps(verdicts_of(bundle)).encode(), "verdicts") == []
    assert leaks(json.dumps(shard_rows(planted, bundle)).encode(), "shards") == []
    assert list(scratch.iterdir()) == [], "a scratch folder was left behind"


def test_a_row_that_an_opt_out_touches_has_a_keyed_id_and_a_reason(planted: Path, tmp_path: Path) -> None:
    write_wishes(planted, WISHES)
    apply(planted)
    hidden = [row for row in verdicts_of(bundle_of(planted, tmp_path / "one")) if row["path"] is None]
    assert len(hidden) >= len(PLANTED) - 1
    for row in hidden:
        assert {name for name, value in row.items() if value is not None} == {"row", "reason"}
        assert len(row["row"]) == 32
    # Another salt gives other ids for the same rows: without the list they say nothing.
    path = planted / "optouts" / "list.json"
    content = json.loads(path.read_bytes())
    path.write_text(json.dumps({**content, "salt": "0f" * 32}))
    apply_sealed(planted)
    again = [row for row in verdicts_of(bundle_of(planted, tmp_path / "two")) if row["path"] is None]
    assert sorted(row["reason"] for row in again) == sorted(row["reason"] for row in hidden)
    assert not {row["row"] for row in again} & {row["row"] for row in hidden}
    path.write_text(json.dumps(content))


def apply_sealed(space: Path) -> None:
    assert run(["optout", "seal", str(space)]) == 0
    apply(space)


@pytest.mark.parametrize(
    "content",
    [
        {"format": "bigcode-optout/1", "salt": "00", "entries": [{"scope": "owner", "value": OWNER}]},
        {"format": "bigcode-optout/1", "salt": "00" * 32, "entries": [{"scope": "nick", "value": OWNER}]},
        {"format": "bigcode-optout/1", "salt": "00" * 32, "entries": [OWNER]},
        {"format": OWNER, "entries": []},
        [OWNER],
    ],
)
def test_no_message_about_a_list_quotes_it(
    blank: Path, capfd: pytest.CaptureFixture[str], content: object
) -> None:
    (blank / "optouts" / "list.json").write_text(json.dumps(content))
    capfd.readouterr()
    assert {
        run([*command, str(blank)]) for command in (["optout", "status"], ["optout", "seal"], ["apply"])
    } == {3}
    assert run(["plan", str(blank)]) == 0
    printed = capfd.readouterr()
    assert leaks((printed.out + printed.err).encode(), "output") == []


def test_a_count_of_people_below_the_small_cell_is_withheld(applied: Path, tmp_path: Path) -> None:
    for number in range(1, 4):
        write_wishes(applied, [("owner", f"nobody-{index}") for index in range(number)])
        apply(applied)
        lines = (bundle_of(applied, tmp_path / str(number)) / "facts.jsonl").read_text().splitlines()
        fact = next(f for f in map(json.loads, lines) if f["id"].endswith("/optout.entries"))
        assert (fact["value"], fact.get("withheld", False)) == (
            (None, True) if number < 3 else (number, False)
        )
