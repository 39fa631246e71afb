"""Published labels are read only as pinned, with places in bytes, and errors quote nothing."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from bigcode.api import Problem
from bigcode.testing.context import StageContext
from bigcode_pii.config import PublishedConfig
from bigcode_pii.folders import digest_folder
from bigcode_pii.invented_secrets import draw_password
from bigcode_pii.published import Published

NOTHING = pa.table({"blob": pa.array([], pa.string()), "content": pa.array([], pa.binary())})


def build(path: Path, form: str = "jsonl", digest: str = "") -> pa.Table:
    config = PublishedConfig(path=str(path), sha256=digest or digest_folder(path), format=form)  # type: ignore[arg-type]
    return Published(config).build(NOTHING, StageContext())


def test_lines_of_json_give_texts_and_labels(tmp_path: Path) -> None:
    value = draw_password(Random(1))
    content = f"é = '{value}'"
    label = {"start": 6, "end": 6 + len(value), "entity": "PASSWORD", "kind": "mine", "positive": True}
    (tmp_path / "set.jsonl").write_text(json.dumps({"content": content, "labels": [label]}) + "\n", "utf-8")
    table = build(tmp_path / "set.jsonl")
    assert table["labels"].to_pylist() == [[label]]
    assert (table["content"][0].as_py()[6 : label["end"]] == value.encode()) is True


def test_a_checkout_of_the_other_detector_gives_its_findings_as_labels(tmp_path: Path) -> None:
    samples, data = tmp_path / "samples", tmp_path / "data"
    samples.mkdir()
    data.mkdir()
    body = "".join(Random(2).choice("ABCDEFGHabcdefgh0123") for _ in range(64))
    (samples / "a.py").write_text(f"# é\npw = 'ü{body[:9]}'\n", "utf-8")
    (samples / "key").write_text(f"-----BEGIN X-----\n{body}\n{body}\n-----END X-----\n", "utf-8")
    (samples / "none.txt").write_text("nothing\n", "utf-8")
    (samples / "packed.zip").write_bytes(b"PK\0\0")

    def line(name: str, number: int, start: int, end: int, value: str) -> dict[str, object]:
        return {
            "path": f"./tests/samples/{name}", "line_num": number, "value_start": start, "value_end": end,
            "value": value, "info": "",
        }  # fmt: skip

    lines = [
        line("key", 1, 0, 17, "-----BEGIN X-----"),
        line("key", 2, 0, 64, body),
        line("key", 3, 0, 64, body),
    ]
    found = [
        {"rule": "Password", "line_data_list": [line("a.py", 2, 6, 16, "ü" + body[:9])]},
        {"rule": "PEM Private Key", "line_data_list": [*lines, line("key", 4, 0, 15, "-----END X-----")]},
        {"rule": "UUID", "line_data_list": [line("none.txt", 1, 0, 7, "nothing")]},
    ]
    (data / "output.json").write_text(json.dumps(found), "utf-8")
    table = build(tmp_path, "credsweeper")
    labels = [
        [(x["start"], x["end"], x["entity"], x["kind"]) for x in row] for row in table["labels"].to_pylist()
    ]
    assert labels == [[(11, 22, "PASSWORD", "Password")], [(18, 147, "KEY", "PEM Private Key")], []]


def test_another_content_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl").write_text("{}\n")
    with pytest.raises(Problem) as caught:
        build(tmp_path / "set.jsonl", digest="0" * 64)
    assert "E702" in str(caught.value)
    with pytest.raises(Problem) as caught:
        build(tmp_path / "missing.jsonl", digest="0" * 64)
    assert "E109" in str(caught.value)


@pytest.mark.parametrize(
    "broken", ['{"content": "VALUE"', '{"content": "VALUE", "labels": [{"start": 0}]}', '{"x": "VALUE"}']
)
def test_an_error_names_the_form_and_quotes_nothing(broken: str, tmp_path: Path) -> None:
    value = draw_password(Random(9))
    (tmp_path / "set.jsonl").write_text(broken.replace("VALUE", value) + "\n", "utf-8")
    with pytest.raises(Problem) as caught:
        build(tmp_path / "set.jsonl")
    assert "E708" in str(caught.value)
    assert (value in str(caught.value)) is False


def test_a_digest_covers_names_and_contents_but_no_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = digest_folder(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x").write_text("2")
    assert digest_folder(tmp_path) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest_folder(tmp_path) != first
