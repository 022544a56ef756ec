"""Sections about where things lie: files of ours, the user's radiographs, processors, MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictInt

from pipeline.config.kinds import Folder, LocalFile, Radiographs, Result, Section, Word


class Paths(Section):
    """Where the stages read and write, relative to the repository; ``dvc.yaml`` reads the same keys."""

    phantoms: Path
    manifest: Result
    annotations: Result
    shards: Result
    models: Path
    reports: Path
    sites: Path
    ledger: Path

    @property
    def classifier(self) -> Path:
        """The trained network."""
        return self.models / "classifier.keras"

    def report(self, stage: str) -> Path:
        """Folder of the metrics, tables and report page of one stage."""
        return self.reports / stage


class Data(Section):
    """The user's radiographs, and what is known about them."""

    root: Radiographs
    annotations: LocalFile
    labels: LocalFile
    trusted_links: tuple[Folder, ...]
    fracture_categories: tuple[StrictInt | Word, ...]


class Run(Section):
    """What stages share: seed decides results, threads and device their last digits, the others nothing."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    workers: Annotated[int, Field(ge=0)]
    engine: Literal["local", "ray"]
    ray_address: Annotated[str, Field(pattern=r"^(|auto|[^\s/]+:\d+)$")]
    threads: Annotated[int, Field(ge=0)]
    device: Literal["auto", "cpu", "gpu"]


class Track(Section):
    """MLflow: where runs go, and how long a stage waits for a server that does not answer."""

    uri: str
    experiment: Word
    model_name: Word
    timeout_s: Annotated[float, Field(gt=0, le=3600)]
