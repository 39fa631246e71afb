"""A tiny corpus with everything that the laws are about, made in code.

Projects (owner/repository), all on `forge.example`:

- `requestlib/requestlib` (ISC), releases 1.0.0 and 1.1.0; `installer/installer` (MIT) vendors 1.0.0 exactly.
- `alpha/alpha` (MIT), releases 1.0 and 2.0; `bundle/bundle` (0BSD) vendors 1.0; `forker/alpha` is a fork of
  2.0 with one file changed.
- `copyleft/ringtool` (GPL-3.0-or-later); `mixer/mixer` says MIT and holds an exact copy of one of its files.
- `widgets/widgets` (MIT, in its package metadata too) in TypeScript, JavaScript, CSS and JSON; one file is
  minified.
- `scratch/notes` has no licence and a near copy of alpha's grid.
- `ops/deploy` (0BSD) holds an e-mail address, addresses of machines and made-up keys that are nobody's.

Empty `__init__.py` files are everywhere and the MIT text is shared by five projects: both are common property
that an opt-out must not spread through. Whoever changes a text here changes the golden digests of all components.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bigcode.testing import notices, texts

if TYPE_CHECKING:
    import pyarrow as pa

HOST = "forge.example"
EMAIL = "ada.writer" + "@" + "harbour-mail.zz"
"""Under a country code that no country has."""
IPV4 = ".".join(("26", "41", "207", "19"))
GITHUB_TOKEN = texts.invent("gh" + "p_", 36, "github")
AWS_ID = texts.invent("AK" + "IA", 16, "aws", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
PASSPHRASE = texts.invent("", 32, "generic")
SPDX = "SPDX-" + "License-Identifier: "

_DAY = 86_400
_EPOCH = 1_577_836_800  # 2020-01-01


def build_corpus() -> list[dict[str, Any]]:
    """The rows, sorted by owner, repository, revision and path.

    Each has host, owner, repository, revision, path, released (seconds since the epoch) and content (str).
    """
    rows = [
        {
            "host": HOST,
            "owner": owner,
            "repository": repository,
            "revision": revision,
            "path": path,
            "released": _EPOCH + day * _DAY,
            "content": content,
        }
        for (owner, repository, revision, day), files in _projects().items()
        for path, content in files.items()
    ]
    return sorted(rows, key=lambda row: (row["owner"], row["repository"], row["revision"], row["path"]))


def write_jsonl(path: Path) -> None:
    """The corpus as a table that the jsonl collector reads."""
    lines = [json.dumps(row, sort_keys=True, ensure_ascii=False) for row in build_corpus()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def blob_of(content: str) -> str:
    """sha256 in hex of the UTF-8 bytes: the blob column of the engine."""
    return sha256(content.encode()).hexdigest()


def tables_of(rows: Sequence[Mapping[str, Any]] | None = None) -> dict[str, pa.Table]:
    """What observers are given, by grain; `rows` are those of the corpus unless given.

    `blob` has the columns blob (string) and content (binary), one row per distinct content; `name` adds name
    (string, the last part of a path), one row per distinct pair; `file` adds path instead; `path` has path (string)
    alone. All are sorted.
    """
    import pyarrow as pa

    rows = build_corpus() if rows is None else rows
    contents = {blob_of(row["content"]): row["content"].encode() for row in rows}
    blobs = sorted(contents)
    places = sorted({(blob_of(row["content"]), row["path"]) for row in rows})
    pairs = sorted({(blob, path.rpartition("/")[2]) for blob, path in places})
    return {
        "blob": pa.table(
            {
                "blob": pa.array(blobs, pa.string()),
                "content": pa.array([contents[blob] for blob in blobs], pa.binary()),
            }
        ),
        "name": pa.table(
            {
                "blob": pa.array([blob for blob, _ in pairs], pa.string()),
                "name": pa.array([name for _, name in pairs], pa.string()),
                "content": pa.array([contents[blob] for blob, _ in pairs], pa.binary()),
            }
        ),
        "file": pa.table(
            {
                "blob": pa.array([blob for blob, _ in places], pa.string()),
                "path": pa.array([path for _, path in places], pa.string()),
                "content": pa.array([contents[blob] for blob, _ in places], pa.binary()),
            }
        ),
        "path": pa.table({"path": pa.array(sorted({row["path"] for row in rows}), pa.string())}),
    }


def _projects() -> dict[tuple[str, str, str, int], dict[str, str]]:
    """Files by (owner, repository, revision, day of release)."""
    requestlib = {
        "requestlib/__init__.py": "",
        "requestlib/retry.py": texts.RETRY,
        "requestlib/session.py": texts.SESSION,
    }
    session_next = texts.SESSION.replace("attributes are ignored", "its attributes are dropped")
    alpha = {"alpha/__init__.py": "", "alpha/tree.py": texts.TREE, "alpha/grid.py": texts.GRID}
    grid_next = texts.GRID.replace("minus one when there is no way", "-1 if the goal cannot be reached")
    alpha_next = {**alpha, "alpha/grid.py": grid_next}
    vendor = "src/installer/_vendor/"
    return {
        ("requestlib", "requestlib", "1.0.0", 10): {
            "LICENSE": notices.ISC,
            "PKG-INFO": _metadata("requestlib", "1.0.0", "ISC"),
            **requestlib,
        },
        ("requestlib", "requestlib", "1.1.0", 200): {
            "LICENSE": notices.ISC,
            "PKG-INFO": _metadata("requestlib", "1.1.0", "ISC"),
            **requestlib,
            "requestlib/session.py": session_next,
            "tests/test_retry.py": _TEST_RETRY,
        },
        ("installer", "installer", "3.2", 300): {
            "LICENSE": notices.MIT,
            "PKG-INFO": _metadata("installer", "3.2", "MIT"),
            "src/installer/__init__.py": "",
            "src/installer/plan.py": _PLAN,
            vendor + "__init__.py": "",
            vendor + "requestlib/LICENSE": notices.ISC,
            **{vendor + path: content for path, content in requestlib.items()},
        },
        ("alpha", "alpha", "1.0", 20): {
            "LICENSE": notices.MIT,
            "PKG-INFO": _metadata("alpha", "1.0", "MIT"),
            **alpha,
        },
        ("alpha", "alpha", "2.0", 400): {
            "LICENSE": notices.MIT,
            "PKG-INFO": _metadata("alpha", "2.0", "MIT"),
            **alpha_next,
            "docs/index.md": "# alpha\n\nWords that share a beginning, and ways through a grid.\n",
        },
        ("bundle", "bundle", "0.9", 120): {
            "LICENSE": notices.BSD0,
            "src/bundle/__init__.py": "",
            "src/bundle/words.go": texts.COUNTER_GO,
            **{"src/bundle/_vendor/" + path: content for path, content in alpha.items()},
        },
        ("forker", "alpha", "2.0", 420): {
            "LICENSE": notices.MIT,
            **alpha_next,
            "alpha/tree.py": texts.TREE.replace("return sorted(found)", "return sorted(found, key=len)"),
        },
        ("copyleft", "ringtool", "1.4", 50): {
            "COPYING": notices.GPL_NOTICE,
            "src/ring.c": _comment(notices.GPL_NOTICE) + texts.RING_C,
            "src/ring.h": f"/* {SPDX}GPL-3.0-or-later */\n" + texts.RING_H,
            "backup.sh": texts.BACKUP_SH,
        },
        ("mixer", "mixer", "0.1", 500): {
            "LICENSE": notices.MIT,
            "third_party/ring.c": _comment(notices.GPL_NOTICE) + texts.RING_C,
            "src/roman.rs": texts.ROMAN_RS,
        },
        ("widgets", "widgets", "5.0.1", 250): {
            "package.json": json.dumps({"name": "widgets", "version": "5.0.1", "license": "MIT"}, indent=2)
            + "\n",
            "LICENSE": notices.MIT,
            "src/hull.ts": texts.WIDGET_TS,
            "src/label.js": texts.WIDGET_JS,
            "src/label.css": ".label { color: #224466; margin: 0 1em }\n.label--open { font-weight: bold }\n",
            "dist/label.min.js": _minify(texts.WIDGET_JS) * 8 + "\n",
        },
        ("scratch", "notes", "main", 60): {
            "ways.py": texts.GRID.replace("Shortest ways through a grid", "Ways through a grid"),
            "roman.js": _ROMAN_JS,
            "größe.md": "# Größe\r\n\r\nEine Notiz über Wörter — ohne Lizenz. \U0001f33f\r\n",
        },
        ("ops", "deploy", "main", 90): {
            "LICENSE": notices.BSD0,
            "AUTHORS": f"\U0001f33f Ada Writer <{EMAIL}>\nThe list is open: help@example.org\n",
            "hosts.yaml": _HOSTS,
            "settings.py": _SETTINGS,
            "src/notify.py": _NOTIFY,
            "src/__init__.py": "",
        },
    }


def _metadata(name: str, version: str, license_id: str) -> str:
    return f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: {license_id}\n"


def _comment(text: str) -> str:
    return "/*\n" + "".join(f" * {line}".rstrip() + "\n" for line in text.splitlines()) + " */\n"


def _minify(text: str) -> str:
    return " ".join(text.split())


_TEST_RETRY = """\
from requestlib.retry import pauses, retry


