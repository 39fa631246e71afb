"""The store of a workspace: objects, actions and references, and a place for work in progress."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bigcode.api.diagnostics import fail
from bigcode.store.actions import Actions
from bigcode.store.files import open_files
from bigcode.store.objects import Objects
from bigcode.store.refs import Refs

FORMAT = b"bigcode-store 1\n"


class Store:
    """Opened from an fsspec URL or a path. What it records is never changed in place; `index/` can be thrown away."""

    def __init__(self, url: str, work: Path | None = None) -> None:
        self.url = url
        self.files = open_files(url)
        self.objects = Objects(self.files)
        self.actions = Actions(self.files, self.objects)
        self.refs = Refs(self.files)
        base = Path(self.files.root) if self.files.local else Path.home() / ".cache" / "bigcode"
        self.base = work or base
        """A local folder for runs, scratch space and mirrors."""

    def prepare(self) -> None:
        """Create the store, or check that this version can read it.

        Raises:
            Problem: E511 when another version wrote it.
        """
        if self.files.put_if_absent("format", FORMAT):
            self.files.put_if_absent(".gitignore", b"*\n")
            return
        self.check()

    def check(self) -> None:
        """Look whether this version can read the store, where there is one.

        Raises:
            Problem: E511 when another version wrote it.
        """
        found = self.files.read("format")
        if found is not None and found != FORMAT:
            raise fail(
                "E511",
                f"the store at {self.url} has another format",
                hint="Use the version of bigcode that wrote it.",
            )

    def scratch(self, key: str) -> Path:
        """A folder that stays the same for one key until its result is committed."""
        path = self.base / "work" / key
        path.mkdir(parents=True, exist_ok=True)
        return path

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Hold the scratch folder of a key; False while another run on this machine does. A dead one holds nothing."""
        handle = self._open_scratch(key)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                free = True
            except BlockingIOError:
                free = False
            yield free
        finally:
            os.close(handle)

    def _open_scratch(self, key: str) -> int:
        while True:
            try:
                return os.open(self.scratch(key), os.O_RDONLY)
            except FileNotFoundError:
                # The run that held it dropped it between the two calls.
                continue

    def drop_scratch(self, key: str) -> None:
        shutil.rmtree(self.base / "work" / key, ignore_errors=True)
