"""A bundle: all evidence of a workspace as files, listed with digests, with one digest over the list."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bigcode.api.canonical import canonical, digest
from bigcode.api.diagnostics import fail

FORMAT = "bigcode-bundle/1"
LIST, ROOT, SIGNATURE = "bundle.json", "ROOT", "ROOT.sig"


class Bundle(Mapping[str, bytes]):
    """The files of a bundle by name: in memory, or of a folder, read when asked for."""

    def __init__(self, files: Mapping[str, bytes] | None = None, folder: Path | None = None) -> None:
        self._files, self._folder = files or {}, folder

    def __getitem__(self, name: str) -> bytes:
        if self._folder is None:
            return self._files[name]
        if not self.plain(name):
            raise KeyError(name)
        return (self._folder / name).read_bytes()

    def __iter__(self) -> Iterator[str]:
        if self._folder is None:
            return iter(sorted(self._files))
        found = (p for p in self._folder.rglob("*") if not p.is_dir() or p.is_symlink())
        return iter(sorted(str(p.relative_to(self._folder)) for p in found))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def plain(self, name: str) -> bool:
        """Whether the name is that of a file that holds its own bytes: no link, no folder, no pipe."""
        if self._folder is None:
            return name in self._files
        path = self._folder / name
        return path.is_file() and not path.is_symlink()

    def json(self, name: str) -> Any:
        return json.loads(self[name])


def seal(files: Mapping[str, bytes], workspace: str) -> dict[str, bytes]:
    """Add the list and the root digest to the files of a bundle."""
    listing = {
        "format": FORMAT,
        "workspace": workspace,
        "files": {name: {"sha256": digest(data), "size": len(data)} for name, data in sorted(files.items())},
    }
    data = canonical(listing) + b"\n"
    return {**files, LIST: data, ROOT: f"sha256:{digest(data)}\n".encode()}


def signature_bytes(key: str, value: str) -> bytes:
    """The file `ROOT.sig`: public key and signature in hex. It has one form only, so that any change shows."""
    return canonical({"key": key.lower(), "value": value.lower()}) + b"\n"


def root_of(files: Mapping[str, bytes]) -> str:
    """The root digest, hex."""
    return files[ROOT].decode().strip().removeprefix("sha256:")


def read_bundle(folder: Path) -> Bundle:
    """A folder as a bundle.

    Raises:
        Problem: E611 when it has no list that can be read.
    """
    bundle = Bundle(folder=folder)
    try:
        if bundle.json(LIST)["format"] != FORMAT:
            raise fail(
                "E611", f"{folder} has a bundle of another format", hint=f"This version reads {FORMAT}."
            )
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise fail("E611", f"{folder} has no {LIST} that can be read") from error
    return bundle


def carried_name(resource: str, node: str, label: str, output: str, name: str) -> str:
    """Under which name an object is carried in the bundle; empty for those that are named by digest alone."""
    step = node.partition("#")[2]
    if step == "verdicts" and output == "verdicts":
        return f"verdicts/{resource}/{int(label):05d}.parquet"
    if step == "facts" and output == "manifest":
        return f"manifests/{resource}/{name}.json" if name == "shards" else f"listings/{resource}/{name}.json"
    if step == "render":
        return f"cards/{output}"
    if output in ("journal", "power", "results", "text"):
        return f"recorded/{resource}/{step}/{name}"
    return ""
