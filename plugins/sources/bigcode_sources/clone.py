"""Bare clones of repositories that somebody else made, through the `git` command line."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

from bigcode.api import Diagnostic, FetchContext, fail
from bigcode_sources.intake import show

PAUSE = 1.0
"""Seconds before the first new attempt; each next pause is twice as long."""
_BROKEN_PIPE = 141
MEMORY = 2**32
"""What one git process may hold of its own, in bytes."""
Reason = Literal["gone", "unreachable", "too-large", "broken"]

_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.fsmonitor": "false",
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "i18n.logOutputEncoding": "UTF-8",
    "maintenance.auto": "false",
    "protocol.allow": "never",
}
# How this machine reaches the network, which is no setting of a repository.
_PASSED = (
    "PATH", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK",
    "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
)  # fmt: skip
_TOO_LARGE = re.compile("signal 25|File too large|[Oo]ut of memory|malloc|mmap failed|Cannot allocate memory")
# A forge asks for a name where a repository is gone, so that nobody learns which private ones there are.
_GONE = re.compile(
    "not found|does not exist|does not appear to be a git repository|could not read Username|error: 40[134]"
    "|error: 410|Authentication failed|not our ref|Permission denied"
)
_UNREACHABLE = re.compile(
    "resolve host|Failed to connect|Couldn't connect|unable to access|[Cc]onnection|timed out|early EOF|RPC failed"
    "|remote end hung up|not allowed|Network is unreachable"
)


class CloneError(Exception):
    """What git says it cannot do, and which kind of failure that is."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message

    def report(self, ctx: FetchContext) -> None:
        """Say that the unit cannot be had; the run goes on."""
        ctx.warn(
            Diagnostic("E705" if self.reason == "too-large" else "E708", self.message, severity="warning")
        )
        ctx.failed(self.reason)


@dataclass(frozen=True, slots=True)
class Clone:
    """A bare repository in a folder of its own, which is also the home that git is shown. No hook, filter, submodule
    or configuration of the user or of the repository takes effect; `source` is what messages call it."""

    source: str
    folder: Path
    seconds: float = 600
    pack_bytes: int = 2**33

    def fetch(self, url: str, root: str, commit: str, shallow: bool, retries: int) -> None:
        """Bring in a commit, with its history unless `shallow`; all that the other side has, where it gives no
        single commit. What is unreachable is tried again.

        Raises:
            CloneError: when the commit cannot be had.
        """
        place, protocols = _locate(url, root)
        allow = {f"protocol.{name}.allow": "always" for name in protocols}
        self.run("init", "--quiet", "--bare", "--template=", ".")
        for attempt in range(retries + 1):
            try:
                self._fetch_once(place, commit, allow, shallow)
                break
            except CloneError as error:
                if error.reason != "unreachable" or attempt == retries:
                    raise
                time.sleep(PAUSE * 2**attempt)
        try:
            self.run("rev-parse", "--verify", f"{commit}^{{commit}}")
        except CloneError:
            raise CloneError("gone", f"{self.source}: the repository does not hold this commit") from None

    def _fetch_once(self, place: str, commit: str, allow: Mapping[str, str], shallow: bool) -> None:
        fetch = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
        depth = ("--depth=1",) if shallow else ()
        try:
            self.run(*fetch, *depth, "--end-of-options", place, commit, settings=allow)
        except CloneError as error:
            if error.reason == "unreachable":
                raise
            self.run(*fetch, "--end-of-options", place, "+refs/*:refs/*", settings=allow)

    def run(self, *words: str, given: bytes = b"", settings: Mapping[str, str] | None = None) -> bytes:
        """What a git command prints.

        Raises:
            CloneError: when it fails, or takes longer than it may.
            Problem: E708 when git is not installed.
        """
        with self._start(words, settings, subprocess.PIPE, subprocess.PIPE) as running:
            try:
                out, complaints = running.communicate(given, self.seconds)
            except subprocess.TimeoutExpired:
                running.kill()
                message = f"{self.source}: git gave no answer within {self.seconds:.0f} seconds"
                raise CloneError("unreachable", message) from None
        if running.returncode:
            raise self._said(complaints)
        return out

    @contextmanager
    def stream(self, *words: str, given: bytes = b"") -> Iterator[IO[bytes]]:
        """The output of a local git command while it is written, for what may be large. A reader may leave early.

        Raises:
            CloneError: when the command fails, or takes longer than it may.
        """
        questions, complaints = self.folder / "questions", self.folder / "complaints"
        questions.write_bytes(given)
        with open(questions, "rb") as stdin, open(complaints, "wb") as stderr:
            running = self._start(words, None, stdin, stderr)
        late = threading.Timer(self.seconds, running.kill)
        late.start()
        try:
            with running, cast(IO[bytes], running.stdout) as output:
                yield output
        finally:
            late.cancel()
        if running.returncode == -signal.SIGKILL:
            raise CloneError(
                "too-large", f"{self.source}: git came to no end within {self.seconds:.0f} seconds"
            )
        if running.returncode > 0 and running.returncode != _BROKEN_PIPE:
            raise self._said(complaints.read_bytes())

    def _start(
        self, words: Sequence[str], settings: Mapping[str, str] | None, stdin: Any, stderr: Any
    ) -> subprocess.Popen[bytes]:
        try:
            running = subprocess.Popen(
                self._words(words, settings), stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, cwd=self.folder,
                env=self._environment(),
            )  # fmt: skip
        except FileNotFoundError:
            raise fail("E708", f"{self.source}: git is not installed") from None
        # A small repository can stand for more than any machine holds. Git's children are held to the same, since
        # it starts them later than this.
        if hasattr(resource, "prlimit"):
            for limit, value in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_FSIZE, self.pack_bytes)):
                with suppress(ProcessLookupError):
                    resource.prlimit(running.pid, limit, (value, value))
        return running

    def _words(self, words: Sequence[str], settings: Mapping[str, str] | None) -> list[str]:
        given = {**_SETTINGS, **(settings or {})}
        return ["git", *(o for key, value in given.items() for o in ("-c", f"{key}={value}")), *words]

    def _environment(self) -> dict[str, str]:
        return {name: os.environ[name] for name in _PASSED if name in os.environ} | {
            "HOME": str(self.folder),
            "GIT_DIR": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "LC_ALL": "C",
        }

    def _said(self, stderr: bytes) -> CloneError:
        text = re.sub(r"//[^/@\s]*@", "//***@", stderr.decode(errors="replace")).strip()
        lines = text.splitlines()
        message = f"{self.source}: {show(lines[0]) if lines else 'git failed without a word'}"
        if _TOO_LARGE.search(text):
            return CloneError("too-large", message)
        if _GONE.search(text):
            return CloneError("gone", message)
        return CloneError("unreachable" if _UNREACHABLE.search(text) else "broken", message)


def records_of(output: IO[bytes]) -> Iterator[bytes]:
    """What lies between NUL bytes in a stream."""
    rest = b""
    while block := output.read(2**16):
        *whole, rest = (rest + block).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _locate(url: str, root: str) -> tuple[str, tuple[str, ...]]:
    """What git is told, and the protocols that it may speak for it."""
    if url.startswith("file://"):
        return url, ("file",)
    if "://" in url:
        return url, ("https", "ssh")
    return str(Path(root or ".", url).resolve()), ("file",)
