"""The kinds by name. A kind's module is imported when a resource of that kind is present."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bigcode.api.resource import Spec

KINDS: dict[str, tuple[str, str]] = {
    "Project": ("project", "ProjectSpec"),
    "Snapshot": ("snapshot", "SnapshotSpec"),
    "LicensePolicy": ("licensing", "LicensePolicySpec"),
    "OptOutSnapshot": ("optout", "OptOutSnapshotSpec"),
    "PIIPolicy": ("privacy", "PIIPolicySpec"),
    "AnnotationCampaign": ("annotation", "AnnotationCampaignSpec"),
    "Dataset": ("dataset", "DatasetSpec"),
    "Tokenizer": ("tokenizer", "TokenizerSpec"),
    "Model": ("model", "ModelSpec"),
    "Evaluation": ("evaluation", "EvaluationSpec"),
    "AttributionIndex": ("attribution", "AttributionIndexSpec"),
    "EmissionsPolicy": ("emissions", "EmissionsPolicySpec"),
    "License": ("license", "LicenseSpec"),
    "Release": ("release", "ReleaseSpec"),
    "Review": ("review", "ReviewSpec"),
    "Card": ("card", "CardSpec"),
}
POLICY_KINDS = ("LicensePolicy", "OptOutSnapshot", "PIIPolicy", "EmissionsPolicy")


@cache
def spec_class(kind: str) -> type[Spec]:
    """The pydantic class of the `spec` of a kind.

    Raises:
        KeyError: when there is no such kind.
    """
    module, name = KINDS[kind]
    loaded: type[Spec] = getattr(importlib.import_module(f"bigcode.spec.kinds.{module}"), name)
    return loaded
