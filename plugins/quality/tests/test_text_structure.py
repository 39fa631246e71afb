"""`quality.structure` through its component: what each column says about a file."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.api import load_object
from bigcode.testing.context import StageContext
from bigcode.testing.contract import assert_contract
from bigcode_quality import plugin

(COMPONENT,) = (c for c in plugin.bigcode_components() if c.name == "quality.structure")


def table_of(files: list[tuple[str, bytes]]) -> pa.Table:
    return pa.table(
        {
            "blob": [f"{i:064x}" for i in range(len(files))],
            "name": pa.array([name for name, _ in files], pa.string()),
            "content": pa.array([content for _, content in files], pa.binary()),
        }
    )


def run(table: pa.Table) -> pa.Table:
    return load_object(COMPONENT.factory)(load_object(COMPONENT.config)()).run(table, StageContext())


def observe(name: str, content: str | bytes) -> dict:
    (row,) = run(table_of([(name, content.encode() if isinstance(content, str) else content)])).to_pylist()
    return row


def test_the_contract_of_a_component_holds():
    assert_contract(COMPONENT)


def test_the_size_is_counted_in_characters():
    assert [observe("a.json", text)["chars"] for text in ("", "{}\n", '{"größe": "変数"}')] == [0, 3, 15]


@pytest.mark.parametrize(
    "text, is_xml",
    [
        ('<?xml version="1.0"?>\n<a/>', True),
        ("\ufeff" + "<?xml version='1.0'?>", True),
        ("ü" * 86 + "<?xml version=", True),
        ("ü" * 87 + "<?xml version=", False),
        ("x" * 200 + "<?xml version=", False),
        ("<html></html>", False),
    ],
)
def test_a_declaration_in_the_first_hundred_characters_makes_xml(text: str, is_xml: bool):
    assert observe("a.svg", text)["xml_head"] is is_xml


def test_visible_text_is_what_a_reader_of_the_page_sees():
    page = (
        "<!DOCTYPE html><!-- a > b --><style>p > a { color: red }</style><script>if (a < b) { go('</p>') }</script>"
        '<p title="a > b" class=wide>Fish &amp; chips</p><br/>für 2 < 3'
    )
    row = observe("menu.HTML", page)
    assert row["html_visible_chars"] == len("Fish & chipsfür 2 < 3")
    assert row["html_visible"] == row["html_visible_chars"] / len(page)


def test_a_tag_that_does_not_end_hides_what_follows():
    assert observe("a.html", "seen<p hidden")["html_visible_chars"] == 4
    assert observe("a.html", "seen<script>var a = 1")["html_visible_chars"] == 4


def test_visible_text_is_asked_of_html_alone_and_comments_of_known_languages_alone():
    page, notes = observe("a.html", "<p>x"), observe("notes", "# one")
    assert page["html_visible"] == 0.25
    assert page["comments_ratio"] is None
    assert [notes[c] for c in ("html_visible", "html_visible_chars", "comments_ratio")] == [None, None, None]
    empty = observe("a.html", ""), observe("a.py", "")
    assert [empty[0]["html_visible"], empty[1]["comments_ratio"]] == [0.0, 0.0]


@pytest.mark.parametrize(
    "name, text, comments",
    [
        ("a.py", "x = '#no' # yes\n", "# yes"),
        ("a.py", 'def f():\n    """One\n    two."""\n    return """no"""\n', '"""One\n    two."""'),
        ("a.py", "#!/bin/python\nr'''Raw'''\ns = '''no'''\n", "#!/bin/python'''Raw'''"),
        ("a.py", 'x = "a\\"#no"\n"""never ends #', '"""never ends #'),
        ("a.py", "# größe 変数\n", "# größe 変数"),
        ("a.c", 'char *s = "// no"; // yes\nint a; /* two\nlines */ char c = \'"\'; // end', None),
        ("a.java", 'String s = """\n  // no " /* no\n  """; // yes', "// yes"),
        ("a.js", "const r = /[/*]'`/g, t = `// no ${a}`; /* yes */", "/* yes */"),
        ("a.ts", "a / b // yes\n", "// yes"),
        ("a.go", 'p := `\\`; q := "//no" // yes', "// yes"),
        ("a.rs", "fn f<'a>(x: &'a str) -> char { '\"' } // yes \"", '// yes "'),
        ("a.php", "<?php #[Pure]\n$a = 'it\\'s # no'; # yes\n// and", "# yes// and"),
        ("a.rb", 'puts "#{a} # no" # yes', "# yes"),
        ("a.sh", '#!/bin/sh\necho $# "# no" a#no \\\' # yes', "#!/bin/sh# yes"),
        ("a.c", "/* never ends", "/* never ends"),
        ("a.c", "a / b", ""),
    ],
)
def test_comments_are_told_from_strings(name: str, text: str, comments: str | None):
    wanted = "// yes/* two\nlines */// end" if comments is None else comments
    assert observe(name, text)["comments_ratio"] == len(wanted) / len(text)


