"""Card: a document about a resource, from facts alone."""

from __future__ import annotations

from typing import Annotated, Literal

from bigcode.api.resource import Prose, Ref, RefTo, Spec


class CardSpec(Spec):
    subject: Annotated[Ref, RefTo("Project", "Dataset", "Model", "Release", "License", "EmissionsPolicy")]
    template: str
    """`dataset-card`, `model-card`, `governance-card`, `license`, `emissions-report`, or a path in the workspace."""
    sections: Annotated[dict[str, str], Prose] = {}
    """Prose by section; it holds no digits."""
    audience: Literal["public", "stewards"] = "public"
