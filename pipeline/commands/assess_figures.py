"""How a bundle scores on a folder: all radiographs, those in scope, and whether its thresholds hold."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.config import Config
from pipeline.evaluate import evaluation, recalibration
from pipeline.predict.bundle import Bundle
from pipeline.predict.recalibration import Targets


def targets(config: Config, told: Targets | None) -> Targets:
    """Return what the operating points are to reach: as the bundle says, or else as the settings do."""
    return told or Targets(config.evaluate.high_sensitivity, config.evaluate.high_specificity)


def evaluate(config: Config, loaded: Bundle, predictions: pd.DataFrame) -> dict[str, Any]:
    """Score the probabilities as written, as the stage ``evaluate`` does."""
    asked = targets(config, loaded.targets)
    return evaluation.evaluate(
        *evaluation.columns(predictions),
        loaded.points,
        n_samples=config.evaluate.bootstrap_samples,
        n_bins=config.evaluate.ece_bins,
        seed=config.run.seed,
        sensitivity=asked.sensitivity,
        specificity=asked.specificity,
    )


def in_scope(config: Config, loaded: Bundle, predictions: pd.DataFrame) -> dict[str, Any]:
    """Give the share out of scope, and the figures over the others where both classes are left."""
    inside = predictions[predictions[evaluation.IN_SCOPE]]
    share = float(1 - predictions[evaluation.IN_SCOPE].mean())
    figures: dict[str, Any] = {"scope": {"out_of_scope": share, "radiographs_in_scope": len(inside)}}
    if inside["fractured"].nunique() == 2:
        figures["test_in_scope"] = evaluate(config, loaded, inside)
    return figures


def thresholds_hold(config: Config, loaded: Bundle, predictions: pd.DataFrame) -> bool:
    """Whether both points guarantee here what was asked of them, less 0.05."""
    y_true, y_score, group = evaluation.columns(predictions)
    scored = recalibration.held_against(y_score, loaded.points)
    asked = targets(config, loaded.targets)
    return recalibration.holds(recalibration.promises(y_true, group, scored, asked), asked)
