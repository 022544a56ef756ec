"""The figures of answers that were decided by more than one pair of thresholds: of folds, or of studies."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluate import evaluation
from pipeline.predict import operating_points
from pipeline.statistics import intervals, metrics
from pipeline.types import BoolArray, Float64Array

RATES = ("sensitivity", "specificity", "ppv", "npv")


def score(rows: pd.DataFrame, *, n_samples: int, n_bins: int, seed: int) -> dict[str, Any]:
    """Score probabilities and the decisions that were made of them.

    Parameters
    ----------
    rows
        One an answer: ``fractured``, ``y_score`` (calibrated), ``group``, ``decision``; none is out of scope.
    n_samples, seed
        Resamples of the groups, and where their random numbers start.
    n_bins
        Bins of the expected calibration error.

    Returns
    -------
    dict
        Under the keys of :func:`pipeline.evaluate.evaluation.evaluate`, without ``radiographs`` and without
        thresholds and what is guaranteed of them; ``sensitivity``, ``specificity``, ``ppv`` and ``npv`` of
        both points, and ``needs_review``, have intervals.
    """
    y_true, y_score, group = evaluation.columns(rows)
    decision = rows["decision"].to_numpy(str)
    called = {
        "high_sensitivity": decision != operating_points.NO_FINDING,
        "high_specificity": decision == operating_points.FRACTURE,
    }
    repeat = {"n_samples": n_samples, "seed": seed}
    unit_true, unit_score, unit_group = metrics.collapse_groups(y_true, y_score, group)
    by_group = evaluation.with_intervals(unit_true, unit_score, unit_group, n_bins=n_bins, **repeat)
    reviewed = decision == operating_points.NEEDS_REVIEW

    def share(weight: Float64Array) -> dict[str, float]:
        return {"needs_review": float(np.average(reviewed, weights=weight))}

    return {
        "groups": rows["group"].nunique(),
        "fractured": int(y_true.sum()),
        **evaluation.with_intervals(y_true, y_score, group, n_bins=n_bins, **repeat),
        "ece_by_chance": metrics.ece_by_chance(y_score, n_bins=n_bins, **repeat),
        **{f"group_{name}": value for name, value in by_group.items()},
        **{
            name: intervals.summarize(partial(rates, y_true, own), group, y_true, **repeat)
            for name, own in called.items()
        },
        **intervals.summarize(share, group, y_true, **repeat),
    }


def rates(y_true: BoolArray, called: BoolArray, weight: Float64Array) -> dict[str, float]:
    """Return :data:`RATES` of decisions that were made; NaN for a share of nothing."""
    found = metrics.at_threshold(y_true, called.astype(np.float64), 0.5, weight)
    return {name: found[name] for name in RATES}