def test_pauses_grow() -> None:
    assert list(pauses(1.0, 3.0, 3)) == [1.0, 3.0, 9.0]


def test_a_call_that_works_is_not_repeated() -> None:
    calls: list[int] = []
    assert retry(lambda: calls.append(1) or "done", wait=lambda seconds: None) == "done"
    assert calls == [1]
"""

_PLAN = '''\
"""The order in which packages are installed: what others need comes first."""


def order(needs: dict[str, set[str]]) -> list[str]:
    """Names in an order that satisfies `needs`.

    Raises:
        ValueError: when packages need one another in a circle.
    """
    waiting = {name: set(others) for name, others in needs.items()}
    out: list[str] = []
    while waiting:
        ready = sorted(name for name, others in waiting.items() if not others & waiting.keys())
        if not ready:
            raise ValueError("packages need one another in a circle")
        out.extend(ready)
        for name in ready:
            del waiting[name]
    return out
'''

_ROMAN_JS = """\
function roman(number) {
  const table = { M: 1000, CM: 900, D: 500, CD: 400, C: 100, XC: 90, L: 50, XL: 40, X: 10, IX: 9, V: 5, IV: 4,
    I: 1 };
  let out = "";
  for (const digits of Object.keys(table)) {
    while (number >= table[digits]) {
      out += digits;
      number -= table[digits];
    }
  }
  return out;
}
module.exports = { roman };
"""

_HOSTS = f"""\
proxy: {IPV4}
here: 127.0.0.1
inside: 10.1.2.3
resolver: 8.8.8.8
build: 1.4.2.0
"""

_SETTINGS = f'''\
"""Settings of a deployment that never was."""

GITHUB_TOKEN = "{GITHUB_TOKEN}"
AWS_ACCESS_KEY_ID = "{AWS_ID}"
api_secret = "{PASSPHRASE}"
password = "changeme"
build_digest = "{sha256(b"build").hexdigest()}"
request_id = "123e4567-e89b-12d3-a456-426614174000"
'''

_NOTIFY = f'''\
"""Tell the person on call, once for each kind of failure."""

ON_CALL = "{EMAIL}"
FALLBACK = "root@localhost"


def recipients(kind: str, told: set[str]) -> list[str]:
    """Whom to tell about a failure of this kind; nobody when it was told already."""
    if kind in told:
        return []
    told.add(kind)
    return [ON_CALL, FALLBACK] if kind == "outage" else [ON_CALL]
'''
