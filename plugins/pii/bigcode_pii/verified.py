"""The observer `pii.verified`: the findings of `pii.gated`, without those that a classifier takes back."""

from __future__ import annotations

from bigcode_pii.classifier import load_classifier
from bigcode_pii.config import VerifiedConfig
from bigcode_pii.findings import Finding
from bigcode_pii.gated import Gated

SURE = 0.95
"""Score from which on a rule needs no second opinion: the form of the value names its issuer."""


class Verified(Gated):
    """Partition stage with the columns of `pii.gated`."""

    def __init__(self, config: VerifiedConfig) -> None:
        super().__init__(config)
        self.classifier = load_classifier(config.weights, config.sha256)
        self.judged = frozenset(config.verify)
        self.threshold = config.threshold

    def confirm(self, content: bytes, hits: dict[int, list[list[int]]]) -> list[Finding]:
        """The findings that stand."""
        return [finding for finding in super().confirm(content, hits) if self.stands(content, finding)]

    def stands(self, content: bytes, finding: Finding) -> bool:
        if finding.entity not in self.judged or finding.score >= SURE:
            return True
        return self.classifier.judge(content, finding.start, finding.end, finding.entity) >= self.threshold
