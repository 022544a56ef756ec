"""The settings: ``params.yaml`` read once into frozen, checked sections.

This module is the only reader of ``params.yaml``. Every section forbids unknown keys,
so that a misspelt key is an error and never a silent default.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    ValidationError,
    field_validator,
    model_validator,
)

from pipeline import addresses, params_file

PARAMS_FILE = Path("params.yaml")
_PACKAGED = Path(__file__).with_name("params.yaml")  # in a wheel; an editable install has the repository's

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
_TITLE = r"[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?"  # no backslash, no blank at either end
AeTitle = Annotated[str, Field(pattern=f"^{_TITLE}$")]
SidePx = Annotated[int, Field(ge=64, le=2048, multiple_of=32)]


def _here(value: Any) -> Any:
    """Take the folder that stands for an address; all else as it is."""
    return addresses.folder(value) if isinstance(value, str) and addresses.is_address(value) else value


def _no_address(value: Any) -> Any:
    if isinstance(value, str) and addresses.is_address(value):
        raise ValueError("a file of this machine is needed; `dvc import-url` fetches one from an address")
    return value


# A folder, or the one that stands for an address: what is written of it is the address.
Radiographs = Annotated[Path, BeforeValidator(_here), PlainSerializer(addresses.shown, when_used="json")]
LocalFile = Annotated[Path, BeforeValidator(_no_address)]


class ConfigError(ValueError):
    """``params.yaml`` is missing, is not YAML, or holds a value that is not allowed."""


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys and lossy conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Paths(Section):
    """Where the stages read and write, relative to the repository; ``dvc.yaml`` reads the same keys."""

    phantoms: Path
    manifest: Path
    annotations: Path
    shards: Path
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
    trusted_links: tuple[Path, ...]
    fracture_categories: tuple[StrictInt | Annotated[str, Field(min_length=1)], ...]


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
    experiment: Annotated[str, Field(min_length=1)]
    model_name: Annotated[str, Field(min_length=1)]
    timeout_s: Annotated[float, Field(gt=0, le=3600)]


class Phantoms(Section):
    """The embedded default: procedural radiographs."""

    train: Annotated[int, Field(ge=8)]
    val: Annotated[int, Field(ge=8)]
    test: Annotated[int, Field(ge=8)]
    fractured_share: Annotated[float, Field(gt=0, lt=1)]
    min_side_px: Annotated[int, Field(ge=128)]
    max_side_px: Annotated[int, Field(le=2048)]
    fault_share: Annotated[float, Field(ge=0, le=0.5)]

    @model_validator(mode="after")
    def _sides_in_order(self) -> Phantoms:
        if self.min_side_px > self.max_side_px:
            raise ValueError("min_side_px must not exceed max_side_px")
        return self


class Validate(Section):
    """Strict decoding, duplicate groups and honest splits."""

    split: Literal["regroup", "keep", "kfold"]
    folds: Annotated[int, Field(ge=3, le=20)]
    fold: Annotated[int, Field(ge=0)]
    pinned_manifest: Path
    label_conflict: Literal["fail", "quarantine"]
    learnt_in_test: Literal["move", "fail"]
    max_pixels: Annotated[int, Field(ge=10_000)]
    min_side_px: Annotated[int, Field(ge=1)]
    not_radiograph: Share
    label_suspects: Share
    hash_distance: Annotated[int, Field(ge=0, le=24)]
    copy_agreement: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _fold_is_one_of_the_folds(self) -> Validate:
        if self.fold >= self.folds:
            raise ValueError("fold counts from 0 and must be less than folds")
        return self


class Preprocess(Section):
    """From a radiograph of any size to one canvas."""

    height_px: SidePx
    width_px: SidePx
    fix_negatives: bool
    crop_collimation: bool
    low_percentile: Annotated[float, Field(ge=0, lt=50)]
    high_percentile: Annotated[float, Field(gt=50, le=100)]
    shard_records: Annotated[int, Field(ge=1)]


class Augment(Section):
    """Random changes of the training radiographs; each amount 0 switches its change off."""

    flip: bool
    rotation_deg: Annotated[float, Field(ge=0, le=180)]
    zoom: Annotated[float, Field(ge=0, le=0.5)]
    aspect: Annotated[float, Field(ge=0, le=0.7)]
    shift: Annotated[float, Field(ge=0, le=0.5)]
    contrast: Annotated[float, Field(ge=0, lt=1)]
    brightness: Annotated[float, Field(ge=0, lt=1)]
    marker_cutout: Share
    acquisition: Share
    mixup: Annotated[float, Field(ge=0, le=2)]


class Train(Section):
    """The network and how it learns."""

    backbone: Annotated[str, Field(min_length=1)]
    weights: Annotated[str, Field(min_length=1)]
    frozen_fraction: Annotated[float, Field(ge=0, le=1)]
    pyramid_channels: Annotated[int, Field(ge=8, le=512)]
    pooling: Literal["lse", "pcam", "attention", "mean"]
    lse_sharpness: Positive
    dropout: Annotated[float, Field(ge=0, lt=1)]
    batch_size: Annotated[int, Field(ge=2)]
    head_epochs: Annotated[int, Field(ge=0)]
    max_epochs: Annotated[int, Field(ge=1)]
    patience: Annotated[int, Field(ge=1)]
    learning_rate: Positive
    head_learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)]
    ema_decay: Annotated[float, Field(ge=0, lt=1)]
    checkpoint: Literal["best", "last"]
    mask_source: Literal["annotations", "maps", "both"]
    mask_loss_weight: Annotated[float, Field(ge=0, le=10)]
    erase_loss_weight: Annotated[float, Field(ge=0, le=10)]
    box_loss_weight: Annotated[float, Field(ge=0, le=10)]
    group_balanced: bool
    class_balanced: bool
    precision: Literal["auto", "float32", "mixed_float16"]
    workers: Annotated[int, Field(ge=1)]
    augment: Augment

    @property
    def learns_boxes(self) -> bool:
        """Whether drawn fractures teach their boxes; who learns from labels alone learns none."""
        return self.box_loss_weight > 0 and self.mask_loss_weight > 0

    @model_validator(mode="after")
    def _mixtures_have_no_fractures_to_erase(self) -> Train:
        if self.erase_loss_weight and self.augment.mixup:
            raise ValueError("erase_loss_weight and augment.mixup exclude each other: set one of them to 0")
        return self

    @model_validator(mode="after")
    def _maps_teach_something(self) -> Train:
        if self.mask_source != "annotations" and not (self.mask_loss_weight or self.erase_loss_weight):
            raise ValueError(
                f"mask_source {self.mask_source!r} trains twice, and nothing would learn from the maps: set "
                "mask_loss_weight or erase_loss_weight above 0, or mask_source to annotations"
            )
        return self


class Predict(Section):
    """How the trained network is used: over how many views of a radiograph its outputs are averaged."""

    tta_views: Annotated[int, Field(ge=1, le=6)]


class Evaluate(Section):
    """Calibration, operating points, intervals and robustness."""

    calibration: Literal["platt", "temperature"]
    high_sensitivity: Annotated[float, Field(gt=0.5, lt=1)]
    high_specificity: Annotated[float, Field(gt=0.5, lt=1)]
    bootstrap_samples: Annotated[int, Field(ge=50)]
    ece_bins: Annotated[int, Field(ge=2, le=100)]
    robustness_radiographs: Annotated[int, Field(ge=0)]


class RegionMaps(Section):
    """Regions from evidence maps, their scores and the pictures of them."""

    min_area_share: Share
    valley_share: Share
    max_regions: Annotated[int, Field(ge=1)]
    faithfulness_radiographs: Annotated[int, Field(ge=1)]
    faithfulness_steps: Annotated[int, Field(ge=2)]
    methods_radiographs: Annotated[int, Field(ge=1)]
    gallery: Annotated[int, Field(ge=1)]
    colormap: Annotated[str, Field(min_length=1)]


class Promote(Section):
    """The gate: floors on ``test``, and how much may be lost against the champion."""

    min_auroc: Share
    min_sensitivity: Share
    min_guaranteed_sensitivity: Annotated[float, Field(ge=0, lt=1)]
    max_ece: Share
    min_pointing_game: Share
    subgroups: tuple[str, ...]
    min_subgroup_sensitivity: Share
    min_subgroup_groups: Annotated[int, Field(ge=1)]
    non_inferiority_margin: Annotated[float, Field(gt=0, lt=0.5)]
    min_groups: Annotated[int, Field(ge=2)]


class Drift(Section):
    """When new radiographs count as unlike those that the champion learnt from."""

    alpha: Annotated[float, Field(ge=0.002, lt=0.5)]
    threshold: Share


class Serve(Section):
    """The HTTP service: where it listens, what it takes, and how it is watched."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=0, lt=2**16)]
    trusted_hosts: tuple[Annotated[str, Field(min_length=1)], ...]
    token_variable: Annotated[str, Field(min_length=1)]
    max_bytes: Annotated[int, Field(ge=1000)]
    max_files: Annotated[int, Field(ge=1)]
    max_pixels: Annotated[int, Field(ge=10_000)]
    max_concurrent: Annotated[int, Field(ge=1)]
    rate_per_s: Positive
    burst: Annotated[int, Field(ge=1)]
    timeout_s: Annotated[float, Field(gt=0, le=3600)]
    follow_s: Annotated[float, Field(ge=0)]
    canary_s: Annotated[float, Field(ge=0)]
    canary_radiographs: Annotated[int, Field(ge=2)]
    canary_sensitivity: Share
    canary_specificity: Share


