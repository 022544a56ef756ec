"""The settings: ``params.yaml`` read once into frozen, checked sections.

This module is the only reader of ``params.yaml``. Every section forbids unknown keys,
so that a misspelt key is an error and never a silent default.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError, model_validator

PARAMS_FILE = Path("params.yaml")

GONE = {"promote.bootstrap_samples"}  # the gate compares AUROCs without it: docs/decisions/0019
RENAMED = {
    "evaluate.views": "predict.tta_views",
    "train.averaging_decay": "train.ema_decay",
    "train.frozen_share": "train.frozen_fraction",
    "train.kept_epoch": "train.checkpoint",
    "validate.earlier_manifest": "validate.pinned_manifest",
}
_RULES = {
    "tuple_type": "Input should be a valid tuple, a list in brackets: [a, b]",
    "path_type": "Input should be a path",
}

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
SidePx = Annotated[int, Field(ge=64, le=2048, multiple_of=32)]


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

    root: Path
    annotations: Path
    labels: Path
    trusted_links: tuple[Path, ...]
    fracture_categories: tuple[StrictInt | Annotated[str, Field(min_length=1)], ...]


class Run(Section):
    """What stages share: the seed decides results, threads and device their last digits, workers nothing."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    workers: Annotated[int, Field(ge=0)]
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
    shift: Annotated[float, Field(ge=0, le=0.5)]
    contrast: Annotated[float, Field(ge=0, lt=1)]
    brightness: Annotated[float, Field(ge=0, lt=1)]
    marker_cutout: Share
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
    group_balanced: bool
    class_balanced: bool
    precision: Literal["auto", "float32", "mixed_float16"]
    augment: Augment

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


def read(path: Path = PARAMS_FILE) -> Config:
    """Read and check the settings.

    Raises
    ------
    ConfigError
        The file is missing or is not YAML, or a key is unknown, missing, of the wrong type
        or out of range. The message names each such key, what was received and what is allowed.
    """
    try:
        values = _load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path} not found: run from the repository's top folder") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: it is not YAML in UTF-8. Save it so.") from None
    except yaml.MarkedYAMLError as error:
        what = error.problem or error.context
        raise ConfigError(f"{path}, {_place(error)}it is not YAML: {what}.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: it is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold sections of settings. Received: {values!r}")
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(path, error)) from None


def _load(text: str) -> Any:
    """Parse YAML; a key that stands twice is an error and never a choice between two values."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        _refuse_duplicates(node)
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _refuse_duplicates(root: yaml.Node | None) -> None:
    waiting, seen = [("", root)], set()  # by identity: an alias can lead back
    while waiting:
        above, node = waiting.pop()
        if not isinstance(node, yaml.MappingNode) or id(node) in seen:
            continue
        seen.add(id(node))
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = f"{above}{key.value}", key.start_mark.line + 1
            if name in first:
                problem = f"{name} stands twice, in line {first[name]} and in line {line}; delete one"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            first[name] = line
            waiting.append((f"{name}.", value))


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}: " if mark else ""


def _explain(path: Path, error: ValidationError) -> str:
    """One line a wrong key: the key, the rule, what was received."""
    problems = {".".join(map(str, problem["loc"])): problem for problem in error.errors()}
    renamed = [f"{RENAMED[key]}." for key in problems if key in RENAMED]
    lines = []
    for key, problem in problems.items():
        if key in RENAMED:
            lines.append(f"{path}: {key} is now {RENAMED[key]}: rename it.")
        elif key in GONE:
            lines.append(f"{path}: {key} is a setting no more: delete it.")
        elif problem["type"] == "extra_forbidden":
            lines.append(f"{path}: {key} is no setting. Received: {problem['input']!r}. Check its spelling.")
        elif problem["type"] == "missing":
            if any(new.startswith(f"{key}.") for new in renamed):
                continue
            lines.append(f"{path}: {key} is missing. Add it; params.yaml of the repository lists all.")
        else:
            rule = _RULES.get(problem["type"], problem["msg"])
            lines.append(f"{path}: {key}: {rule}. Received: {problem['input']!r}.")
    return "\n".join(lines)
