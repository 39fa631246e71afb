"""Takes in a checkpoint folder that was made elsewhere: its files become objects of the store, by digest."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from bigcode.api.canonical import canonical
from bigcode.api.diagnostics import fail
from bigcode.api.facts import Fact
from bigcode.api.shapes import ProcessContext


class Adopt:
    """Saves the folder at `path` as the output `model`, where it is the one with the digest `sha256`.

    Raises:
        Problem: E708 when there is no such folder, E702 when it holds other files than those with that digest.
    """

    def __init__(self, config: Any) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        folder = Path(ctx.params["path"])
        if not folder.is_dir():
            raise fail("E708", f"the checkpoint folder {folder} is not there", hint="Put it in its place.")
        found = digest_of(folder)
        if found != ctx.params["sha256"]:
            raise fail(
                "E702",
                f"the checkpoint folder {folder.name} has the digest {found}",
                hint="Where its files are the ones that you mean, write that into `checkpoint.sha256`.",
            )
        ctx.save("model", folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        ctx.fact(Fact("base.bytes", size, "B", label="Base checkpoint"))


def digest_of(folder: Path) -> str:
    """SHA-256 of the canonical list of a folder's files with their digests."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = [[str(path.relative_to(folder)), _digest(path)] for path in files]
    return sha256(canonical(listed)).hexdigest()


def _digest(path: Path) -> str:
    value = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            value.update(block)
    return value.hexdigest()
