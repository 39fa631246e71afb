"""`sources.npm`: pinned packages of an npm registry."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bigcode.api import Diagnostic, FetchContext, Problem, Unit, fail
from bigcode_sources.config import Limits, NpmConfig
from bigcode_sources.intake import TooLarge

if TYPE_CHECKING:
    import pyarrow as pa

# `units` runs while a plan is made, so what is heavy is imported by `fetch`.

_FAILURES = {"E701": "gone", "E703": "unreachable", "E705": "broken"}


class NpmCollector:
    """One unit a package. Tarballs are verified, kept and unpacked in memory; no script in them is run."""

    def __init__(self, config: NpmConfig) -> None:
        self.config = config

    def units(self) -> Iterable[Unit]:
        """Sorted by name and version; the registry is no part of the identity."""
        limits = self.config.limits.model_dump(by_alias=True)
        for package in sorted(self.config.packages, key=lambda p: (p.name, p.version)):
            said = package.model_dump(mode="json", include={"name", "version", "integrity"})
            yield Unit(f"{package.name}@{package.version}", {**said, "limits": limits})

    def fetch(self, unit: Unit, ctx: FetchContext) -> pa.Table:
        """The owner is the scope without its at sign, else the package; the repository is the package; the revision is
        the version. `released` is the newest time of a file, or zero where the packer wrote one constant.

        A package that the registry lacks or that cannot be unpacked is a failed unit without rows.

        Raises:
            Problem: E702 when the tarball is not the pinned one.
        """
        from bigcode_sources.archive import unpack
        from bigcode_sources.rows import table_of

        name, version, integrity = (unit.identity[key] for key in ("name", "version", "integrity"))
        limits = Limits.model_validate(unit.identity["limits"])
        scope, _, bare = name.lstrip("@").rpartition("/")
        try:
            data = self._tarball(name, version, integrity, limits.bytes, ctx)
            accepted = unpack(f"{name} {version}", data, limits, pointers=False)
        except Problem as problem:
            (found,) = problem.diagnostics
            if found.code not in _FAILURES:
                raise
            ctx.warn(Diagnostic(found.code, found.message, hint=found.hint, severity="warning"))
            ctx.failed("too-large" if isinstance(problem, TooLarge) else _FAILURES[found.code])
            return table_of(())
        accepted.report(ctx)
        return table_of(
            ("npm", scope or bare, bare, version, path, accepted.newest, content)
            for path, content in accepted.files.items()
        )

    def _tarball(self, name: str, version: str, integrity: str, most: int, ctx: FetchContext) -> bytes:
        # The store knows its objects by sha256; for another pin it remembers which one was verified.
        pinned = integrity if not integrity.startswith("sha512-") else ""
        known = pinned or (ctx.recall(integrity) or b"").decode()
        data = ctx.cached(known) if known else None
        if data is not None and digest_like(integrity, data) == integrity:
            return data
        from bigcode_sources.index import download

        bare = name.rpartition("/")[2]
        # Build metadata is no part of the name of a tarball.
        url = f"{self.config.registry.rstrip('/')}/{name}/-/{bare}-{version.partition('+')[0]}.tgz"
        data = download(url, f"{name} {version}", most)
        found = digest_like(integrity, data)
        if found != integrity:
            raise fail(
                "E702",
                f"{name} {version}: the registry has {found}, the spec pins {integrity}",
                hint="Somebody changed the package or the pin. Compare both before you change the spec.",
            )
        kept = ctx.keep(data)
        if not pinned:
            ctx.remember(integrity, kept.encode())
        return data


def digest_like(integrity: str, data: bytes) -> str:
    """The digest of `data` in the form of a pin."""
    if integrity.startswith("sha512-"):
        return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    return hashlib.sha256(data).hexdigest()
