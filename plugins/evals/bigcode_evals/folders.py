"""The folder of a model, without what loading a model needs."""

from __future__ import annotations

import shutil
from pathlib import Path

from bigcode.api import ProcessContext


def lay_out(ctx: ProcessContext, name: str = "model") -> Path:
    """The folder of a model, made of links to the objects of the input `name`."""
    folder = ctx.scratch / "model"
    shutil.rmtree(folder, ignore_errors=True)
    for entry in ctx.entries(name):
        target = folder / entry.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(ctx.path(entry).resolve())
    return folder
