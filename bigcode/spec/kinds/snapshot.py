"""Snapshot: source text as it was collected, pinned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Prose, Share, Spec, Uses
from bigcode.spec.slots import Slot

Access = Literal["public", "open", "gated", "stewards", "closed"]


class SnapshotSpec(Spec):
    collector: Annotated[Uses, Slot("collector")]
    legal_basis: Annotated[str, Prose] = ""
    access: Annotated[Access, Prose] = "stewards"
    """Who may read what was collected: anybody (`public`, `open`), people who were let in one by one (`gated`), those
    who look after the data (`stewards`), or nobody by hand (`closed`)."""
    buckets: Annotated[int, Field(ge=1, le=65536)] = 1024
    blob_partitions: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Partitions of the blobs by digest prefix; as many as buckets unless given."""
    pin: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Digest of the list of collected files tables; when given, another result is refused."""
    tolerate: Share = 0.0
    """Share of sources that may turn out to be gone or broken; they are counted, and more end the run."""
