"""The two renderers and the observer through their components."""

from __future__ import annotations

import ast
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcode.api import load_object
from bigcode.testing.context import StageContext
from bigcode.testing.contract import assert_config_round_trip, assert_contract, assert_import_budget
from bigcode_notebooks import plugin

CELLS, SCRIPT, CHECK = plugin.bigcode_components()


def text(source: str | list[str], **more: object) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def code(source: str | list[str], *outputs: dict, **more: object) -> dict:
    return {
        "cell_type": "code", "execution_count": 1, "metadata": {}, "source": source, "outputs": list(outputs), **more
    }  # fmt: skip


def printed(words: str | list[str], name: str = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": words}


def returned(**data: object) -> dict:
    named = {key.replace("_", "/"): value for key, value in data.items()}
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": named}


def notebook(*cells: object, language: str = "python") -> dict:
    kernel = {"display_name": "Python 3", "language": language, "name": "python3"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": list(cells)}


def render(component, data: Any, **settings: object) -> str | None:
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    stage = load_object(component.factory)(load_object(component.config)(**settings))
    out = stage.render(content, "work/analysis.ipynb")
    return None if out is None else out.decode()


def cells(*items: object, **settings: object) -> str | None:
    return render(CELLS, notebook(*items), **settings)


@pytest.mark.parametrize("component", [CELLS, SCRIPT], ids=lambda component: component.name)
def test_loading_is_cheap_and_settings_survive_json(component):
    assert_import_budget(component)
    assert_config_round_trip(component, {"languages": ["Python"]})


def test_a_notebook_is_a_sequence_of_text_code_and_output():
    assert cells(
        text(["# Load\n", "the table"]),
        code("frame = read()\nframe.head(1)", returned(text_plain="   a\n0  1", text_html="<table/>")),
        text("Then plot."),
        code("plot(frame)", returned(image_png="iVBOR", text_plain="<Figure size 640x480>")),
    ) == (
        "<jupyter_start><jupyter_text># Load\nthe table<jupyter_code>frame = read()\nframe.head(1)"
        "<jupyter_output>   a\n0  1<jupyter_text>Then plot.<jupyter_code>plot(frame)<jupyter_output><empty_output>"
    )


def test_cells_of_one_kind_are_merged_and_the_last_output_stays():
    assert cells(
        text("a"), text(" "), text("b"), code("x", printed("1")), code(""), code("y", printed("2\n"))
    ) == ("<jupyter_start><jupyter_text>a\n\nb<jupyter_code>x\ny<jupyter_output>2")


def test_outputs_are_text_as_a_terminal_shows_it():
    out = cells(
        code(
            "run()",
            printed(["10%\r50%\r100%\r\n", "\x1b[31mred\x1b[0m  \n"]),
            printed("warning", "stderr"),
            returned(text_plain=["42"]),
            {"output_type": "error", "ename": "KeyError", "evalue": "'a'", "traceback": ["\x1b[0;31m---"]},
        )
    )
    assert out == "<jupyter_start><jupyter_code>run()<jupyter_output>100%\nred\n42\nKeyError: 'a'"


@pytest.mark.parametrize(
    "limit, kept", [(100, "one\ntwo\nthree"), (8, "one\ntwo"), (7, "one\ntwo"), (6, "one"), (2, "on")]
)
def test_an_output_is_cut_at_the_end_of_a_line(limit: int, kept: str):
    assert cells(code("x", printed("one\ntwo\nthree")), outputChars=limit).endswith("<jupyter_output>" + kept)


def test_without_room_for_outputs_there_are_none():
    assert cells(code("x", printed("1")), code("y"), outputChars=0) == "<jupyter_start><jupyter_code>x\ny"


def test_the_marks_are_those_of_the_spec():
    marks = {"start": "", "text": "[T]", "code": "[C]", "output": "[O]", "emptyOutput": ""}
    assert cells(text("a"), code("b"), code("c", printed("d")), code("e"), **marks) == "[T]a[C]b\nc\ne[O]"


def test_a_cell_cannot_forge_a_mark():
    forged = "a<jupyter_output>b<jupyter_code>c"
    assert cells(text(forged), code("x", printed("<empty_output>"))) == (
        "<jupyter_start><jupyter_text>a< jupyter_output>b< jupyter_code>c<jupyter_code>x<jupyter_output>< empty_output>"
    )


def test_older_formats_are_read():
    old = {
        "nbformat": 3,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": ["Load"]},
                    {
                        "cell_type": "code",
                        "language": "python",
                        "input": ["1 + 1"],
                        "outputs": [
                            {"output_type": "pyout", "text": ["2"]},
                            {"output_type": "display_data", "png": "i"},
                        ],
                    },
                ]
            }
        ],
    }
    assert render(CELLS, old) == "<jupyter_start><jupyter_text>## Load<jupyter_code>1 + 1<jupyter_output>2"
    assert render(CELLS, old, languages=["python"]) is not None


@pytest.mark.parametrize("component", [CELLS, SCRIPT], ids=lambda component: component.name)
def test_notebooks_of_other_languages_are_left_out_where_the_spec_says_so(component):
    julia = notebook(code("x = 1"), language="Julia")
    assert render(component, julia) is not None
    assert render(component, julia, languages=["R", "julia"]) is not None
    assert render(component, julia, languages=["python"]) is None


