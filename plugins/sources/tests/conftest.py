"""Archives made member by member, and a package index on the loopback interface."""

from __future__ import annotations

import hashlib
import io
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
