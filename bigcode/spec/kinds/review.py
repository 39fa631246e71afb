"""Review: what a person decided about cases that no rule settles."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bigcode.api.resource import Model, Prose, Ref, RefTo, Spec
from bigcode.spec.dates import Date


class Decision(Model):
    """One case of a queue, by the name under which `bigcode review` lists it."""

    queue: Literal["licence", "copies", "withdrawal"]
    """`licence`: an unclear licence of a project or file. `copies`: a copy of an opted-out file whose origin is
    disputed or that holds only a part of it. `withdrawal`: a file in which a secret, malware or the like was found:
    `remove` holds for this version of the dataset and all later ones, until a Review of one of these says `keep`."""
    case: Annotated[str, Field(min_length=1)]
    """`HOST/OWNER/REPO` or `HOST/OWNER/REPO:PATH` for licences, a keyed row id for copies, else the file's sha256."""
    saw: tuple[Annotated[str, Field(pattern=r"^([0-9a-f]{32}|[0-9a-f]{64})$")], ...] = ()
    """Digests of what was looked at, as `bigcode review` writes them: of the file's text, of the licence texts and
    metadata at a repository's root, or, keyed, of a copy and what it is a copy of. The decision is about these; when
    they change, the case is queued again. Without any it holds whatever the texts become."""
    decide: Annotated[str, Field(min_length=1)]
    """An SPDX expression or `deny` for licences; `keep` or `remove` for the others."""
    reason: Annotated[str, Prose] = ""

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if self.queue != "licence" and self.decide not in ("keep", "remove"):
            raise ValueError(f"a case of the queue `{self.queue}` is decided by keep or remove")
        if self.queue == "withdrawal" and self.saw:
            raise ValueError("a case of the queue `withdrawal` is a digest itself and needs no `saw`")
        return self


class ReviewSpec(Spec):
    dataset: Annotated[Ref, RefTo("Dataset")]
    by: Annotated[str, Prose]
    """Who decided."""
    date: Annotated[Date, Prose]
    decisions: Annotated[tuple[Decision, ...], Field(min_length=1)]
