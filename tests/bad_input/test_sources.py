"""Sources that are away, altered, unreadable or empty."""

from __future__ import annotations

import io
import json
import socket
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from workspaces import resource

WRONG = "0" * 64


def sdist(stem: str, files: Mapping[str, bytes]) -> bytes:
    """A source release that holds these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            header = tarfile.TarInfo(f"{stem}/{name}")
            header.size, header.mtime = len(content), 1_700_000_000
            archive.addfile(header, io.BytesIO(content))
    return packed.getvalue()


def collect(bench: Any, url: str, *releases: tuple[str, str, str]) -> None:
    """Make the snapshot one of package releases: name, version and sha256."""
    listed = [{"name": n, "version": v, "sha256": s} for n, v, s in releases]
    spec = {
        "collector": {"uses": "sources.pypi", "version": 1, "with": {"index": url, "releases": listed}},
        "buckets": 4,
    }
    bench.write("snapshot.yaml", yaml.safe_dump(resource("Snapshot", "corpus", spec), sort_keys=False))


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens on and nobody else can take."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_download_that_is_missing(bench: Any, index: Any) -> None:
    data = sdist("kit-1.0", {"kit.py": b"K = 1\n"})
    collect(
        bench, index.url, ("kit", "1.0", index.publish("kit", "kit-1.0.tar.gz", data)), ("gone", "2.0", WRONG)
    )
    bench.refused("apply").only("E701", says="gone 2.0", hint="")


def test_all_downloads_that_are_missing_are_told_at_once(bench: Any, index: Any) -> None:
    collect(bench, index.url, *((name, "1.0", WRONG) for name in ("one", "two", "three")))
    refusal = bench.refused("apply")
    assert [d["code"] for d in refusal.found] == ["E701"] * 3
    assert refusal.ran.code == 1


def test_a_download_that_was_altered(bench: Any, index: Any) -> None:
    real = index.publish("kit", "kit-1.0.tar.gz", sdist("kit-1.0", {"kit.py": b"K = 1\n"}))
    collect(bench, index.url, ("kit", "1.0", WRONG))
    found = bench.refused("apply").only("E702", says=real, hint="")
    assert WRONG in found["message"]


def test_what_was_downloaded_before_a_failure_is_not_asked_for_again(fresh: Any, index: Any) -> None:
    digests = {
        n: index.publish(n, f"{n}-1.0.tar.gz", sdist(f"{n}-1.0", {"a.py": b"A = 1\n"}))
        for n in ("kit", "lib")
    }
    collect(fresh, index.url, ("kit", "1.0", digests["kit"]), ("lib", "1.0", WRONG))
    fresh.refused("apply").only("E702")
    index.asked.clear()
    collect(fresh, index.url, ("kit", "1.0", digests["kit"]), ("lib", "1.0", digests["lib"]))
    assert fresh.run("apply", str(fresh.space)).code == 0
    assert [path for path in index.asked if path.startswith("/files/")] == ["/files/lib-1.0.tar.gz"]


def test_an_archive_that_cannot_be_read(bench: Any, index: Any) -> None:
    collect(bench, index.url, ("kit", "1.0", index.publish("kit", "kit-1.0.tar.gz", b"no archive at all")))
    bench.refused("apply").only("E705", says="kit 1.0")


@pytest.mark.parametrize("count", [1, 12])
def test_an_index_that_is_away_is_one_diagnostic_however_much_was_asked_of_it(
    bench: Any, index: Any, count: int
) -> None:
    with closed_port() as port:
        collect(
            bench,
            f"http://robot:hunter2@127.0.0.1:{port}/simple",
            *((f"kit{n}", "1.0", WRONG) for n in range(count)),
        )
        refusal = bench.refused("apply")
    found = refusal.only("E703", says=f"127.0.0.1:{port}", hint="")
    assert found["hint"]
    assert refusal.ran.code == 1
    assert refusal.ran.err.count("E703") == 1
    assert "hunter2" not in refusal.ran.err + refusal.ran.out


def test_a_plan_needs_no_index(bench: Any, index: Any) -> None:
    with closed_port() as port:
        collect(bench, f"http://127.0.0.1:{port}/simple", ("kit", "1.0", WRONG))
        assert bench.run("plan", str(bench.space)).code == 0
    assert index.asked == []


def test_a_table_that_is_not_there(bench: Any) -> None:
    bench.change("snapshot.yaml", "path: corpus.jsonl", "path: corpse.jsonl")
    at = bench.spot("snapshot.yaml", "uses: sources")
    for command in ("plan", "apply"):
        bench.refused(command).only("E708", at=at, says="corpse.jsonl: No such file")


def test_a_table_that_is_not_the_pinned_one(bench: Any) -> None:
    bench.change("snapshot.yaml", "path: corpus.jsonl", f"path: corpus.jsonl\n        sha256: '{WRONG}'")
    bench.refused("apply").only("E702", says="corpus.jsonl", hint="Compare both")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "the line is not JSON"),
        (b'"text"', "not a JSON object"),
        (b'{"owner": "a"}', "it lacks the columns"),
        (b'{"owner": "a", "repository": "b", "path": "c", "content": 1}', "must be text"),
        (b"\xff\xfe", "the line is not JSON"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_a_table_with_a_bad_row_names_the_row(bench: Any, line: bytes, says: str) -> None:
    good = bench.path("corpus.jsonl").read_bytes()
    bench.write("corpus.jsonl", good + line + b"\n")
    number = good.count(b"\n") + 1
    bench.refused("apply").only("E708", at=f"corpus.jsonl:{number}:1", says=says)


def test_files_that_are_not_utf8_are_left_out_with_a_warning(fresh: Any, index: Any) -> None:
    files = {"kit.py": b"K = 1\n", "latin.py": b"# caf\xe9\n", "image.png": b"\x89PNG\0", "LICENSE": b"MIT\n"}
    collect(fresh, index.url, ("kit", "1.0", index.publish("kit", "kit-1.0.tar.gz", sdist("kit-1.0", files))))
    done = fresh.run("apply", str(fresh.space))
    assert done.code == 0
    assert "E706  warning: kit 1.0: left out 2 files not readable as UTF-8 text" in done.err
    explained = fresh.run("explain", "Dataset/tiny", "pypi/kit/kit:kit.py", "-w", str(fresh.space))
    assert explained.code == 0
    assert fresh.run("explain", "Dataset/tiny", "pypi/kit/kit:latin.py", "-w", str(fresh.space)).code == 2


def test_a_row_that_is_not_utf8_is_left_out_with_a_warning(fresh: Any) -> None:
    rows = [json.loads(line) for line in fresh.text("corpus.jsonl").splitlines()]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns["content"] = [
        b"\xe9" if index == 0 else row["content"].encode() for index, row in enumerate(rows)
    ]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    fresh.write("corpus.parquet", sink.getvalue())
    fresh.change("snapshot.yaml", "path: corpus.jsonl", "path: corpus.parquet")
    fresh.change("snapshot.yaml", "format: jsonl", "format: parquet")
    done = fresh.run("apply", str(fresh.space))
    assert done.code == 0
    assert "E706  warning: corpus.parquet: left out 1 file not readable as UTF-8 text" in done.err


def test_the_spec_asks_for_nothing(bench: Any) -> None:
    bench.change("snapshot.yaml", "      tables:\n      - path: corpus.jsonl\n", "      tables: []\n")
    bench.refused("plan").only("E105", at=bench.spot("snapshot.yaml", "[]"), says="at least 1 item")


def test_an_empty_snapshot(bench: Any) -> None:
    bench.write("corpus.jsonl", "")
    refusal = bench.refused("apply")
    refusal.only("E707", says="holds no file", hint="Name something to collect.")
    assert refusal.ran.code == 1
    assert bench.run("show", str(bench.space), "--json").document["resources"]["Dataset/tiny@1.0.0"]["facts"]


def test_a_snapshot_whose_files_are_all_left_out_is_empty(bench: Any, index: Any) -> None:
    digest = index.publish("kit", "kit-1.0.tar.gz", sdist("kit-1.0", {"a.py": b"\xff", "b.py": b"\0"}))
    collect(bench, index.url, ("kit", "1.0", digest))
    bench.refused("apply").only("E707", says="holds no file")


def test_one_file_from_two_sources(bench: Any) -> None:
    bench.write("again.jsonl", bench.text("corpus.jsonl"))
    bench.change(
        "snapshot.yaml",
        "      - path: corpus.jsonl\n",
        "      - path: corpus.jsonl\n      - path: again.jsonl\n",
    )
    refusal = bench.refused("apply")
    assert {d["code"] for d in refusal.found} == {"E708"}
    assert all("two sources hold the same file" in d["message"] for d in refusal.found)


def test_a_first_run_that_fails_leaves_a_workspace_that_a_second_one_completes(fresh: Any) -> None:
    rows = fresh.text("corpus.jsonl")
    fresh.write("corpus.jsonl", rows + "{\n")
    fresh.refused("apply").only("E708")
    fresh.mend()
    assert fresh.run("apply", str(fresh.space)).code == 0
    assert fresh.run("verify", str(fresh.space)).code == 0


def test_a_quality_rule_that_compares_unlike_things(bench: Any) -> None:
    bench.change(
        "dataset.yaml", "column: max_line\n      above: 1000", "column: generated\n      above: 1000"
    )
    found = bench.refused("apply").only(
        "E105", says="`line-length` compares the column `generated`, which is bool", hint="equals"
    )
    assert found["severity"] == "error"


def test_a_quality_rule_on_a_column_that_nothing_writes(bench: Any) -> None:
    bench.change("dataset.yaml", "column: max_line", "column: max_lines")
    refusal = bench.refused("apply")
    assert {d["code"] for d in refusal.found} == {"E302"}
    assert "`max_lines`, which no observer writes" in refusal.found[0]["message"]
    assert "max_line" in refusal.found[0]["hint"]
