"""What the documents say is there: files, links, commands, codes, and the plugin of the guide."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel, TypeAdapter, create_model

from bigcode.api.codes import CODES
from bigcode.api.resource import Metadata, Model
from bigcode.cli import COMMANDS
from bigcode.cli import group as cli
from bigcode.host.manager import load_host
from bigcode.host.registry import Registry
from bigcode.spec.kinds import KINDS, spec_class
from bigcode.spec.text import parse_document
from bigcode.testing.contract import assert_contract

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_lines(text: str) -> Iterator[str]:
    """Lines of blocks that have no language, and of spans of code: where commands stand."""
    for number, part in enumerate(re.split(r"^```", text, flags=re.MULTILINE)):
        if number % 2:
            language, _, body = part.partition("\n")
            if language in ("", "console", "sh"):
                yield from (line.strip().removeprefix("$ ") for line in body.splitlines())
        else:
            yield from re.findall(r"`([^`\n]+)`", part)


@pytest.mark.parametrize("path", DOCS, ids=shown)
def test_files_that_are_named_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = set(
        re.findall(r"\b((?:bigcode|plugins|tests|benchmarks|requirements|governance|specs)/[\w./-]*\w)", text)
    )
    files = {name for name in named if re.search(r"\.(?:py|sh|txt|in|toml|md|yaml|j2)$", name)}
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", DOCS, ids=shown)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [link for link in links if link and "://" not in link]
    assert [link for link in local if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCS, ids=shown)
def test_commands_and_their_options_exist(path: Path) -> None:
    for line in code_lines(path.read_text(encoding="utf-8")):
        for words in (part.split() for part in re.split(r"&&|\||#", line)):
            if words[:1] and words[0].endswith("bigcode") and len(words) > 1 and words[1].isalpha():
                check_command(words[1:], line)


def check_command(words: list[str], line: str) -> None:
    assert words[0] in COMMANDS, line
    context = click.Context(cli)
    command = cli.get_command(context, words[0])
    assert command is not None
    if isinstance(command, click.Group) and len(words) > 1 and words[1].isalpha():
        assert words[1] in command.commands, line
        command = command.commands[words[1]]
    elif isinstance(command, click.Group) and "list" in command.commands and words[1:]:
        command = command.commands["list"]
    known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)} | {"--help"}
    for word in words:
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in known, line


@pytest.mark.parametrize("path", DOCS, ids=shown)
def test_codes_and_kinds_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [code for code in re.findall(r"\bE\d{3}\b", text) if code not in CODES] == []
    addresses = re.findall(r"\b([A-Z]+[a-z][A-Za-z]*)/[a-z][a-z0-9-]*(?:@[\w.]+)?", text)
    assert [kind for kind in addresses if kind not in KINDS] == []


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_host().registry


def yaml_blocks(text: str) -> Iterator[Mapping[str, Any]]:
    for block in re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        document, problems = parse_document(block, "block")
        assert document is not None
        assert not problems
        assert isinstance(document.value, Mapping)
        yield document.value


@pytest.mark.parametrize("path", DOCS, ids=shown)
def test_blocks_of_yaml_follow_the_schemas(path: Path, registry: Registry) -> None:
    for block in yaml_blocks(path.read_text(encoding="utf-8")):
        if "kind" in block:
            assert block["apiVersion"] == "bigcode/v1"
            follows(Metadata, block["metadata"])
            follows(spec_class(block["kind"]), block["spec"])
        elif all("/" in key for key in block):
            for address, fields in block.items():
                follows(part_of(spec_class(address.partition("/")[0]), fields), fields)
        else:
            kinds = [k for k in KINDS if block.keys() <= aliases(spec_class(k)).keys()]
            assert kinds, f"no kind has the fields {sorted(block)}"
            errors = [error for kind in kinds if (error := refusal(part_of(spec_class(kind), block), block))]
            assert len(errors) < len(kinds), errors
        check_components(block, registry)


def aliases(model: type[BaseModel]) -> dict[str, str]:
    return {info.alias or name: name for name, info in model.model_fields.items()}


def part_of(model: type[BaseModel], given: Mapping[str, Any]) -> type[BaseModel]:
    """A model of those fields alone that a block shows."""
    chosen = {aliases(model)[key]: model.model_fields[aliases(model)[key]] for key in given}
    fields: dict[str, Any] = {name: (info.annotation, info) for name, info in chosen.items()}
    return create_model("Part", __base__=Model, **fields)


def follows(model: type[BaseModel], value: Any) -> None:
    """As specs are read: strictly, fields by the names that they have in YAML."""
    TypeAdapter(model).validate_json(json.dumps(value), strict=True, by_alias=True, by_name=False)


def refusal(model: type[BaseModel], value: Any) -> str:
    try:
        follows(model, value)
    except ValueError as error:
        return str(error)
    return ""


def check_components(value: Any, registry: Registry) -> None:
    """Components that are named have the version and the settings that are shown; other plugins' are passed over."""
    if isinstance(value, Mapping):
        if "uses" in value and not value["uses"].startswith("shebang."):
            component = registry.find(value["uses"], value.get("version"))
            registry.config_of(component).model_validate(value.get("with", {}))
        for inner in value.values():
            check_components(inner, registry)
    elif isinstance(value, list | tuple):
        for inner in value:
            check_components(inner, registry)


