"""What two results must share to be compared, as facts."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version

from bigcode.api import Config, Fact, ProcessContext
from bigcode.api.canonical import canonical
from bigcode.api.resource import identity

_PACKAGES = ("tokenizers", "torch", "transformers")


def versions() -> Mapping[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def digests(ctx: ProcessContext, *names: str) -> tuple[str, ...]:
    """Digests of the objects of some inputs."""
    return tuple(entry.digest for name in names for entry in ctx.entries(name))


def harness_facts(
    suite: str,
    behaviour: int,
    config: Config,
    read: Iterable[str],
    seed: int,
    more: Mapping[str, str] | None = None,
) -> Sequence[Fact]:
    """`harness{suite=...}`, and the versions behind it.

    The digest is of the suite with its behaviour version, settings, seed, the objects that were read beside the
    model, and the versions of what computes.
    """
    known = {**versions(), **(more or {})}
    said = {
        "suite": suite,
        "behaviour": behaviour,
        "settings": identity(config),
        "seed": seed,
        "read": sorted(read),
        "versions": known,
    }
    group = f"{{suite={suite}}}"
    value = sha256(canonical(said)).hexdigest()
    facts = [Fact(f"harness{group}", value, "text", label="Digest of the harness")]
    facts += [
        Fact(f"version.{name}{group}", text, "text", label=f"Version of {name}")
        for name, text in sorted(known.items())
    ]
    return facts


def seed_of(ctx: ProcessContext, config: Config) -> int:
    """The evaluation's seed and the suite's own, as one."""
    own = int(getattr(config, "seed", 0))
    return int.from_bytes(sha256(f"{ctx.params.get('seed', 0)} {own}".encode()).digest()[:6], "big")
