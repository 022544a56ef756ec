"""Sections about what the stages do, in their order, and what the gate and `drift` ask of a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.config.kinds import LocalFile, Positive, Section, Share, SidePx, Word


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
    pinned_manifest: LocalFile
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
    closeup: Share
    contrast: Annotated[float, Field(ge=0, lt=1)]
    brightness: Annotated[float, Field(ge=0, lt=1)]
    marker_cutout: Share
    acquisition: Share
    style: Share
    mixup: Annotated[float, Field(ge=0, le=2)]


class Train(Section):
    """The network and how it learns."""

    backbone: Word
    weights: Word
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
    members: Annotated[int, Field(ge=1, le=8)]
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
    """How the trained network is used: from how many views of a radiograph its outputs are joined."""

    tta_views: Literal[1, 2, 4, 8]


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
    colormap: Word


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