def test_the_architecture_names_every_layer() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"bigcode/(\w+)/", text))
    layers = {p.name for p in (ROOT / "bigcode").iterdir() if p.is_dir() and not p.name.startswith("_")}
    assert layers - named == {"testing"}


def test_the_architecture_walks_every_step_of_the_data() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("| step |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([a-z.*]+)`", table))
    named |= {name.rpartition(".")[2] for name in named}
    code = "".join(
        (ROOT / "bigcode" / "plan" / f"resolve_{part}.py").read_text(encoding="utf-8")
        for part in ("snapshot", "observed", "dataset", "consent", "notices")
    )
    steps = set(re.findall(r"""(?:p\.node\(|core\(\s*a,|made\()\s*"([\w.]+)\"""", code))
    assert {"collect.files", "sketch", "decide.copies", "export.shards"} <= steps
    assert [step for step in sorted(steps) if step.rpartition(".")[2] not in named] == []


def test_decisions_are_numbered_and_say_why() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(r.name[:4]) for r in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert text.startswith(f"# {record.name[:4]}. "), record.name
        for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert part in text, record.name


def test_the_notice_names_the_data_of_others_and_nothing_else() -> None:
    text = (ROOT / "NOTICE").read_text(encoding="utf-8")
    named = set(re.findall(r"\bplugins/[\w./-]*\w", text))
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
    beside = re.compile(r"LICENSE|^attribution\.yaml$")
    data = {p for p in (ROOT / "plugins").glob("*/bigcode_*/data/*") if not beside.search(p.name)}
    assert {shown(p) for p in data} <= named
    licences = re.findall(r"text(?:s)? in\s+([\w.-]+LICENSE[\w.]*)", text)
    assert len(licences) == len(named)
    folders = {(ROOT / name).parent for name in named}
    assert all(any((folder / licence).is_file() for folder in folders) for licence in licences)


def test_the_readme_has_a_place_for_the_output_of_the_demo() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, _, rest = text.partition("<!-- demo:start -->")
    output, _, after = rest.partition("<!-- demo:end -->")
    assert before
    assert after
    assert "make demo" in before
    assert "Applied demo:" in output
    assert "root digest sha256:" in output


def test_the_plugin_of_the_guide_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "guides" / "write-a-plugin.md").read_text(encoding="utf-8")
    package = tmp_path / "bigcode_shebang"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for block in re.findall(r"```python\n(# \w+\.py\n.*?)```", text, re.DOTALL):
        (package / block.split("\n", 1)[0].removeprefix("# ")).write_text(block)
    assert sorted(p.name for p in package.iterdir()) == [
        "__init__.py",
        "config.py",
        "observer.py",
        "plugin.py",
    ]
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        (component,) = importlib.import_module("bigcode_shebang.plugin").bigcode_components()
        assert_contract(component)
    finally:
        for name in [n for n in sys.modules if n.startswith("bigcode_shebang")]:
            del sys.modules[name]
