"""OptOutSnapshot: whose code is left out. The names stand in a salted list file, never in the spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Bytes, Model, Prose, Seconds, Spec
from bigcode.spec.dates import Date

Scope = Literal["owner", "repository", "path", "blob", "commit-author", "issue-author"]


class CommonProperty(Model):
    """Text that many share and nobody's opt-out takes from others: licence texts, stubs, tiny files."""

    owners: Annotated[int, Field(ge=2)] = 5
    min_bytes: Bytes = 64


class OptOutSnapshotSpec(Spec):
    source: str
    """Path of the list file, relative to the workspace."""
    as_of: Date
    pin: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Digest of the sealed list; the salt inside the list keeps it from being guessed."""
    signers: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = ()
    """Public keys (Ed25519, hex) whose signature counts; the store's own key when empty."""
    scopes: tuple[Scope, ...] = ("owner", "repository")
    verification: Annotated[str, Prose] = ""
    copies: Literal["exact", "normalised", "contained", "keep"] = "exact"
    contested: Literal["keep", "remove"] = "keep"
    """What becomes of copies whose origin is not clear."""
    common_property: CommonProperty = CommonProperty()
    consent: Literal["opt_out", "opt_in"] = "opt_out"
    honour_within: Annotated[Seconds, Prose] = 90 * 86400.0
