"""The two language observers through their components."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import enry
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bigcode.api import load_object
from bigcode.testing.context import StageContext
from bigcode.testing.contract import assert_contract
from bigcode_languages import plugin
from bigcode_languages.table import format_rules, list_rules, load_table

LINGUIST, PATHS = plugin.bigcode_components()
TS_XML = (
    '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n<TS version="2.1" language="de"><context/></TS>\n'
)
CPP = "#include <vector>\ntemplate <typename T> class Stack {\n public:\n  std::vector<T> items;\n};\n"
C = "#ifndef POINT_H\n#define POINT_H\nstruct point { int x, y; };\nint norm(const struct point *p);\n#endif\n"


def build(component, **settings: object):
    return load_object(component.factory)(load_object(component.config)(**settings))


def files(*pairs: tuple[str, str | bytes]) -> pa.Table:
    contents = [c.encode() if isinstance(c, str) else c for _, c in pairs]
    return pa.table(
        {
            "blob": [f"{i:064x}" for i in range(len(pairs))],
            "name": pa.array([n for n, _ in pairs], pa.string()),
            "content": pa.array(contents, pa.binary()),
        }
    )


def observe(*pairs: tuple[str, str | bytes], **settings: object) -> list[dict]:
    return build(LINGUIST, **settings).run(files(*pairs), StageContext()).to_pylist()


def look_at(*paths: str, **settings: object) -> list[dict]:
    table = pa.table({"path": pa.array(paths, pa.string())})
    return build(PATHS, **settings).run(table, StageContext()).to_pylist()


@pytest.mark.parametrize(
    "component, table, keys",
    [
        (LINGUIST, files(("a.py", "x = 1\n")), ["blob", "name"]),
        (PATHS, pa.table({"path": ["a.py"]}), ["path"]),
    ],
)
def test_the_columns_are_those_that_the_component_declares(component, table: pa.Table, keys: list[str]):
    out = build(component).run(table, StageContext())
    assert [(f.name, str(f.type)) for f in out.schema] == [
        *((key, "string") for key in keys),
        *((c.name, c.type) for c in component.writes),
    ]


@pytest.mark.parametrize(
    "name, content, language",
    [
        ("a.py", "x = 1\n", "Python"),
        ("a.PY", "x = 1\n", "Python"),
        ("__init__.py", "", "Python"),
        ("Makefile", "all:\n\tcc a.c\n", "Makefile"),
        ("CMakeLists.txt", "project(a)\n", "CMake"),
        ("requirements.txt", "attrs\n", "Pip Requirements"),
        ("page.html.erb", "<p><%= name %></p>\n", "HTML+ERB"),
        ("archive.tar.py", "x = 1\n", "Python"),
    ],
)
def test_a_name_or_extension_of_one_language_decides(name: str, content: str, language: str):
    assert observe((name, content))[0]["language"] == language


@pytest.mark.parametrize(
    "name, content, language",
    [
        ("point.h", C, "C"),
        ("stack.h", CPP, "C++"),
        ("de.ts", TS_XML, "XML"),
        ("app.ts", "interface User { name: string }\nexport const a: User = { name: 'x' }\n", "TypeScript"),
        ("README.md", "# Title\n\nSome *prose* with a [link](https://example.org).\n", "Markdown"),
        ("View.m", "#import <UIKit/UIKit.h>\n@implementation View\n- (void)draw {}\n@end\n", "Objective-C"),
        ("norm.m", "function n = norm2(x)\n% NORM2 length\nn = sqrt(sum(x.^2));\nend\n", "MATLAB"),
        ("family.pl", ":- module(family, [parent/2]).\nparent(ann, bob).\n", "Prolog"),
        ("report.pl", "use strict;\nuse warnings;\nmy $x = shift;\nprint $x;\n", "Perl"),
    ],
)
def test_content_decides_where_the_extension_is_ambiguous(name: str, content: str, language: str):
    assert observe((name, content))[0]["language"] == language


def test_the_content_of_the_interpreters_own_files_is_python():
    sources = sorted(Path(json.__file__).parent.glob("*.py"))
    rows = observe(*((path.name, path.read_bytes()) for path in sources))
    assert len(rows) > 3
    assert {row["language"] for row in rows} == {"Python"}
    assert not any(row["generated"] or row["binary"] for row in rows)


@pytest.mark.parametrize("name", ["lib.rs", "point.h", "view.m", "notes.txt"])
@pytest.mark.parametrize("content", ["", "\n  \n"])
def test_an_empty_file_with_an_ambiguous_extension_stays_unknown(name: str, content: str):
    assert observe((name, content))[0]["language"] == ""


def test_a_first_line_names_the_language_where_the_name_does_not():
    rows = observe(
        ("configure-all", "#!/bin/sh\necho ok\n"),
        ("run", "#!/usr/bin/env python3\nprint()\n"),
        ("notes", "nothing here\n#!/bin/sh\n"),
        ("data.unheardof", "#!/usr/bin/env no-such-interpreter\n"),
    )
    assert [row["language"] for row in rows] == ["Shell", "Python", "", ""]


def test_generated_and_binary_files_are_flagged():
    minified = "var a=1;" * 400
    rows = observe(
        ("package-lock.json", "{}"), ("app.min.js", minified), ("a.js", "var a = 1\n"), ("a.bin", b"\0\1\2")
    )
    assert [row["generated"] for row in rows] == [True, True, False, False]
    assert [row["binary"] for row in rows] == [False, False, False, True]


def test_every_name_and_extension_of_the_table_leads_to_its_language():
    table = load_table()
    written = json.loads(Path(plugin.__file__).with_name("table.json").read_text())["languages"]
    for language, entry in written.items():
        for name in (*entry.get("filenames", ()), *("x" + e for e in entry.get("extensions", ()))):
            assert language in table.candidates(name)


def test_the_table_holds_the_languages_of_the_stack_and_more():
    rows = list(list_rules(load_table()))
    assert len(rows) > 800
    written = json.loads(Path(plugin.__file__).with_name("table.json").read_text())["languages"]
    assert sum(written[row.language]["type"] == "programming" for row in rows) > 500
    assert all(row.extensions or row.filenames for row in rows)


def test_a_person_can_read_the_table():
    lines = {line.split("  ")[0]: line for line in format_rules(load_table())}
    assert lines["Cadence"].split() == ["Cadence", ".cdc"]
    assert {".c", ".h*", ".cats"} <= set(lines["C"].split())
    assert "CMakeLists.txt" in lines["CMake"]
    ours = load_table().replace({".h": "C++"}, {"NOTES": "Text"})
    lines = {row.language: row for row in list_rules(ours)}
    assert ".h" not in lines["C"].extensions
    assert ".h" in lines["C++"].extensions
    assert ".h" not in lines["C++"].shared
    assert "NOTES" in lines["Text"].filenames


def test_the_spec_says_what_a_name_means():
    rules = {
        "extensions": {".H": "C++", ".tpl": "Smarty", ".txt": ""},
        "filenames": {"BUILD.tpl": "Starlark"},
    }
    rows = observe(
        ("a.h", C), ("a.h", ""), ("a.tpl", ""), ("BUILD.tpl", ""), ("a.txt", "x"), ("a.c", C), rules=rules
    )
    assert [row["language"] for row in rows] == ["C++", "C++", "Smarty", "Starlark", "", "C"]


def test_only_the_languages_asked_for_are_told():
    pairs = (("a.py", ""), ("stack.h", CPP), ("point.h", C), ("de.ts", TS_XML), ("run", "#!/bin/sh\n"))
    assert [row["language"] for row in observe(*pairs, only=["C", "TypeScript"])] == ["", "", "C", "", ""]
    assert [row["language"] for row in observe(*pairs, only=["XML", "Shell"])] == ["", "", "", "XML", "Shell"]


@pytest.mark.parametrize("settings", [{"only": ["Pyton"]}, {"rules": {"extensions": {".py": "Pyton"}}}])
def test_a_language_that_the_table_lacks_is_refused_with_those_near_to_it(settings: dict):
    with pytest.raises(ValidationError, match="`Pyton` is no language of the table; near to it: Python"):
        load_object(LINGUIST.config)(**settings)


@pytest.mark.parametrize("extension", ["py", ".a/b", ""])
def test_an_extension_begins_with_a_dot(extension: str):
    with pytest.raises(ValidationError, match="pattern"):
        load_object(LINGUIST.config)(rules={"extensions": {extension: "Python"}})


@given(st.integers(7990, 8010), st.sampled_from([b"", b"\0", b"a"]))
def test_a_file_is_binary_where_the_library_says_so(size: int, end: bytes):
    content = b"a" * size + end
    assert observe(("a", content))[0]["binary"] == enry.is_binary(content)


@pytest.mark.parametrize("component", [LINGUIST, PATHS], ids=lambda component: component.name)
def test_the_contract_of_a_component_holds(component):
    assert_contract(component)


@pytest.mark.parametrize(
    "path, vendored, test, documentation",
    [
        ("src/pip/_vendor/requests/api.py", True, False, False),
        ("third_party/zlib/inflate.c", True, False, False),
        ("src/wheel/vendored/packaging/tags.py", True, False, False),
        ("web/node_modules/left-pad/index.js", True, False, False),
        ("static/jquery.min.js", True, False, False),
        ("tests/test_api.py", False, True, False),
        ("src/pkg/tests/data/sample.json", False, True, False),
        ("src/conftest.py", False, True, False),
        ("server/handler_test.go", False, True, False),
        ("docs/index.rst", False, False, True),
        ("README.md", False, False, True),
        ("src/vendor.py", False, False, False),
        ("src/testing_tools.py", False, False, False),
        ("src/latest/api.py", False, False, False),
    ],
)
def test_the_role_of_a_path(path: str, vendored: bool, test: bool, documentation: bool):
    (row,) = look_at(path)
    assert (row["vendored"], row["test"], row["documentation"]) == (vendored, test, documentation)


def test_the_settings_replace_the_names_of_folders():
    paths = ("copies/six/six.py", "_vendor/six/six.py", "checks/one.py", "tests/one.py")
    rows = look_at(*paths, vendored=["copies"], test=["checks"])
    assert [row["vendored"] for row in rows] == [True, False, False, False]
    assert [row["test"] for row in rows] == [False, False, True, False]


def test_a_pattern_character_in_a_folder_name_means_itself():
    rows = look_at("a.b/x.c", "aXb/x.c", vendored=["a.b"])
    assert [row["vendored"] for row in rows] == [True, False]


names = st.sampled_from(["a.py", "b.h", "c.ts", "Makefile", "d.txt", "e", "f.min.js", "g.unheardof"])
pairs = st.lists(
    st.tuples(names, st.sampled_from([b"", b"#!/bin/sh\n", CPP.encode(), b"\0\xff", C.encode()]))
)
paths = st.lists(st.text("ab/._", max_size=12) | st.sampled_from(["vendor/a.py", "tests/x", "docs/y.md"]))


@given(pairs, pairs)
def test_rows_of_files_do_not_depend_on_which_rows_share_the_table(some: list, others: list):
    _assert_independent(build(LINGUIST), files(*some, *others), len(some), ["blob", "name"])


@given(paths, paths)
def test_rows_of_paths_do_not_depend_on_which_rows_share_the_table(some: list[str], others: list[str]):
    table = pa.table({"path": pa.array(some + others, pa.string())})
    _assert_independent(build(PATHS), table, len(some), ["path"])


def test_loading_the_plugin_loads_no_library():
    script = (
        "import sys, bigcode_languages.plugin as p; p.bigcode_components();"
        "print(sorted({'enry', 'pyarrow', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _assert_independent(stage, table: pa.Table, cut: int, keys: list[str]) -> None:
    whole = stage.run(table, StageContext())
    parts = (table.slice(0, cut), table.slice(cut))
    assert whole.equals(pa.concat_tables(stage.run(part, StageContext()) for part in parts))
    assert whole.select(keys).equals(table.select(keys))
