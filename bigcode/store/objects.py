"""Immutable objects by the SHA-256 of their bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bigcode.api.canonical import digest
from bigcode.api.diagnostics import Problem, fail
from bigcode.store.files import Files as Files
from bigcode.store.tombstones import Tombstones, erased


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
