"""The curves of a classifier on one split, as tables for ``dvc plots`` and for pages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.evaluate import net_benefit
from pipeline.predict.operating_points import OperatingPoints
from pipeline.statistics import score_curves


def tabulate(
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.float64],
    group: NDArray[Any],
    points: OperatingPoints,
    *,
    n_bins: int,
    n_samples: int,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Tabulate ``roc``, ``precision_recall``, ``reliability``, ``decision_curve`` and ``confusion``.

    Parameters
    ----------
    y_true, y_score, group, points, n_samples, seed
        As for :func:`pipeline.evaluate.evaluation.evaluate`; ``confusion`` is that of the high-specificity
        point, one row a radiograph.
    n_bins
        Bins of the reliability diagram.
    """
    called = np.where(y_score >= points.high_specificity, "fractured", "not fractured")
    return {
        "roc": pd.DataFrame(score_curves.roc_curve(y_true, y_score)),
        "precision_recall": pd.DataFrame(score_curves.precision_recall_curve(y_true, y_score)),
        "reliability": pd.DataFrame(score_curves.reliability_curve(y_true, y_score, n_bins=n_bins)),
        "decision_curve": net_benefit.decision_curve(y_true, y_score, group, n_samples=n_samples, seed=seed),
        "confusion": pd.DataFrame(
            {"actual": np.where(y_true, "fractured", "not fractured"), "predicted": called}
        ),
    }


def csv(table: pd.DataFrame) -> str:
    """Write a table with six decimals."""
    return str(table.round(6).to_csv(index=False, lineterminator="\n"))
