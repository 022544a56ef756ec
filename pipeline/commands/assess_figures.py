"""How a bundle scores on a folder: all radiographs, parts of them, and whether its thresholds hold.

Whether they hold is asked of those radiographs alone from whose groups the model did not learn.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.config import Config
from pipeline.evaluate import evaluation, recalibration
from pipeline.predict.bundle import Bundle
from pipeline.predict.recalibration import Targets
from pipeline.validate import external


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


def unseen(
    config: Config, loaded: Bundle, predictions: pd.DataFrame, checked: external.Folder
) -> dict[str, Any]:
    """Count what the model learnt from, give the figures over the others, and say whether thresholds hold."""
    seen = {one.path for one in checked.issues if one.issue == "seen_before"}
    left_out = checked.files.loc[checked.in_groups_with("seen_before"), "path"]
    others = predictions[~predictions["path"].isin(left_out)]
    figures: dict[str, Any] = {"seen_before": int(predictions["path"].isin(seen).sum())}
    if len(others) < len(predictions) and others["fractured"].nunique() == 2:
        figures["test_unseen"] = evaluate(config, loaded, others)
    return figures | {"thresholds_hold": thresholds_hold(config, loaded, others)}


def thresholds_hold(config: Config, loaded: Bundle, predictions: pd.DataFrame) -> bool:
    """Whether both points guarantee here what was asked of them, less 0.05."""
    if predictions["fractured"].nunique() < 2:
        return False
    y_true, y_score, group = evaluation.columns(predictions)
    scored = recalibration.held_against(y_score, loaded.points)
    asked = targets(config, loaded.targets)
    return recalibration.holds(recalibration.promises(y_true, group, scored, asked), asked)
