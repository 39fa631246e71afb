"""A bench for bad input: an applied workspace that remembers all that it held, and commands that must be refused.

Whatever a test spoils, the bench puts back at the end, and then an apply must have nothing to do: what the refused
command found, it left.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bigcode.api.codes import CODES
from bigcode.cli import run


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded


@dataclass
class Bench:
    """`space` is the workspace, named from the current folder as a user would name it."""

    space: Path
    capture: pytest.CaptureFixture[str]
    originals: dict[Path, bytes | None] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.held = listing(self.space)

    def path(self, name: str) -> Path:
        return self.space / name

    def text(self, name: str) -> str:
        return self.path(name).read_text("utf-8")

    def write(self, name: str, content: str | bytes) -> Path:
        """Spoil a file, or add one; it is put back, or taken away, when the test is over."""
        path = self.path(name)
        self.originals.setdefault(path, path.read_bytes() if path.is_file() else None)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def change(self, name: str, old: str, new: str) -> None:
        """Spoil one spot of a file, which must be there once."""
        text = self.text(name)
        assert text.count(old) == 1, f"{old!r} is in {name} {text.count(old)} times"
        self.write(name, text.replace(old, new))

    def remove(self, name: str) -> None:
        path = self.path(name)
        self.originals.setdefault(path, path.read_bytes())
        path.unlink()

    def spot(self, name: str, needle: str) -> str:
        """`file:line:column` of the first place where a text stands in a file, or of the `^` in that text."""
        text = self.text(name)
        before, _, after = needle.rpartition("^")
        start = text.index(before + after) + len(before)
        line = text.count("\n", 0, start) + 1
        return f"{self.path(name)}:{line}:{start - text.rfind(chr(10), 0, start)}"

    def run(self, *argv: str) -> Ran:
        self.capture.readouterr()
        code = run(list(argv))
        printed = self.capture.readouterr()
        return Ran(code, printed.out, printed.err)

    def refused(self, command: str, *more: str, spec: str | None = None) -> Refusal:
        """Run a command on the workspace that must fail, for a person and for a program, and keep what was there."""
        kept = listing(self.space)
        argv = [command, *([str(self.space)] if spec is None else [spec] if spec else []), *more]
        told, listed = self.run(*argv), self.run(*argv, "--json")
        assert told.code == listed.code != 0
        assert "Traceback" not in told.err + told.out + listed.err + listed.out
        assert "fault of bigcode" not in told.err
        found = listed.document["diagnostics"]
        assert listed.document["exit"] == told.code == max(CODES[d["code"]].exit for d in found)
        for diagnostic in found:
            assert f"{diagnostic['code']}  {diagnostic['message']}" in told.err
            assert diagnostic["hint"] in told.err
        assert [d["code"] for d in found] == [d["code"] for d in sorted(found, key=_order)]
        now = listing(self.space)
        assert {name: now.get(name) for name in kept} == kept, "a refused command changed what was there"
        return Refusal(told, found, frozenset(now) - frozenset(kept))

    def mend(self) -> None:
        """Put everything back."""
        for path, content in self.originals.items():
            if path.is_symlink() or (content is None and path.exists()):
                path.unlink()
            if content is not None:
                path.write_bytes(content)
        self.originals.clear()

    def assert_whole(self) -> None:
        """All files are as they were, and an apply finds all of its work done.

        Where nothing was added either, the workspace is to the byte one that was just applied.
        """
        now = listing(self.space)
        assert {name: now.get(name) for name in self.held} == self.held
        if now == self.held:
            return
        done = self.run("apply", str(self.space), "--json")
        assert done.code == 0, done.err
        assert done.document["ran"] == 0


@dataclass(frozen=True)
class Refusal:
    """What was said, and which files were added (records of the attempt)."""

    ran: Ran
    found: list[dict[str, Any]]
    added: frozenset[str]

    def only(
        self, code: str, *, at: str | None = None, says: str = "", hint: str | None = None
    ) -> dict[str, Any]:
        """The one diagnostic, which must be this one: `at` is `file:line:column`, `hint` a part of the hint."""
        assert [d["code"] for d in self.found] == [code], self.ran.err
        diagnostic = self.found[0]
        assert says in diagnostic["message"], diagnostic
        if at is not None:
            assert place_of(diagnostic) == at, diagnostic
            assert self.ran.err.startswith(f"{at}  {code}  ") if at else True
        if hint is not None:
            assert hint in diagnostic["hint"], diagnostic
            assert diagnostic["hint"]
        assert self.ran.code == CODES[code].exit
        return diagnostic


def place_of(diagnostic: Mapping[str, Any]) -> str:
    place = diagnostic["place"]
    return f"{place['file']}:{place['line']}:{place['column']}" if place else ""


def _order(diagnostic: Mapping[str, Any]) -> tuple[str, int, int]:
    place = diagnostic["place"] or {"file": "", "line": 0, "column": 0}
    return (place["file"], place["line"], place["column"])


def listing(folder: Path) -> dict[str, str]:
    """Digests of all files below a folder, by name; links by where they point.

    The index of the store is left out: it names the newest observations, which are a shortcut and no result.
    """
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else f"-> {path.readlink()}"
        for path in sorted(folder.rglob("*"))
        if (path.is_file() or path.is_symlink()) and not path.is_relative_to(folder / ".bigcode" / "index")
    }


@pytest.fixture
def bench(
    applied: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Bench]:
    """An applied workspace. At the end it is mended, and nothing of it was lost."""
    monkeypatch.chdir(applied.parent)
    made = Bench(Path(applied.name), capsys)
    yield made
    made.mend()
    made.assert_whole()


@pytest.fixture
def fresh(blank: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """A workspace that was never applied."""
    monkeypatch.chdir(blank.parent)
    return Bench(Path(blank.name), capsys)


@dataclass
class Site:
    """A folder of installed distributions, as an installer would leave them."""

    folder: Path

    def install(self, distribution: str, plugin: str, code: str, version: str = "1.0") -> str:
        """A distribution with one plugin; returns the name of the plugin's module."""
        module = f"{distribution.replace('-', '_')}_module"
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[bigcode.plugins]\n{plugin} = {module}\n")
        (self.folder / f"{module}.py").write_text(code)
        return module

    def uninstall(self) -> None:
        shutil.rmtree(self.folder)
        self.folder.mkdir()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    known = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - known:
        if name.endswith("_module"):
            del sys.modules[name]


@dataclass
class Index:
    """A simple package index on the loopback interface: files by name, pages by project."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    pages: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def publish(self, project: str, filename: str, data: bytes) -> str:
        """Offer a file; returns its sha256."""
        digest = hashlib.sha256(data).hexdigest()
        self.files[filename] = data
        self.pages.setdefault(project, []).append(
            f'<a href="/files/{filename}#sha256={digest}">{filename}</a>'
        )
        return digest

    def answer(self, path: str) -> tuple[int, str, bytes]:
        self.asked.append(path)
        place, _, name = path.strip("/").partition("/")
        if place == "simple" and name in self.pages:
            return 200, "text/html", "".join(self.pages[name]).encode()
        if place == "files" and name in self.files:
            return 200, "application/octet-stream", self.files[name]
        return 404, "text/html", b""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index, and no waiting between attempts to ask one."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr("bigcode_sources.index.PAUSES", (0.0, 0.0))
    local = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = local.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    local.url = f"http://127.0.0.1:{server.server_port}/simple"
    yield local
    server.shutdown()
    server.server_close()
    thread.join()


Refuse = Callable[..., Refusal]