def test_most_of_the_comments_of_real_python_files_are_found():
    import ast
    import io
    import tokenize

    for path in sorted(Path(ast.__file__).parent.glob("[a-d]*.py"))[:12]:
        source = path.read_text(encoding="utf-8")
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
        comments = sum(len(t.string) for t in tokens if t.type == tokenize.COMMENT)
        strings = {(t.start[0], t.start[1]): t.string for t in tokens if t.type == tokenize.STRING}
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                comments += len(strings.get((node.lineno, node.col_offset), ""))
        assert observe(path.name, source)["comments_ratio"] == pytest.approx(comments / len(source), abs=0.03)


@pytest.mark.parametrize(
    "data",
    [
        base64.b64encode(bytes(range(256))).decode(),
        base64.encodebytes(bytes(range(256))).decode(),
        ",".join(f"0x{i:02x}" for i in range(40)),
        " ".join(f"{i:02x}" for i in range(40)),
        "".join(f"\\u{i:04x}" for i in range(40)),
    ],
)
def test_data_written_as_text_is_measured(data: str):
    text = "blob = (\n    '" + data.strip() + "')\n"
    row = observe("a.py", text)
    assert row["encoded"] == row["encoded_longest"] / len(text)
    assert abs(row["encoded_longest"] - len(data.strip())) <= 5


def test_ordinary_code_holds_no_encoded_data():
    row = observe("a.py", "def add(first, second):\n    return first + second  # 10 20 30\n")
    assert [row["encoded"], row["encoded_longest"]] == [0.0, 0]


PATTERNS = (
    rb"[a-zA-Z0-9+/\n=]{64,}",
    rb"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}",
    rb"(?:\\u[0-9a-fA-F]{4}){8,}",
)
pieces = st.sampled_from(
    [
        b"a" * 30,
        b"0b",
        b"x",
        b"de,",
        b"de,ad,be,ef,",
        b"00 11 22 ",
        b"\\x9f",
        b"0x7f,",
        b" ",
        b"\n",
        b"\\u00e9" * 4,
        b"-",
    ]
)
texts = st.lists(pieces, max_size=40).map(b"".join)


@settings(deadline=None)
@given(st.lists(texts, max_size=6))
def test_encoded_data_is_what_the_published_patterns_match(contents: list[bytes]):
    rows = run(table_of([("a", content) for content in contents])).to_pylist()
    for row, content in zip(rows, contents, strict=True):
        spans = [m.span() for pattern in PATTERNS for m in re.finditer(pattern, content)]
        covered = {i for start, stop in spans for i in range(start, stop)}
        assert row["encoded_longest"] == max((stop - start for start, stop in spans), default=0)
        assert row["encoded"] == (len(covered) / len(content) if content else 0.0)


@pytest.mark.parametrize(
    "text, share",
    [
        ("", 0.0),
        ("\n\n\n", 0.0),
        ("abcd\nabcd\n", 0.5),
        ("ab\ncd\n", 0.0),
        ("äöü\näöü\näöü\n", 2 / 3),
        ("ab\nab", 0.5),
    ],
)
def test_lines_that_came_before_are_repeated(text: str, share: float):
    assert observe("a.txt", text)["repeated_lines"] == pytest.approx(share)


@pytest.mark.parametrize(
    "part", ["<a ", '<a b="', "<!--", "<script>", "/*", '"""', "'", "`", "\\u00", "0x", "de ", "=/["]
)
@pytest.mark.parametrize("name", ["a.html", "a.py", "a.js"])
def test_time_is_linear_in_what_a_hostile_file_repeats(name: str, part: str):
    assert observe(name, part * 200_000)["chars"] == len(part) * 200_000


@settings(deadline=None)
@given(st.lists(texts | st.binary(max_size=60), max_size=5), st.lists(texts, max_size=5))
def test_rows_do_not_depend_on_which_rows_share_the_table(some: list[bytes], others: list[bytes]):
    both = table_of([("a.py", content) for content in some + others])
    parts = (both.slice(0, len(some)), both.slice(len(some)))
    assert run(both).equals(pa.concat_tables([run(part) for part in parts]).combine_chunks())
