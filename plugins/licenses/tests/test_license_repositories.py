"""Whole repositories: what the observer says of their files, and what the core decides from that."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bigcode.api import load_object
from bigcode.decide.licensing import Policy, decide
from bigcode.testing.context import StageContext
from bigcode_licenses.plugin import bigcode_components

TIERS = bigcode_components()[1]
ALLOWED = frozenset({"MIT", "Apache-2.0", "BSD-3-Clause"})


@pytest.fixture(scope="module")
def judge():
    """(license, source, reason, category, unclear) of each file of one repository, by path."""
    stage = load_object(TIERS.factory)(load_object(TIERS.config)())

    def one(files: dict[str, str | bytes]) -> dict[str, tuple]:
        paths = list(files)
        contents = [c.encode() if isinstance(c, str) else c for c in files.values()]
        names = [path.rpartition("/")[2] for path in paths]
        seen = stage.run(
            pa.table({"blob": paths, "name": names, "content": pa.array(contents, pa.binary())}),
            StageContext(),
        )
        home = {c: pa.array(["x"] * len(paths)) for c in ("host", "owner", "repository", "revision")}
        said = {c: seen[c] for c in seen.column_names if c not in ("blob", "name")}
        verdicts = decide(pa.table({**home, "path": paths, **said}), Policy(ALLOWED)).to_pylist()
        return {path: tuple(verdict.values())[:5] for path, verdict in zip(paths, verdicts, strict=True)}

    return one


def test_a_repository_of_several_licences_by_folder_and_by_header(judge, text_of):
    found = judge(
        {
            "LICENSE": text_of("MIT"),
            "a.py": "x = 1\n",
            "vendor/z/COPYING": text_of("MPL-2.0"),
            "vendor/z/src/a.js": "let x\n",
            "vendor/own.js": "// SPDX-License-Identifier: GPL-3.0-only\n",
        }
    )
    assert found["a.py"] == ("MIT", "repository", "", "permissive", False)
    assert found["vendor/z/src/a.js"] == ("MPL-2.0", "directory", "license.denied", "weak-copyleft", False)
    assert found["vendor/own.js"] == ("GPL-3.0-only", "file", "license.denied", "copyleft", False)


def test_a_folder_of_licences_needs_the_metadata_or_the_headers_to_be_a_choice(judge, text_of):
    texts = {"LICENSES/MIT.txt": text_of("MIT"), "LICENSES/MPL-2.0.txt": text_of("MPL-2.0")}
    source = {"a.rs": "// x\n", "b.rs": "// SPDX-License-Identifier: MIT\n"}
    found = judge({**texts, **source})
    assert found["a.rs"][:3] == ("MIT AND MPL-2.0", "repository", "license.denied")
    assert found["b.rs"][:3] == ("MIT", "file", "")
    chosen = judge({**texts, **source, "Cargo.toml": '[package]\nlicense = "MIT OR MPL-2.0"\n'})
    assert chosen["a.rs"] == ("MIT OR MPL-2.0", "metadata", "", "permissive", False)


def test_metadata_alone_decides_where_no_text_is(judge):
    found = judge({"package.json": '{"license": "MIT"}', "a.js": "let x\n"})
    assert found["a.js"] == ("MIT", "metadata", "", "permissive", False)
    found = judge(
        {"PKG-INFO": "Metadata-Version: 2.1\nName: a\nVersion: 1\nLicense: GPL\n\n", "a.py": "x = 1\n"}
    )
    assert found["a.py"] == ("", "", "license.unknown", "unknown", True)


def test_terms_that_contradict_each_other_are_both_held_against_the_files(judge, text_of):
    found = judge({"LICENSE": text_of("MIT"), "LICENSE.txt": text_of("MPL-2.0"), "a.py": "x = 1\n"})
    assert found["a.py"][:3] == ("MIT AND MPL-2.0", "repository", "license.denied")


@pytest.mark.parametrize("name, content", [("LICENSE.pdf", b"%PDF-1.7\n\x00"), ("LICENSE", b"\x00\x01\x02")])
def test_a_licence_that_cannot_be_read_admits_nothing_and_is_put_before_a_person(
    judge, name: str, content: bytes
):
    assert judge({name: content, "a.py": "x = 1\n"})["a.py"] == ("", "", "license.unknown", "unknown", True)


def test_an_empty_licence_file_says_nothing(judge):
    assert judge({"LICENSE": "", "a.py": "x = 1\n"})["a.py"] == ("", "", "license.unknown", "unknown", False)
