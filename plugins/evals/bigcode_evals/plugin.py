"""The components `evals.bits-per-byte` and `evals.continuation`."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="evals.bits-per-byte",
            version=1,
            slot="evaluator",
            factory="bigcode_evals.bits:BitsPerByte",
            config="bigcode_evals.config:BitsPerByteConfig",
            summary="Bits per byte of held-out text, beside xz and a byte n-gram model.",
            deterministic=False,
        ),
        Component(
            name="evals.continuation",
            version=1,
            slot="evaluator",
            factory="bigcode_evals.continuation:Continuation",
            config="bigcode_evals.config:ContinuationConfig",
            summary="How often the true next line ranks above lines of other held-out files.",
            deterministic=False,
        ),
    )
