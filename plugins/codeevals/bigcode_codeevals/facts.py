"""Facts about how a suite was asked, the same for all suites."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version

from bigcode.api import Config, Fact
from bigcode.api.canonical import canonical
from bigcode.api.resource import identity
from bigcode_codeevals.config import Sampling

_PACKAGES = ("bigcode", "tokenizers", "torch", "transformers")


def versions() -> Mapping[str, str]:
    """Of what a result may depend on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def harness_of(component: str, suite: str, config: Config, more: Mapping[str, str]) -> str:
    """Digest of all that two results must share to be compared: suite, settings and versions, not the model."""
    said = {
        "component": component,
        "suite": suite,
        "settings": identity(config),
        "versions": {**versions(), **more},
    }
    return sha256(canonical(said)).hexdigest()


def sampling_facts(suite: str, sampling: Sampling, stop: Sequence[str]) -> Sequence[Fact]:
    group = f"{{suite={suite}}}"
    rules = json.dumps(sorted({*stop, *sampling.stop}), ensure_ascii=False)
    return (
        Fact(f"sampling.samples{group}", sampling.samples, label="Samples of each task"),
        Fact(f"sampling.temperature{group}", sampling.temperature, label="Temperature"),
        Fact(f"sampling.top_p{group}", sampling.top_p, label="Nucleus"),
        Fact(f"sampling.max_new_tokens{group}", sampling.max_new_tokens, "token", label="Longest completion"),
        Fact(f"sampling.stop{group}", rules, "text", label="Where a completion is cut"),
    )


def harness_facts(suite: str, digest: str, harness: str, more: Mapping[str, str]) -> Sequence[Fact]:
    group = f"{{suite={suite}}}"
    facts = [
        Fact(f"suite.sha256{group}", digest, "text", label="Digest of the suite"),
        Fact(f"harness{group}", harness, "text", label="Digest of the harness"),
    ]
    for name, said in sorted({**versions(), **more}.items()):
        facts.append(Fact(f"version.{name}{group}", said, "text", label=f"Version of {name}"))
    return facts
