"""All figures of a classifier on held-out radiographs: tables in, figures and tables out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.dataset import body_part
from pipeline.evaluate import curves, evaluation, robustness, shortcut_gap, subgroups
from pipeline.predict.operating_points import OperatingPoints

PREDICTED_PART = "predicted_body_part"  # column of the predictions
_PREDICTIONS = [
    "path", "group", "split", "fractured", "y_score", "decision", evaluation.SCOPE_SCORE, evaluation.IN_SCOPE
]  # fmt: skip


@dataclass(frozen=True)
class Findings:
    """The figures and what lies behind them.

    Attributes
    ----------
    predictions
        One row a radiograph of val and test: ``path``, ``group``, ``split``, ``fractured``, ``height_px``,
        ``width_px``, ``y_score`` (calibrated), ``decision`` (as the thresholds say), ``predicted_body_part``,
        ``scope_score``, ``in_scope``, and others.
    figures
        For ``metrics.json``: ``val``, ``test``, ``test_in_scope``, ``test_without_hardware`` where it is
        known, ``best_null``, ``calibration``, ``scope``, and the lowest AUROC under each perturbation in
        ``robustness``.
    subgroups, robustness, curves
        Of test, as the modules of these names give them.
    """

    predictions: pd.DataFrame
    figures: Mapping[str, Any]
    subgroups: pd.DataFrame
    robustness: pd.DataFrame
    curves: Mapping[str, pd.DataFrame]

    def texts(self) -> dict[str, str]:
        """Write every table of the report folder: name to text."""
        tables = {"subgroups": self.subgroups, "robustness": self.robustness}
        tables |= {f"plots/{name}": table for name, table in self.curves.items()}
        return {
            "predictions.csv": self.predictions[_PREDICTIONS].to_csv(index=False, lineterminator="\n"),
            **{f"{name}.csv": curves.csv(table) for name, table in tables.items()},
        }


def find(
    predictions: pd.DataFrame,
    attributes: pd.DataFrame,
    perturbed: pd.DataFrame,
    points: OperatingPoints,
    calibration: Mapping[str, Any],
    scope: Mapping[str, Any],
    validated: Mapping[str, Any],
    shortcut_scores: pd.DataFrame,
    *,
    n_samples: int,
    n_bins: int,
    seed: int,
    sensitivity: float,
    specificity: float,
) -> Findings:
    """Score both splits, and ``test`` by subgroup and in curves.

    Parameters
    ----------
    predictions
        As in :class:`Findings`.
    attributes
        The labels' other columns for the same radiographs, as text.
    perturbed
        From :func:`pipeline.evaluate.robustness.tabulate`.
    points, calibration
        Chosen on val; the calibration is reported as it is.
    scope
        From :func:`pipeline.evaluate.telling_apart.figures`.
    validated
        ``metrics.json`` of `validate`, with the shortcut baselines.
    shortcut_scores
        ``null_scores.csv`` of `validate`: the baselines' scores of each radiograph of test.
    n_samples, seed
        Resamples of the groups behind every interval, and where their random numbers start.
    n_bins
        Bins of the expected calibration error, and of the reliability diagram.
    sensitivity, specificity
        What was asked of the two points when val chose them, in 0..1.
    """
    parts = evaluation.parts(predictions, attributes)
    figures: dict[str, Any] = {
        name: evaluation.evaluate(
            *part,
            points,
            n_samples=n_samples,
            n_bins=n_bins,
            seed=seed,
            sensitivity=sensitivity,
            specificity=specificity,
            chosen_here=name == "val",
        )
        for name, part in parts.items()
    }
    test, is_test = parts["test"], predictions["split"] == "test"
    figures |= shortcut_gap.beside_shortcuts(
        figures["test"], validated, predictions[is_test], shortcut_scores
    )
    if body_part.COLUMN in attributes:
        labelled = attributes.loc[is_test, body_part.COLUMN]
        figures["test"]["body_part"] = body_part.score(
            labelled, predictions.loc[is_test, PREDICTED_PART].tolist()
        )
    figures |= {"calibration": dict(calibration), "scope": dict(scope)}
    figures |= {"robustness": robustness.worst(perturbed)}
    sized = attributes.assign(longer_side_px=predictions[["height_px", "width_px"]].max(axis=1))[is_test]
    return Findings(
        predictions,
        figures,
        subgroups.subgroups(sized, *test, points, n_samples=n_samples, seed=seed),
        perturbed,
        curves.tabulate(*test, points, n_bins=n_bins, n_samples=n_samples, seed=seed),
    )
