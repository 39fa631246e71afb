"""The components `codeevals.programs` and `codeevals.texts`."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="codeevals.programs",
            version=1,
            slot="evaluator",
            factory="bigcode_codeevals.programs:Programs",
            config="bigcode_codeevals.config:ProgramsConfig",
            summary="Suites whose completions are run in a sandbox: HumanEval, infilling, MBPP, APPS, MultiPL-E.",
            deterministic=False,
            runs_programs=True,
        ),
        Component(
            name="codeevals.texts",
            version=1,
            slot="evaluator",
            factory="bigcode_codeevals.texts:Texts",
            config="bigcode_codeevals.config:TextsConfig",
            summary="Suites whose completions are compared with a text by BLEU: CodeXGLUE.",
            deterministic=False,
        ),
    )
