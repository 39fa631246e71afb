"""The files of a store, on any fsspec file system: written whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem


class Files:
    """The three writes that the store needs, over fsspec: put, put if absent, move aside.

    On a local disk a write goes to a temporary name and is linked or renamed, so that no reader sees half a
    file. Elsewhere the file system's own conditional create is used. A write outlasts a loss of power when the call
    returns, unless the caller asks for less.
    """

    def __init__(self, url: str) -> None:
        fs, root = fsspec.core.url_to_fs(url)
        self.url = url
        self.fs: Any = fs
        self.root: str = root.rstrip("/")
        self.local = isinstance(fs, LocalFileSystem)
        self._together: dict[str, str] | None = None
        self._unsettled: set[str] = set()

    def at(self, name: str) -> str:
        return f"{self.root}/{name}"

    def exists(self, name: str) -> bool:
        if self.local:
            return name in (self._together or ()) or os.path.exists(self.at(name))
        return bool(self.fs.exists(self.at(name)))

    def read(self, name: str) -> bytes | None:
        """The bytes, or None when there is no such file."""
        try:
            if self.local:
                with open((self._together or {}).get(name) or self.at(name), "rb") as stream:
                    return stream.read()
            return bytes(self.fs.cat_file(self.at(name)))
        except FileNotFoundError:
            return None

    def put(self, name: str, data: bytes, *, lasting: bool = True) -> None:
        """Write or replace; what need not be `lasting` may be empty or gone after a loss of power."""
        path = self.at(name)
        self._make_parent(path)
        if not self.local:
            self.fs.pipe_file(path, data)
            return
        os.replace(self._temporary(path, data, sync=lasting), path)
        if lasting:
            _sync_folders([path])

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is put if absent within the block gets its name at the end of it, also at one by an error: the disk is
        then synced about twice, not twice a file. Reads through this object see it at once."""
        if not self.local or self._together is not None:
            yield
            return
        self._together = {}
        try:
            yield
        finally:
            held, self._together = self._together, None
            for temporary in held.values():
                _sync(temporary)
            for name, temporary in held.items():
                _link(temporary, self.at(name))
            _sync_folders(map(self.at, held))

    def settle(self) -> None:
        """Make the names last that were given without waiting for it."""
        folders, self._unsettled = self._unsettled, set()
        _sync_folders(folders)

    def put_if_absent(self, name: str, data: bytes, *, settled: bool = True) -> bool:
        """Write unless the name is taken; True when this call wrote it.

        Unless `settled`, the name lasts from the next `settle` on, and until then either all of the file or nothing.
        """
        path = self.at(name)
        if self._together is not None:
            if self.exists(name):
                return False
            self._make_parent(path)
            self._together[name] = self._temporary(path, data, sync=False)
            return True
        self._make_parent(path)
        if not self.local:
            try:
                self.fs.pipe_file(path, data, mode="create")
            except FileExistsError:
                return False
            return True
        if not _link(self._temporary(path, data, sync=True), path):
            return False
        if settled:
            _sync_folders([path])
        else:
            self._unsettled.add(path)
        return True

    def remove(self, name: str) -> None:
        """Take a file away; one that is not there, or that another run took, is no error."""
        try:
            self.fs.rm_file(self.at(name))
        except FileNotFoundError:
            pass

    def names(self, folder: str) -> list[str]:
        """File names directly below a folder, sorted; empty when there is no such folder."""
        try:
            if self.local:
                return sorted(n for n in os.listdir(self.at(folder)) if not n.startswith("."))
            return sorted(p.rsplit("/", 1)[1] for p in self.fs.ls(self.at(folder), detail=False))
        except FileNotFoundError:
            return []

    def _make_parent(self, path: str) -> None:
        if self.local:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        else:
            self.fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)

    def _temporary(self, path: str, data: bytes, *, sync: bool) -> str:
        name = f"{os.path.dirname(path)}/.tmp-{uuid.uuid4().hex}"
        with open(name, "xb") as stream:
            stream.write(data)
            stream.flush()
            if sync:
                os.fsync(stream.fileno())
        return name


class LayeredFiles(Files):
    """Reads through to a store below; writes go to the top alone, so that the store below stays as it is."""

    def __init__(self, top: str, below: Files) -> None:
        super().__init__(top)
        self._below = below

    def exists(self, name: str) -> bool:
        return super().exists(name) or self._below.exists(name)

    def read(self, name: str) -> bytes | None:
        data = super().read(name)
        return self._below.read(name) if data is None else data

    def put_if_absent(self, name: str, data: bytes, *, settled: bool = True) -> bool:
        return not self._below.exists(name) and super().put_if_absent(name, data, settled=settled)

    def names(self, folder: str) -> list[str]:
        return sorted({*super().names(folder), *self._below.names(folder)})


def open_files(url: str) -> Files:
    """The files at a URL; `layered:TOP|BELOW` reads through TOP to BELOW."""
    if url.startswith("layered:"):
        top, _, below = url.removeprefix("layered:").partition("|")
        return LayeredFiles(top, Files(below))
    return Files(url)


def _link(temporary: str, path: str) -> bool:
    """Give a temporary file its name; False when the name is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    return True


def _sync_folders(paths: Iterable[str]) -> None:
    for folder in sorted({os.path.dirname(path) for path in paths}):
        _sync(folder)


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
