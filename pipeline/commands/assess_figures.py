"""How a bundle scores on a folder: all radiographs, parts of them, and whether its thresholds hold.

Whether they hold is asked of those radiographs alone of whose groups none taught or fitted the model.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.config import Config
from pipeline.evaluate import evaluation, recalibration
from pipeline.files.faults import Issue
from pipeline.predict import site
from pipeline.predict.bundle import Bundle
from pipeline.predict.recalibration import Targets
from pipeline.validate import external

SEEN, FITTED = "seen_before", "fitted_on"  # codes of issues, and keys of the figures


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
    """Count what taught or fitted the model, give the figures over the others, and say if thresholds hold.

    ``fitted_on`` is None where it is not known: then nothing shows that they hold.
    """
    left_out = checked.files.loc[checked.in_groups_with(SEEN, FITTED), "path"]
    others = predictions[~predictions["path"].isin(left_out)]
    figures: dict[str, Any] = {}
    for code in (SEEN, FITTED):
        named = [one.path for one in checked.issues if one.issue == code]
        figures[code] = int(predictions["path"].isin(named).sum())
    if unknown := _fitted_on(config) is None:
        figures[FITTED] = None
    if len(others) < len(predictions) and others["fractured"].nunique() == 2:
        figures["test_unseen"] = evaluate(config, loaded, others)
    return figures | {"thresholds_hold": not unknown and thresholds_hold(config, loaded, others)}


def fitted(config: Config, checked: external.Folder) -> list[Issue]:
    """Name the radiographs that the thresholds of the bundle in ``paths.models`` were fitted to."""
    known = _fitted_on(config) or frozenset()
    kept = checked.kept
    here = [len({*site.digits([sha256])} & known) > 0 for sha256 in kept["sha256"]]
    detail = "calibration and thresholds were fitted to the same bytes: the figures flatter"
    return [Issue.of(path, FITTED, detail) for path in kept.loc[here, "path"]]


def _fitted_on(config: Config) -> frozenset[str] | None:
    return site.fitted_on(config.paths.models, config.paths.report("recalibrate"))


def thresholds_hold(config: Config, loaded: Bundle, predictions: pd.DataFrame) -> bool:
    """Whether both points guarantee here what was asked of them, less 0.05."""
    if predictions["fractured"].nunique() < 2:
        return False
    y_true, y_score, group = evaluation.columns(predictions)
    scored = recalibration.held_against(y_score, loaded.points)
    asked = targets(config, loaded.targets)
    return recalibration.holds(recalibration.promises(y_true, group, scored, asked), asked)


def told_of_known(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Say on the terminal how many radiographs taught or fitted the model."""
    without = "the figures flatter; what is guaranteed, and whether thresholds hold, is without their groups"
    whole = figures["test"]["radiographs"]
    rows = [(code, f"{figures[code]} of {whole}: {without}") for code in (SEEN, FITTED) if figures[code]]
    if figures[FITTED] is None:
        why = "not known: its report is not here. Run `fracture recalibrate` again"
        rows.append((FITTED, f"{why}; until then nothing shows that thresholds hold"))
    return rows
