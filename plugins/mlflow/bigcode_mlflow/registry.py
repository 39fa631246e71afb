"""Models in the registry of MLflow: a version for each training, and an alias that a release moves.

Versions are told by the digest of their weights. Nothing but a release, whose gates are met by then, moves an alias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from bigcode.api import Entry, NodeView
from bigcode_mlflow.entries import dataset_digest, short_name

ALIAS = "released"
"""The version that was released last."""
RUN_TAG = "bigcode.model"
"""On a training run, the digest of the weights that it made."""


class Released(Protocol):
    """A release that was published: its gates by id with what became of them (`ok`, `waived`), the root of its
    evidence, the date, and the files of each model in it by the model's address."""

    address: str
    as_of: str
    root: str
    gates: Mapping[str, str]
    models: Mapping[str, Sequence[Entry]]


class Registry:
    """The registered models of one project."""

    def __init__(self, client: MlflowClient, project: str, experiment: str) -> None:
        self.client, self.project, self.experiment = client, project, experiment

    def add(self, node: NodeView, run: str, description: str) -> ModelVersion:
        """The version of what a node trained, made if it is not there; `description` tells its facts."""
        entries = node.outputs["model"]
        self.client.set_tag(run, RUN_TAG, dataset_digest(entries))
        return self._version(node.resource, entries, run, description)

    def release(self, release: Released) -> None:
        """Let the alias of each model of a release name the version with its weights.

        Raises:
            ValueError: when a gate is neither met nor waived.
        """
        refused = sorted(gate for gate, state in release.gates.items() if state not in ("ok", "waived"))
        if refused:
            raise ValueError(f"{release.address} did not pass {', '.join(refused)}")
        for address, entries in release.models.items():
            version = self._version(address, entries, self.run_of(entries), "")
            tags = {"release": release.address, "evidence": release.root, "released": release.as_of}
            for name, value in tags.items():
                self.client.set_model_version_tag(version.name, version.version, f"bigcode.{name}", value)
            self.client.set_registered_model_alias(version.name, ALIAS, version.version)

    def run_of(self, entries: Sequence[Entry]) -> str | None:
        """The newest run that trained these weights."""
        wanted = f"tags.`{RUN_TAG}` = '{dataset_digest(entries)}'"
        found = self.client.search_runs([self.experiment], wanted, max_results=1)
        return found[0].info.run_id if found else None

    def _version(
        self, address: str, entries: Sequence[Entry], run: str | None, description: str
    ) -> ModelVersion:
        digest = dataset_digest(entries)
        name = short_name(f"{self.project}.{address.partition('/')[2].partition('@')[0]}")
        try:
            self.client.create_registered_model(name, {"bigcode.project": self.project})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        for version in self.client.search_model_versions(f"name = '{name}'"):
            if version.tags.get("bigcode.digest") == digest:
                return version
        tags = {"bigcode.resource": address, "bigcode.digest": digest}
        # Weights stay in the store, under their digest; a server refuses sources that look like paths of its own.
        source = f"bigcode:/{digest}"
        return self.client.create_model_version(name, source, run, tags, description=description or None)
