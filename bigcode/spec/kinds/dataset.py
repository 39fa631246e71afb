"""Dataset: a snapshot under policies, and the form in which it is written."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bigcode.api.resource import Bytes, Model, Prose, Ref, RefTo, Share, Spec, Uses
from bigcode.spec.dates import Date
from bigcode.spec.slots import Slot


class Rule(Model):
    """A quality rule over observation columns: a file is dropped as `quality.<id>` when it holds."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    column: str
    above: float | None = None
    below: float | None = None
    equals: bool | str | None = None
    languages: tuple[str, ...] = ()
    """Languages that the rule is for; all when empty."""
    except_languages: tuple[str, ...] = ()
    """Languages that the rule is not for."""

    @model_validator(mode="after")
    def _holds_somewhere(self) -> Self:
        both = sorted(set(self.languages) & set(self.except_languages))
        if both:
            raise ValueError(f"`{both[0]}` stands in languages and in exceptLanguages")
        return self


class Languages(Model):
    detector: Annotated[Uses, Slot("observer")]
    include: tuple[str, ...] = ()
    """Languages that are kept; all that the detector knows when empty."""
    paths: Annotated[Uses, Slot("observer")] = Uses(uses="languages.paths")
    """What tells vendored and test files by their paths."""


class Quality(Model):
    observers: Annotated[tuple[Uses, ...], Slot("observer")] = ()
    rules: tuple[Rule, ...] = ()


class Decontamination(Model):
    """Files that hold tasks of evaluation suites are left out."""

    detector: Annotated[Uses, Slot("observer")]
    suites: tuple[str, ...] = ()
    """Suites that count; all that the detector knows when empty."""


class Split(Model):
    """Held-out projects, chosen by a keyed hash of the project, never by file."""

    validation: Share = 0.1
    seed: int = 0


class Export(Model):
    format: Literal["parquet"] = "parquet"
    by: Literal["language"] = "language"
    shard_bytes: Bytes = 256 * 2**20
    render: Annotated[Uses | None, Slot("renderer")] = None
    """Turns the masked text of a kept file into the form in which it is written."""


class Lifecycle(Model):
    state: Literal["draft", "current", "superseded", "retired", "withdrawn"] = "draft"
    reason: str = ""
    superseded_by: Annotated[Ref | None, RefTo("Dataset", "Release")] = None
    since: Date | None = None


Preference = Literal["original", "own-package", "newest", "oldest", "largest", "smallest"]
Sibling = Literal["", "issues", "commits", "notebooks", "metadata", "near-dedup", "redacted"]


class DatasetSpec(Spec):
    snapshot: Annotated[Ref, RefTo("Snapshot")]
    licenses: Annotated[Ref, RefTo("LicensePolicy")]
    opt_out: Annotated[Ref, RefTo("OptOutSnapshot")]
    pii: Annotated[Ref, RefTo("PIIPolicy")]
    languages: Languages | None = None
    """Left out for siblings whose rows are records and not files."""
    quality: Quality = Quality()
    decontamination: Decontamination | None = None
    dedup: Annotated[Uses | None, Slot("clusterer")] = None
    representative: tuple[Preference, ...] = ("original", "own-package", "newest")
    """Which file of a group of duplicates is kept: the first of these that tells them apart decides."""
    split: Split = Split()
    export: Export = Export()
    sibling: Sibling = ""
    of: Annotated[Ref | None, RefTo("Dataset")] = None
    """The dataset that this one is a sibling of: issues, commits and metadata take the licences of its projects."""
    terms: Annotated[str, Prose] = ""
    supersedes: Annotated[Ref | None, RefTo("Dataset"), Prose] = None
    lifecycle: Annotated[Lifecycle, Prose] = Lifecycle()
