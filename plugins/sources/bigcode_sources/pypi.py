"""`sources.pypi`: pinned source releases of a package index."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bigcode.api import FetchContext, Unit
from bigcode_sources.config import Limits, PypiConfig

if TYPE_CHECKING:
    import pyarrow as pa

# `units` runs while a plan is made, so what is heavy is imported by `fetch`.


class PypiCollector:
    """One unit a release. Archives are verified, kept and unpacked in memory; nothing in them is run."""

    def __init__(self, config: PypiConfig) -> None:
        self.config = config

    def units(self) -> Iterable[Unit]:
        """Sorted by project and version; the identity is all that the rows depend on."""
        limits = self.config.limits.model_dump(by_alias=True)
        for release in sorted(self.config.releases, key=lambda r: (r.project, r.version)):
            yield Unit(
                f"{release.project}-{release.version}",
                {
                    "name": release.project,
                    "version": release.version,
                    "sha256": release.sha256,
                    "limits": limits,
                },
            )

    def fetch(self, unit: Unit, ctx: FetchContext) -> pa.Table:
        """Owner and repository are the project, the revision is the version; `released` is the newest time of a
        file in the archive, or zero where a packer wrote a placeholder for all of them.

        Raises:
            Problem: E701, E702, E703 for the download, E705 for an archive that is refused.
        """
        from bigcode_sources.archive import unpack
        from bigcode_sources.rows import table_of

        project, version, sha256 = (unit.identity[key] for key in ("name", "version", "sha256"))
        limits = Limits.model_validate(unit.identity["limits"])
        data = ctx.cached(sha256)
        if data is None:
            from bigcode_sources.index import download_release

            data = download_release(project, version, sha256, limits.bytes, self.config.index)
            ctx.keep(data)
        accepted = unpack(f"{project} {version}", data, limits)
        accepted.report(ctx)
        return table_of(
            ("pypi", project, project, version, path, accepted.newest, content)
            for path, content in accepted.files.items()
        )
