"""The evaluators that read what a model writes, and run none of it."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Component, hookimpl


def _evaluator(name: str, version: int, factory: str, config: str, summary: str) -> Component:
    return Component(
        name=f"evals.{name}",
        version=version,
        slot="evaluator",
        factory=f"bigcode_evals.{factory}",
        config=f"bigcode_evals.config:{config}",
        summary=summary,
        deterministic=False,
    )


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        _evaluator(
            "bits-per-byte", 2, "bits:BitsPerByte", "BitsPerByteConfig",
            "Bits per byte of held-out text by language and source, beside xz and a byte n-gram model.",
        ),
        _evaluator(
            "continuation", 1, "continuation:Continuation", "ContinuationConfig",
            "How often the true next line ranks above lines of other held-out files.",
        ),
        _evaluator(
            "memorisation", 1, "memorisation:Memorisation", "MemorisationConfig",
            "Passages of training text that come back, beside held-out ones; exposure of planted secrets.",
        ),
        _evaluator(
            "insecure-code", 1, "probes:InsecureCode", "InsecureConfig",
            "Completions with known weaknesses, read by static rules.",
        ),
        _evaluator(
            "malicious-code", 1, "probes:MaliciousCode", "MaliciousConfig",
            "Completions of prompts that ask for malware, read by static rules.",
        ),
        _evaluator(
            "personal-data", 1, "leaks:PersonalData", "LeaksConfig",
            "Personal data in what the model writes, and whether the training text holds it.",
        ),
        _evaluator(
            "lm-eval", 1, "lm_eval_adapter:LmEval", "LmEvalConfig",
            "Tasks of the lm-eval harness, in the environment where it is installed.",
        ),
    )  # fmt: skip