class Feedback(Section):
    """What readers say of answers on the reading page: whether it is kept, and where."""

    store: bool
    folder: Path


class Node(Section):
    """The DICOM node: who may send, where results go, and how long it keeps trying."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=0, le=65535)]
    ae_title: AeTitle
    callers: tuple[AeTitle, ...]
    caller_hosts: tuple[str, ...]
    peer_host: str
    peer_port: Annotated[int, Field(ge=1, le=65535)]
    peer_ae_title: Annotated[str, Field(pattern=f"^({_TITLE})?$")]
    dicomweb: str
    quiet_s: Annotated[float, Field(ge=0, le=86400)]
    retry_first_s: Annotated[float, Field(gt=0, le=3600)]
    retry_factor: Annotated[float, Field(ge=1, le=10)]
    retry_most_s: Annotated[float, Field(gt=0, le=86400)]
    retry_tries: Annotated[int, Field(ge=1, le=1000)]
    spool: Path
    keep_days: Annotated[float, Field(ge=0, le=3650)]
    max_object_mb: Annotated[float, Field(gt=0, le=2048)]
    max_spool_mb: Positive
    min_free_mb: Annotated[float, Field(ge=0)]
    tls_certificate: str
    tls_key: str
    tls_ca: str
    peer_tls: bool

    @field_validator("caller_hosts")
    @classmethod
    def _hosts_are_networks(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            ipaddress.ip_network(host)
        return hosts

    @model_validator(mode="after")
    def _results_go_one_way(self) -> Node:
        if self.peer_host and self.dicomweb:
            raise ValueError("peer_host and dicomweb exclude each other: results go one way")
        if self.peer_host and not self.peer_ae_title:
            raise ValueError("peer_host needs peer_ae_title, the AE title of the peer")
        return self

    @model_validator(mode="after")
    def _certificate_and_key_belong_together(self) -> Node:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key belong together")
        return self


class Config(Section):
    """All settings of the pipeline."""

    paths: Paths
    data: Data
    run: Run
    track: Track
    phantoms: Phantoms
    validation: Validate = Field(alias="validate")
    preprocess: Preprocess
    train: Train
    predict: Predict
    evaluate: Evaluate
    region_maps: RegionMaps
    promote: Promote
    drift: Drift
    serve: Serve
    feedback: Feedback
    node: Node

    def with_models(self, folder: Path | None) -> Config:
        """Take the bundle of another folder; None for that of the settings."""
        if folder is None:
            return self
        return self.model_copy(update={"paths": self.paths.model_copy(update={"models": folder})})

    def listening(self, host: str | None, port: int | None) -> Config:
        """Let the service listen elsewhere; None for where the settings say."""
        asked = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
        serve = Serve.model_validate(self.serve.model_dump() | asked)
        return self.model_copy(update={"serve": serve})

    def with_node(self, changes: Mapping[str, Any]) -> Config:
        """Take other settings of the node, checked as those of the file are.

        Raises
        ------
        ConfigError
            One is not allowed.
        """
        try:
            node = Node.model_validate(self.node.model_dump() | dict(changes))
        except ValidationError as error:
            raise ConfigError(_explained(Path("node"), error)) from None
        return self.model_copy(update={"node": node})


def read_anywhere() -> Config:
    """Read the settings of the working folder; outside a repository, those that came with the package.

    Raises
    ------
    ConfigError
        As for :func:`read`.
    """
    if in_repository():
        return read()
    return read(_PACKAGED if _PACKAGED.is_file() else _PACKAGED.parents[1] / PARAMS_FILE)


def in_repository() -> bool:
    """Whether the working folder has settings of its own."""
    return PARAMS_FILE.exists()


def read(path: Path = PARAMS_FILE) -> Config:
    """Read and check the settings.

    Raises
    ------
    ConfigError
        The file is missing or is not YAML, or a key is unknown, missing, of the wrong type
        or out of range. The message names each such key, what was received and what is allowed.
    """
    try:
        return Config.model_validate(params_file.load(path))
    except ValidationError as error:
        raise ConfigError(_explained(path, error)) from None
    except (OSError, ValueError) as error:
        raise ConfigError(str(error)) from None


def _explained(path: Path, error: ValidationError) -> str:
    problems = {".".join(map(str, problem["loc"])): problem for problem in error.errors()}
    return params_file.explained(path, problems)
