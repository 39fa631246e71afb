"""Immutable objects by the SHA-256 of their bytes, on any fsspec file system."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from bigcode.api.canonical import digest
from bigcode.api.diagnostics import Problem, fail
from bigcode.store.tombstones import Tombstones, erased


class Files:
    """The three writes that the store needs, over fsspec: put, put if absent, move aside.

    On a local disk a write goes to a temporary name and is linked or renamed, so that no reader sees half a
    file. Elsewhere the file system's own conditional create is used.
    """

    def __init__(self, url: str) -> None:
        fs, root = fsspec.core.url_to_fs(url)
        self.url = url
        self.fs: Any = fs
        self.root: str = root.rstrip("/")
        self.local = isinstance(fs, LocalFileSystem)

    def at(self, name: str) -> str:
        return f"{self.root}/{name}"

    def exists(self, name: str) -> bool:
        if self.local:
            return os.path.exists(self.at(name))
        return bool(self.fs.exists(self.at(name)))

    def read(self, name: str) -> bytes | None:
        """The bytes, or None when there is no such file."""
        try:
            if self.local:
                with open(self.at(name), "rb") as stream:
                    return stream.read()
            return bytes(self.fs.cat_file(self.at(name)))
        except FileNotFoundError:
            return None

    def put(self, name: str, data: bytes) -> None:
        """Write or replace."""
        path = self.at(name)
        self._make_parent(path)
        if not self.local:
            self.fs.pipe_file(path, data)
            return
        os.replace(self._temporary(path, data), path)
        _sync_folder(path)

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Write unless the name is taken; True when this call wrote it."""
        path = self.at(name)
        self._make_parent(path)
        if not self.local:
            try:
                self.fs.pipe_file(path, data, mode="create")
            except FileExistsError:
                return False
            return True
        temporary = self._temporary(path, data)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            os.unlink(temporary)
        _sync_folder(path)
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

    def _temporary(self, path: str, data: bytes) -> str:
        name = f"{os.path.dirname(path)}/.tmp-{uuid.uuid4().hex}"
        with open(name, "xb") as stream:
            stream.write(data)
            stream.flush()
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

    def put_if_absent(self, name: str, data: bytes) -> bool:
        return not self._below.exists(name) and super().put_if_absent(name, data)

    def names(self, folder: str) -> list[str]:
        return sorted({*super().names(folder), *self._below.names(folder)})


def open_files(url: str) -> Files:
    """The files at a URL; `layered:TOP|BELOW` reads through TOP to BELOW."""
    if url.startswith("layered:"):
        top, _, below = url.removeprefix("layered:").partition("|")
        return LayeredFiles(top, Files(below))
    return Files(url)


class Objects:
    """`objects/ab/abcd...`: put once, checked when read."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.tombstones = Tombstones(files)

    @staticmethod
    def name(key: str) -> str:
        return f"objects/{key[:2]}/{key}"

    def put(self, data: bytes) -> str:
        """Store the bytes, unless they were erased; returns their digest."""
        key = digest(data)
        if not self._files.exists(self.name(key)) and not self.tombstones.has(key):
            self._files.put_if_absent(self.name(key), data)
        return key

    def has(self, key: str) -> bool:
        """Whether the object is there, or was erased and what replaces it is there."""
        if self._files.exists(self.name(key)):
            return True
        stone = self.tombstones.read(key)
        return stone is not None and (not stone.replaced_by or self.has(stone.replaced_by))

    def standing(self, key: str) -> str:
        """The digest under which an object is read: its own, or that of what replaced it when rows were erased.

        Raises:
            Problem: E512 when it was erased as a whole.
        """
        while not self._files.exists(self.name(key)):
            stone = self.tombstones.read(key)
            if stone is None:
                break
            if not stone.replaced_by:
                raise erased(stone)
            key = stone.replaced_by
        return key

    def get(self, key: str) -> bytes:
        """The bytes of an object.

        Raises:
            Problem: E504 when it is absent, E503 when its bytes do not have its digest (it is put aside), E512 when
                it was erased.
        """
        data = self._files.read(self.name(key))
        if data is None:
            other = self.standing(key)
            if other == key:
                raise _missing(key)
            return self.get(other)
        if digest(data) != key:
            self.quarantine(key)
            raise _corrupt(key)
        return data

    def _check(self, key: str) -> None:
        """As `get`, for a local object that need not fit into memory."""
        try:
            with open(self._files.at(self.name(key)), "rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            raise _missing(key) from None
        if found != key:
            self.quarantine(key)
            raise _corrupt(key)

    def intact(self, key: str) -> bool:
        """Whether the object is present and has its digest."""
        data = self._files.read(self.name(key))
        return data is not None and digest(data) == key

    def quarantine(self, key: str) -> None:
        """Move a corrupt object aside, so that the actions that name it count as absent."""
        data = self._files.read(self.name(key))
        if data is not None:
            self._files.put(f"quarantine/{key}-{digest(data)[:8]}", data)
            self._files.remove(self.name(key))

    def local_path(self, key: str) -> Path:
        """A local file that holds the object: the object itself, or a copy of a remote one.

        Raises:
            Problem: E504, E503 or E512, as `get`.
        """
        key = self.standing(key)
        if self._files.local:
            self._check(key)
            return Path(self._files.at(self.name(key)))
        cached = Path.home() / ".cache" / "bigcode" / "objects" / key
        if not cached.exists():
            cached.parent.mkdir(parents=True, exist_ok=True)
            partial = cached.with_suffix(".partial")
            partial.write_bytes(self.get(key))
            partial.replace(cached)
        return cached


def _missing(key: str) -> Problem:
    return fail("E504", f"object {key[:12]} is not in the store", hint="`bigcode apply` computes it anew.")


def _corrupt(key: str) -> Problem:
    hint = "It was put aside; `bigcode apply` computes it anew."
    return fail("E503", f"object {key[:12]} does not match its digest", hint=hint)


def _sync_folder(path: str) -> None:
    handle = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
