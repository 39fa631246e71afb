"""The files of a small workspace to start from. They are valid as they stand, and each says what it is for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from bigcode.api.diagnostics import fail
from bigcode.evidence.consent import new_list, render_list
from bigcode.host.registry import Registry

_USED = (
    "sources.tables",
    "licenses.text",
    "pii.patterns",
    "languages.linguist",
    "quality.text",
    "dedup.minhash",
)
LIST = "optouts/list.json"

_PROJECT = """\
# Who stewards this work, and where it is done. `bigcode schema Project` prints all fields.
apiVersion: bigcode/v1
kind: Project
metadata: {name: NAME}
spec:
  title: NAME
  # Counts of people below this are withheld from every output.
  smallCell: 5
"""
_SNAPSHOT = """\
# What is collected. Other collectors: `bigcode plugins list`.
apiVersion: bigcode/v1
kind: Snapshot
metadata: {name: source}
spec:
  collector:
    uses: sources.tables
    version: @sources.tables@
    with:
      # Columns: host, owner, repository, revision, path, released (seconds), content.
      tables: [{path: DATA}]
      format: FORMAT
  # Partitions by owner; 1024 for a large snapshot.
  buckets: 8
"""
_LICENSES = """\
# Which licences admit a file. A file whose licence is not known stays out.
apiVersion: bigcode/v1
kind: LicensePolicy
metadata: {name: permissive, rationale: governance/decisions/0001-policies.md}
spec:
  classifier: {uses: licenses.text, version: @licenses.text@}
  allow: [MIT, Apache-2.0, BSD-2-Clause, BSD-3-Clause, ISC, 0BSD, Unlicense, CC0-1.0]
"""
_OPTOUT = """\
# Whose code stays out. The names stand in the list file alone, which must not enter git.
apiVersion: bigcode/v1
kind: OptOutSnapshot
metadata: {name: wishes, rationale: governance/decisions/0001-policies.md}
spec:
  # `bigcode optout key`, then `bigcode optout seal`, pin and sign it; `bigcode optout add` adds a wish.
  source: LIST
  asOf: "DATE"
  scopes: [owner, repository, path, blob]
"""
_PII = """\
# What is looked for in the text, and what is put in its place.
apiVersion: bigcode/v1
kind: PIIPolicy
metadata: {name: surrogates, rationale: governance/decisions/0001-policies.md}
spec:
  detector: {uses: pii.patterns, version: @pii.patterns@}
  entities:
    EMAIL: {action: surrogate}
    IP_ADDRESS: {action: surrogate}
    KEY: {action: surrogate}
"""
_DATASET = """\
# The snapshot under these policies, and what else leaves a file out.
apiVersion: bigcode/v1
kind: Dataset
metadata: {name: NAME, version: 1.0.0}
spec:
  snapshot: Snapshot/source
  licenses: LicensePolicy/permissive
  optOut: OptOutSnapshot/wishes
  pii: PIIPolicy/surrogates
  languages:
    detector: {uses: languages.linguist, version: @languages.linguist@}
  quality:
    observers: [{uses: quality.text, version: @quality.text@}]
    # A file is dropped as quality.<id> when its column is above or below the bound.
    rules:
      - {id: line-length, column: max_line, above: 1000}
  # Of near-duplicates one is kept.
  dedup: {uses: dedup.minhash, version: @dedup.minhash@, with: {threshold: 0.85}}
  # A share of the projects is held out for validation.
  split: {validation: 0.1, seed: 0}
"""
_CARD = """\
# What people read of the dataset. Numbers come from what was measured.
apiVersion: bigcode/v1
kind: Card
metadata: {name: NAME}
spec: {subject: Dataset/NAME, template: dataset-card}
"""
_DECISION = """\
---
id: "0001"
title: First policies
kind: policy
---
The policies that `bigcode init` wrote: permissive licences, personal data replaced by surrogates, every opt-out
honoured. Say here who decided on yours, and why.
"""
_MIT = """\
MIT License

Copyright (c) 2020 the authors of the sample

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated \
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the \
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to \
permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the \
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE \
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR \
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR \
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
_SAMPLE = {
    "LICENSE": _MIT,
    "sample/shapes.py": '"""Areas of shapes."""\n\nimport math\n\n\ndef circle(radius: float) -> float:\n'
    "    return math.pi * radius**2\n",
    "sample/words.py": '"""Words of a text."""\n\n\ndef count(text: str) -> dict[str, int]:\n'
    "    found: dict[str, int] = {}\n"
    "    for word in text.lower().split():\n        found[word] = found.get(word, 0) + 1\n    return found\n",
}
_IGNORE = """\
# The names of people who opted out, and what is built.
/optouts/
/.bigcode/
/governance/cards/
/releases/
"""


def workspace_files(registry: Registry, name: str, as_of: str, data: str = "") -> dict[str, bytes]:
    """The files of a new workspace by name.

    Args:
        name: of the project and its dataset.
        as_of: date of the opt-out list, which is empty.
        data: path of a table (Parquet or JSON lines) as the specs are to name it; a sample when empty.

    Raises:
        Problem: E302 when a component that it would name is not installed.
    """
    versions = {f"@{used}@": str(registry.find(used).version) for used in _USED}
    form = "parquet" if data.endswith(".parquet") else "jsonl"
    table = json.dumps(data or "source.jsonl")
    values = {**versions, "DATA": table, "FORMAT": form, "DATE": as_of, "LIST": LIST, "NAME": name}
    texts = {
        "project.yaml": _PROJECT,
        "snapshot.yaml": _SNAPSHOT,
        "licenses.yaml": _LICENSES,
        "optout.yaml": _OPTOUT,
        "pii.yaml": _PII,
        "dataset.yaml": _DATASET,
        "card.yaml": _CARD,
        "governance/decisions/0001-policies.md": _DECISION,
        ".gitignore": _IGNORE,
    }
    files = {file: _filled(text, values).encode() for file, text in texts.items()}
    if not data:
        files["source.jsonl"] = _sample()
    return files


def _filled(text: str, values: Mapping[str, str]) -> str:
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text


def _sample() -> bytes:
    row = {
        "host": "example",
        "owner": "sample",
        "repository": "sample",
        "revision": "1.0",
        "released": 1_600_000_000,
    }
    lines = [json.dumps({**row, "path": path, "content": text}) for path, text in sorted(_SAMPLE.items())]
    return ("\n".join(lines) + "\n").encode()


def write_workspace(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write into a folder that is new or empty, with an empty opt-out list.

    Raises:
        Problem: E001 when something is there already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise fail("E001", f"`{folder}` is not empty", hint="Name a folder that is not there yet.")
    for name, data in {**files, LIST: render_list(new_list())}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
