"""What `fracture recalibrate` fits to the scores of a place, and how old and new settings score there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.config import Config
from pipeline.evaluate import recalibration, studies
from pipeline.evaluate.recalibration import Scored, Site
from pipeline.predict import recalibration as fitting
from pipeline.predict import val_scores
from pipeline.predict.recalibration import Fit, Targets
from pipeline.predict.val_scores import ValScores
from pipeline.report import pages
from pipeline.types import Float64Array

LEAST_UNLABELLED = 200  # exams


class Found(NamedTuple):
    """What is fitted and how it scores.

    Attributes
    ----------
    fit
        New calibration and operating points.
    val
        What the new bundle remembers of scores.
    studies
        What decides over studies of several views; None where too few are known here.
    rows
        For ``predictions.csv``.
    figures
        For ``metrics.json``: ``groups``, ``before``, ``after`` and others.
    plots
        Name to table.
    """

    fit: Fit
    val: ValScores
    studies: Fit | None
    rows: pd.DataFrame
    figures: dict[str, Any]
    plots: dict[str, pd.DataFrame]


def require(root: Path, rows: pd.DataFrame, targets: Targets, prevalence: float | None) -> None:
    """Refuse a set that is too small, before the network runs."""
    if prevalence is None:
        groups = Site(np.zeros(len(rows)), rows["fractured"].to_numpy(bool), rows["group"].to_numpy(str))
        _require_groups(groups.groups(), targets)
    elif (n_groups := rows["group"].nunique()) < LEAST_UNLABELLED:
        raise ValueError(
            f"without labels it takes {LEAST_UNLABELLED} exams. Received: {n_groups} in {root}. Missing: "
            f"{LEAST_UNLABELLED - n_groups}."
        )


def _require_groups(counts: dict[str, int], targets: Targets) -> None:
    if short := recalibration.missing(counts, targets):
        words = {"fractured": "fractured", "other": "not fractured", "all": "in all"}
        listed = pages.listed([f"{number} {words[name]}" for name, number in short.items()])
        raise ValueError(
            f"a sensitivity of {targets.sensitivity:g} and a specificity of {targets.specificity:g} take "
            f"more labelled exams. Received: {counts['fractured']} fractured and {counts['other']} not "
            f"fractured, {counts['all']} in all (copies, patients and studies count once). Missing: {listed}."
        )


def from_labels(
    config: Config,
    rows: pd.DataFrame,
    logits: Float64Array,
    old: Fit,
    val: ValScores | None,
    targets: Targets,
) -> Found:
    """Fit to labels; the new settings are scored by cross-fitting."""
    labelled = Site(logits, rows["fractured"].to_numpy(bool), rows["group"].to_numpy(str))
    _require_groups(labelled.groups(), targets)
    fit = fitting.from_labels(logits, labelled.y_true, labelled.weight, val, old.calibration, targets)
    before = recalibration.score(logits, old)
    after, fold = recalibration.cross_fit(labelled, old.calibration, val, targets, seed=config.run.seed)
    n_bins = config.evaluate.ece_bins
    figures = recalibration.compare(
        labelled, before, after,
        n_samples=config.evaluate.bootstrap_samples, n_bins=n_bins, seed=config.run.seed,
    )  # fmt: skip
    for side, scored in (("before", before), ("after", after)):
        promised = recalibration.promises(labelled.y_true, labelled.group, scored, targets)
        figures[side] |= {point: figures[side][point] | promised[point] for point in promised}
        figures[side]["thresholds_hold"] = recalibration.holds(promised, targets)
    figures |= {"groups": labelled.groups(), "radiographs": len(rows)}
    drawn = recalibration.reliability(labelled.y_true, before, after, n_bins=n_bins)
    plots = {f"reliability_{side}": pd.DataFrame(curve) for side, curve in drawn.items()}
    table = _table(rows, logits, before, after).assign(fractured=labelled.y_true, fold=fold)
    here = val_scores.describe(logits, labelled.y_true, labelled.weight)
    exams = studies.fit(rows, fit.calibration.log_odds(logits), targets)
    return Found(fit, here, exams, table, figures, plots)


def from_scores(
    rows: pd.DataFrame,
    logits: Float64Array,
    old: Fit,
    val: ValScores | None,
    prevalence: float,
    targets: Targets,
) -> Found:
    """Estimate from scores alone."""
    if val is None:
        raise ValueError("without labels, the scores of val must be known")
    unlabelled = Site(logits, np.zeros(len(rows), bool), rows["group"].to_numpy(str))
    fit = fitting.from_scores(logits, unlabelled.weight, val, prevalence, old.calibration, targets)
    both = {"before": recalibration.score(logits, old), "after": recalibration.score(logits, fit)}
    figures: dict[str, Any] = {
        side: recalibration.shares(scored, unlabelled.weight) for side, scored in both.items()
    }
    figures |= {"groups": {"all": unlabelled.groups()["all"]}, "radiographs": len(rows)}
    figures |= {"shift": fitting.shift_of(logits, unlabelled.weight, val, prevalence)}
    return Found(fit, val, None, _table(rows, logits, **both), figures, {})


def _table(rows: pd.DataFrame, logits: Float64Array, before: Scored, after: Scored) -> pd.DataFrame:
    return rows[["path", "group", "sha256"]].assign(
        logit=logits.round(6),
        y_score_before=before.y_score.round(6),
        decision_before=before.decisions,
        y_score=after.y_score.round(6),
        decision=after.decisions,
    )
