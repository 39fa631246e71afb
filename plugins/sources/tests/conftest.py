"""Archives made member by member, and a package index on the loopback interface."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bigcode.testing.context import CollectContext

NOON = 1_700_000_000


def tar_of(*entries: tuple[str, bytes] | tarfile.TarInfo, mode: str = "w:gz") -> bytes:
    """A tar archive of plain files, and of headers given as they are."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode, format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry, io.BytesIO(bytes(entry.size)))
                continue
            header = tarfile.TarInfo(entry[0])
            header.size, header.mtime = len(entry[1]), NOON
            archive.addfile(header, io.BytesIO(entry[1]))
    return packed.getvalue()


@dataclass
class LocalIndex:
    """A simple index: what is published, what was asked, and the answers of bad days to give first."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    pages: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    troubles: list[int] = field(default_factory=list)

    def publish(self, project: str, filename: str, data: bytes, declare: str | None = None) -> str:
        """Offer a file; `declare` is the sha256 that the page shows, empty for none. Returns the real one."""
        digest = hashlib.sha256(data).hexdigest()
        shown = digest if declare is None else declare
        link = f'<a href="/files/{filename}{f"#sha256={shown}" if shown else ""}">{filename}</a>'
        self.files[filename] = data
        self.pages.setdefault(project, []).append(link)
        return digest

    def answer(self, path: str) -> tuple[int, str, bytes]:
        self.asked.append(path)
        if self.troubles:
            return self.troubles.pop(0), "text/html", b""
        place, _, name = path.strip("/").partition("/")
        if place == "simple" and name in self.pages:
            return 200, "text/html", "".join(self.pages[name]).encode()
        if place == "files" and name in self.files:
            return 200, "application/octet-stream", self.files[name]
        return 404, "text/html", b""


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own settings, and no waiting between attempts."""
    for name in ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "TRUSTED_HOST", "NO_INDEX", "CERT"):
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr("bigcode_sources.index.PAUSES", (0.0, 0.0))
    monkeypatch.setattr("bigcode_sources.clone.PAUSE", 0.0)


@dataclass
class Repository:
    folder: Path

    def git(self, *words: str, given: bytes = b"", **settings: str) -> str:
        """Run git; keywords are variables of its environment, instead of those that stay the same."""
        settings = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_AUTHOR_DATE": "1500000000 +0000",
            "GIT_COMMITTER_NAME": "C",
            "GIT_COMMITTER_EMAIL": "c@example.org",
            "GIT_COMMITTER_DATE": "1600000000 +0200",
            **settings,
        }
        done = subprocess.run(
            ["git", "-c", "init.defaultBranch=main", *words],
            cwd=self.folder,
            env=settings,
            input=given,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode().strip()

    def commit(self, **files: bytes) -> str:
        """Commit files; `__` in a keyword stands for a slash, `_DOT_` for a dot."""
        for key, content in files.items():
            path = self.folder / key.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    folder = tmp_path / "origin"
    folder.mkdir()
    made = Repository(folder)
    made.git("init", "-q")
    return made


@pytest.fixture
def make_tar() -> Callable[..., bytes]:
    return tar_of


@pytest.fixture
def ctx(tmp_path: Path) -> CollectContext:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return CollectContext(scratch=scratch)


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    local = LocalIndex()

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
