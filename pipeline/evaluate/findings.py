"""All figures of a classifier on held-out radiographs: tables in, figures and tables out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.dataset import body_part
from pipeline.evaluate import evaluation, net_benefit, robustness, shortcut_gap, subgroups
from pipeline.predict.operating_points import OperatingPoints

PREDICTED_PART = "predicted_body_part"  # column of the judged


@dataclass(frozen=True)
class Findings:
    """The figures and what lies behind them.

    Attributes
    ----------
    judged
        One row a radiograph of val and test: ``path``, ``group``, ``split``, ``fractured``, ``height_px``,
        ``width_px``, ``y_score`` (calibrated), ``decision``, ``predicted_body_part``, and others.
    points
        The thresholds.
    figures
        For ``metrics.json``: ``val``, ``test``, ``test_without_hardware`` where it is known, ``best_null``,
        ``calibration``, and the lowest AUROC under each perturbation in ``robustness``.
    subgroups, robustness, decision_curve
        Of test, as the modules of these names give them.
    n_bins
        Bins of the expected calibration error.
    """

    judged: pd.DataFrame
    points: OperatingPoints
    figures: Mapping[str, Any]
    subgroups: pd.DataFrame
    robustness: pd.DataFrame
    decision_curve: pd.DataFrame
    n_bins: int


def find(
    judged: pd.DataFrame,
    attributes: pd.DataFrame,
    perturbed: pd.DataFrame,
    points: OperatingPoints,
    calibration: Mapping[str, Any],
    validated: Mapping[str, Any],
    shortcut_scores: pd.DataFrame,
    *,
    n_samples: int,
    n_bins: int,
    seed: int,
) -> Findings:
    """Score both splits, and ``test`` by subgroup and by net benefit.

    Parameters
    ----------
    judged
        As in :class:`Findings`.
    attributes
        The labels' other columns for the same radiographs, as text.
    perturbed
        From :func:`pipeline.evaluate.robustness.tabulate`.
    points, calibration
        Chosen on val; the calibration is reported as it is.
    validated
        ``metrics.json`` of `validate`, with the shortcut baselines.
    shortcut_scores
        ``null_scores.csv`` of `validate`: the baselines' scores of each radiograph of test.
    n_samples, seed
        Resamples of the groups behind every interval, and where their random numbers start.
    n_bins
        Bins of the expected calibration error.
    """
    parts = evaluation.parts(judged, attributes)
    figures: dict[str, Any] = {
        name: evaluation.evaluate(*part, points, n_samples=n_samples, n_bins=n_bins, seed=seed)
        for name, part in parts.items()
    }
    test, is_test = parts["test"], judged["split"] == "test"
    figures |= shortcut_gap.beside_shortcuts(figures["test"], validated, judged[is_test], shortcut_scores)
    if body_part.COLUMN in attributes:
        labelled = attributes.loc[is_test, body_part.COLUMN]
        figures["test"]["body_part"] = body_part.score(labelled, judged.loc[is_test, PREDICTED_PART].tolist())
    figures |= {"calibration": dict(calibration), "robustness": robustness.worst(perturbed)}
    sized = attributes.assign(longer_side_px=judged[["height_px", "width_px"]].max(axis=1))[is_test]
    return Findings(
        judged,
        points,
        figures,
        subgroups.subgroups(sized, *test, points, n_samples=n_samples, seed=seed),
        perturbed,
        net_benefit.decision_curve(*test, n_samples=n_samples, seed=seed),
        n_bins,
    )