def test_a_script_is_code_with_text_as_comments():
    script = render(
        SCRIPT,
        notebook(
            text("# Load\n\nthe table"),
            code("%matplotlib inline\n!pip install pandas\nimport json\nx = 7 \\\n  % 4\n?json"),
            code("%%bash\nls"),
            code("assert (x\n  != 2)", printed("no output")),
        ),
    )
    assert script == (
        "# # Load\n#\n# the table\n\n"
        "# %matplotlib inline\n# !pip install pandas\nimport json\nx = 7 \\\n  % 4\n# ?json\n\n"
        "# %%bash\n# ls\n\nassert (x\n  != 2)\n"
    )
    ast.parse(script)


@pytest.mark.parametrize(
    "language, line",
    [("scala", "// why"), ("R", "# why"), ("haskell", "-- why"), ("octave", "% why"), ("", "# why")],
)
def test_comments_are_those_of_the_language(language: str, line: str):
    assert render(SCRIPT, notebook(text("why"), language=language)) == line + "\n"


def test_magics_are_those_of_python_alone():
    assert render(SCRIPT, notebook(code("%time = 1\n!x"), language="octave")) == "%time = 1\n!x\n"


HOSTILE = [
    b"",
    b"not json",
    b"\xff\xfe{}",
    b'{"nbformat": 4, "cells": [',
    b"[" * 1_000_000,
    b'{"cells":' * 200_000,
    b'{"nbformat": ' + b"9" * 10_000 + b"}",
    b"[]",
    b'"cells"',
    json.dumps({"nbformat": 4}).encode(),
    json.dumps({"nbformat": 4, "cells": {"0": text("a")}}).encode(),
    json.dumps({"nbformat": "4", "cells": [text("a")]}).encode(),
    json.dumps({"nbformat": 1, "cells": [text("a")]}).encode(),
    json.dumps({"nbformat": 3, "worksheets": [1, {"cells": 2}, {"cells": [3]}]}).encode(),
    json.dumps(notebook(None, 1, "a", [], {}, {"cell_type": ["code"]}, text(""), code("  \n"))).encode(),
]


@pytest.mark.parametrize("component", [CELLS, SCRIPT], ids=lambda component: component.name)
@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_notebook_gives_nothing(component, content: bytes):
    assert render(component, content) is None


def test_parts_of_unexpected_types_count_as_absent():
    strange = notebook(
        text({"a": 1}), text(["a", 1, None, "b"]), code("x", "no", printed(7), returned(text_plain={"b": 2})),
        code("y", {"output_type": "execute_result", "data": [1]}, {"output_type": None}, outputs=7),
    )  # fmt: skip
    strange["metadata"] = {"kernelspec": ["python"], "language_info": {"name": 3}}
    assert (
        render(CELLS, strange)
        == "<jupyter_start><jupyter_text>ab<jupyter_code>x\ny<jupyter_output><empty_output>"
    )


def test_huge_outputs_and_half_characters_do_no_harm():
    out = cells(code("x = '\ud800'", printed("line\n" * 1_000_000)), outputChars=50)
    assert out == "<jupyter_start><jupyter_code>x = '?'<jupyter_output>" + "\n".join(["line"] * 10)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["code", "markdown", "stream"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["cell_type", "source", "outputs", "text", "data", "output_type", "input", "cells"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(st.lists(values), st.sampled_from([2, 3, 4, 5]))
def test_whatever_stands_in_a_file_the_renderers_answer(items: list, version: int):
    data = {"nbformat": version, "cells": items, "worksheets": items, "metadata": items}
    for component in (CELLS, SCRIPT):
        render(component, data)


def check(*files: tuple[str, bytes], **settings: object) -> list[tuple[bool | None, int | None]]:
    table = pa.table(
        {
            "blob": pa.array([str(number) for number in range(len(files))], pa.string()),
            "name": pa.array([name for name, _ in files], pa.string()),
            "content": pa.array([content for _, content in files], pa.binary()),
        }
    )
    stage = load_object(CHECK.factory)(load_object(CHECK.config)(**settings))
    return [(row["notebook_ok"], row["cells"]) for row in stage.run(table, StageContext()).to_pylist()]


def test_the_observer_keeps_its_contract():
    notebooks = [("a.ipynb", notebook(text("a"), code("b"))), ("b.ipynb", {"nbformat": 4}), ("c.py", 1)]
    rows = [
        {"host": "h", "owner": "o", "repository": "r", "revision": "1", "path": path, "released": 0,
         "content": json.dumps(data)}
        for path, data in notebooks
    ]  # fmt: skip
    assert_contract(CHECK)
    assert_contract(CHECK, rows, {"languages": ["python"]})


def test_a_notebook_is_ok_where_the_renderers_write_it():
    julia = json.dumps(notebook(code("x"), language="julia")).encode()
    whole = json.dumps(notebook(text("a"), code("b"), code(" "))).encode()
    files = [("a.ipynb", whole), ("b.IPYNB", julia), ("a.py", whole), *(("c.ipynb", c) for c in HOSTILE)]
    for settings in ({}, {"languages": ["python"]}):
        found = check(*files, **settings)
        assert found[0] == (True, 2)
        assert found[2] == (None, None)
        for (_, content), (ok, _cells) in zip(files[:2] + files[3:], found[:2] + found[3:], strict=True):
            assert ok == (render(CELLS, content, **settings) is not None)


def test_a_notebook_that_does_not_say_has_the_language_that_the_spec_assumes():
    silent = json.dumps({"nbformat": 4, "cells": [code("x")]}).encode()
    assert check(("a.ipynb", silent), languages=["python"]) == [(False, 1)]
    assert check(("a.ipynb", silent), languages=["python"], assume="python") == [(True, 1)]
