"""The labelled set `pii.published`: lines that others labelled, read from where the user keeps them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from bigcode.api import Context, fail
from bigcode_pii.config import ENTITIES, PublishedConfig
from bigcode_pii.folders import check_folder
from bigcode_pii.planted import LABELS

Text = tuple[bytes, list[dict[str, Any]]]

# Rules of CredSweeper by what their findings are; those of other rules are keys.
_PASSWORD_RULES = (
    "Password",
    "Passwd",
    "CMD Password",
    "SQL Password",
    "URL Credentials",
    "CURL User Password",
    "PASSWD_PAIR",
    "ID_PASSWD_PAIR",
)
_NO_SECRET_RULES = (
    "UUID",
    "Firebase Domain",
    "AWS S3 Bucket",
    "ID_PAIR",
    "Tencent WeChat API App ID",
    "Salt",
    "Nonce",
)
_IN_LINES = 1 << 20


class Published:
    """Labels: texts and labels of the file or folder; carriers are not used."""

    name = "lines that others published with labels"
    carriers = 0

    def __init__(self, config: PublishedConfig) -> None:
        self.config = config

    def build(self, carriers: pa.Table, ctx: Context) -> pa.Table:
        """As of `Labels.build`.

        Raises:
            Problem: E109 or E702 if the path holds nothing, or something else than what is pinned; E708 if it is
                not in the form that `format` says.
        """
        path = check_folder(self.config.path, self.config.sha256, "pii.published")
        try:
            texts = list(_READERS[self.config.format](path))
        except (ValueError, KeyError, TypeError, OSError) as error:
            # The message of the error may quote a line, which may be a secret.
            raise fail(
                "E708",
                f"pii.published: the labels are not in the form `{self.config.format}` ({type(error).__name__})",
            ) from None
        contents = pa.array([content for content, _ in texts], pa.binary())
        return pa.table({"content": contents, "labels": pa.array([labels for _, labels in texts], LABELS)})


def read_jsonl(path: Path) -> Iterator[Text]:
    """Objects with `content` (text) and `labels` (start and end in bytes of its UTF-8, entity, kind, positive)."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            content = item["content"].encode()
            labels = [
                {
                    "start": int(label["start"]),
                    "end": int(label["end"]),
                    "entity": str(label["entity"]),
                    "kind": str(label.get("kind", "published")),
                    "positive": bool(label.get("positive", True)),
                }
                for label in item["labels"]
            ]
            if any(
                x["entity"] not in ENTITIES or not 0 <= x["start"] < x["end"] <= len(content) for x in labels
            ):
                raise ValueError("a label is out of bounds or of an unknown entity")
            yield content, sorted(labels, key=lambda label: (label["start"], label["end"]))


def read_credsweeper(path: Path) -> Iterator[Text]:
    """Text files below `samples` with the findings of `data/output.json` as positive labels.

    These are what that detector finds with its own model, reviewed by its authors as what it should find. Left out
    are archives and other files that are not UTF-8, findings that it makes after decoding, and rules for what is no
    secret by itself, such as identifiers. Texts without a label stay: they are samples of what is no secret.
    """
    spans: dict[str, set[tuple[int, int, int, int, str]]] = defaultdict(set)
    for finding in json.loads((path / "data" / "output.json").read_text(encoding="utf-8")):
        found = [
            line for line in finding["line_data_list"] if line["value_start"] >= 0 and not line.get("info")
        ]
        if not found or finding["rule"] in _NO_SECRET_RULES:
            continue
        if finding["rule"] == "PEM Private Key":
            # One label for the lines between the marks.
            inner = [line for line in found if "-----" not in line["value"] and line["value"].strip()]
            pairs = [(inner[0], inner[-1])] if inner else []
        else:
            pairs = [(line, line) for line in found]
        for first, last in pairs:
            name = first["path"].removeprefix("./").removeprefix("tests/samples/")
            place = first["line_num"], first["value_start"], last["line_num"], last["value_end"]
            spans[name].add((*place, finding["rule"]))
    for file in sorted((path / "samples").rglob("*")):
        data = file.read_bytes() if file.is_file() else b""
        if not data or len(data) > _IN_LINES or b"\0" in data:
            continue
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        yield data, _locate(text, spans.get(file.relative_to(path / "samples").as_posix(), set()))


def _locate(text: str, spans: set[tuple[int, int, int, int, str]]) -> list[dict[str, Any]]:
    """Labels with offsets in bytes from lines (counted from one) and columns in characters; one for each place."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))

    def place(number: int, column: int) -> int:
        return starts[number - 1] + len(lines[number - 1][:column].encode())

    labels: dict[tuple[int, int], dict[str, Any]] = {}
    for first, begin, last, close, rule in sorted(spans):
        if not 1 <= first <= last <= len(lines):
            continue
        start, end = place(first, begin), place(last, close)
        entity = "PASSWORD" if rule in _PASSWORD_RULES else "KEY"
        if (start, end) not in labels or entity == "PASSWORD":
            labels[start, end] = {
                "start": start,
                "end": end,
                "entity": entity,
                "kind": rule,
                "positive": True,
            }
    return _apart(labels)


def _apart(labels: dict[tuple[int, int], dict[str, Any]]) -> list[dict[str, Any]]:
    """Of labels that overlap, the longest."""
    kept: list[dict[str, Any]] = []
    for (start, end), label in sorted(labels.items(), key=lambda item: (item[0][0] - item[0][1], item[0])):
        if all(end <= other["start"] or start >= other["end"] for other in kept):
            kept.append(label)
    return sorted(kept, key=lambda label: label["start"])


_READERS = {"jsonl": read_jsonl, "credsweeper": read_credsweeper}
