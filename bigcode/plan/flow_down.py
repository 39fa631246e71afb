"""Which licences a released model has to descend from: those of the models that it goes on from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bigcode.api.diagnostics import fail
from bigcode.api.resource import Resource

FREE = frozenset({"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "Unlicense"})
"""Licences of a checkpoint by SPDX id that ask for no use restriction to be passed on."""


def check_flow_down(release: Resource, w: Any) -> None:
    """Refuse a release whose licence does not descend from that of a base of its model.

    A licence descends from its `parent`, its parent's parent and so on; that each keeps the restrictions of the one
    above is what the licence's generator checks.

    Raises:
        Problem: E801.
    """
    spec = release.spec
    if spec.artifacts.model is None:
        return
    have = set(_line(spec.license, w))
    for base, wanted in _wanted(w.get(spec.artifacts.model), w):
        if wanted in FREE or wanted in have:
            continue
        known = wanted.startswith("License/")
        raise fail(
            "E801",
            f"{release.address} builds on {base}, whose licence {wanted} it does not pass on",
            w.place(release.address, "spec", "license"),
            f"Name {wanted} as `parent` of the release's License, or of one above it."
            if known
            else "Describe that licence as a License, name it in `checkpoint.license`, and as `parent` of the "
            "release's License.",
        )


def _wanted(model: Resource, w: Any) -> Iterator[tuple[str, str]]:
    """Bases of a model, however far away, each with its licence: an address, or what its authors declare."""
    if model.spec.checkpoint is not None:
        declared = model.spec.checkpoint.license
        in_workspace = declared.startswith("License/")
        yield f"a checkpoint of {model.address}", w.address_of(declared) if in_workspace else declared
    if model.spec.base:
        base = w.get(model.spec.base)
        for other in w.resources.values():
            named = other.kind == "Release" and other.spec.artifacts.model and other.spec.license
            if named and w.address_of(other.spec.artifacts.model) == base.address:
                yield base.address, w.address_of(other.spec.license)
        yield from _wanted(base, w)


def _line(reference: str | None, w: Any) -> Iterator[str]:
    while reference:
        resource = w.get(reference)
        yield resource.address
        reference = resource.spec.parent
